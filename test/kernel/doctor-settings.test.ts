// The findings of doctor about kernel settings, on the running kernel: set for real, in a namespace of the story's own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SOMAXCONN } from "./needs.ts";
import { setSysctl } from "./sysctls.ts";
import { story } from "./story.ts";

test(
  "sysctl-harmful: what is set in a harmful way is named, the command given sets it back, and then nothing is found",
  story(async (s) => {
    const only = ["sysctl-harmful"];
    const none = await s.doctor({ only });
    assert.deepEqual([none.status, none.json.findings], [0, []]);
    setSysctl(s, "net.ipv4.tcp_abort_on_overflow", 1);
    setSysctl(s, "net.ipv4.ip_local_port_range", "60000 60500");
    const { status, json } = await s.doctor({ only, fixture: "sysctl-harmful" });
    assert.equal(status, 1);
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["name"], evidence["value"]]),
      [
        ["warning", "net.ipv4.ip_local_port_range", "60000 60500"],
        ["warning", "net.ipv4.tcp_abort_on_overflow", "1"],
      ],
    );
    for (const { advice } of json.findings) s.system("sh", "-c", (advice[0]?.command ?? "false").replace(/^sudo /, ""));
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
  }),
);

test(
  "sysctl-harmful: a limit that was lowered and is hit is told with how often",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_max_tw_buckets", 0);
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:7000");
    const client = s.actor();
    const fd = await client.connect("127.0.0.1:7000");
    await client.close(fd);
    await server.close(await server.accept(listener));
    await s.gone("state connected");
    const [finding] = (await s.doctor({ only: ["sysctl-harmful"] })).json.findings;
    assert.equal(finding?.level, "warning");
    assert.match(finding.text, /it happened 1 times since boot/);
  }),
);

test(
  "sysctl-no-effect: tcp_fin_timeout is refuted, and so is a somaxconn that no program asked for",
  story(async (s) => {
    const only = ["sysctl-no-effect"];
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    setSysctl(s, "net.ipv4.tcp_fin_timeout", 15);
    setSysctl(s, "net.core.somaxconn", 65_535);
    await s.actor().listen("127.0.0.1:7000", { backlog: 511 });
    const { status, json } = await s.doctor({ only, fixture: "sysctl-no-effect" });
    assert.equal(status, 0, "information is nothing to fail for");
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["name"]]),
      [
        ["info", "net.ipv4.tcp_fin_timeout"],
        ["info", "net.core.somaxconn"],
      ],
    );
    await s.actor().listen("127.0.0.2:7000", { backlog: 60_000 });
    const asked = (await s.doctor({ only })).json.findings.map(({ evidence }) => evidence["name"]);
    assert.deepEqual(asked, ["net.ipv4.tcp_fin_timeout"]);
  }, SOMAXCONN),
);

test(
  "sysctl-gone: a line for tcp_tw_recycle is named with its file and number",
  story(async (s) => {
    const sysctlFiles = { "99-tuning.conf": "net.ipv4.tcp_tw_reuse = 1\n\n# old\nnet.ipv4.tcp_tw_recycle = 1\n" };
    const { json } = await s.doctor({ only: ["sysctl-gone"], sysctlFiles, fixture: "sysctl-gone" });
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence]),
      [
        [
          "info",
          {
            name: "net.ipv4.tcp_tw_recycle",
            lines: [{ file: "/etc/sysctl.d/99-tuning.conf", line: 4, value: "1" }],
            lastKernel: "4.11",
          },
        ],
      ],
    );
    const good = { "99-tuning.conf": "net.ipv4.tcp_tw_reuse = 1\n" };
    assert.deepEqual((await s.doctor({ only: ["sysctl-gone"], sysctlFiles: good })).json.findings, []);
  }),
);

test(
  "sysctl-not-in-force: a file that says otherwise than the kernel is named on the machine itself, and not in a namespace of its own",
  story(async (s) => {
    const question = { only: ["sysctl-not-in-force"], sysctlFiles: { "50.conf": "net.ipv4.tcp_fin_timeout = 33\n" } };
    assert.deepEqual((await s.doctor(question)).json.findings, []);
    // Only the machine's first namespace shows this one, and no test is to set anything there.
    const settings = { "net.ipv4.tcp_max_orphans": "131072" };
    const { json } = await s.doctor({ ...question, settings, fixture: "sysctl-not-in-force" });
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["settings"]]),
      [
        [
          "info",
          [
            {
              name: "net.ipv4.tcp_fin_timeout",
              value: "60",
              configuredValue: "33",
              file: "/etc/sysctl.d/50.conf",
              line: 1,
            },
          ],
        ],
      ],
    );
    setSysctl(s, "net.ipv4.tcp_fin_timeout", 33);
    assert.deepEqual((await s.doctor({ ...question, settings })).json.findings, []);
  }),
);
