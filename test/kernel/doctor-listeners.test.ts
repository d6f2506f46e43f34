// The findings of doctor about listeners, on the running kernel and with real processes.
import assert from "node:assert/strict";
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Actor } from "./actor.ts";
import { SECOND_USER } from "./needs.ts";
import { setSysctl } from "./sysctls.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { typed } from "./typed.ts";

/** An actor that is another program than the others: the same script by another name. */
function otherProgram(s: Story): Actor {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "portmortem-other-")));
  s.atEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "other-server.js");
  symlinkSync(join(import.meta.dirname, "../programs/socket-actor.js"), path);
  const actor = new Actor(path);
  s.atEnd(() => actor.kill());
  return actor;
}

test(
  "listener-in-port-range: the list it gives keeps connections away; a port that the kernel chose is not named",
  story(async (s) => {
    const only = ["listener-in-port-range"];
    setSysctl(s, "net.ipv4.ip_local_reserved_ports", "40001");
    const server = s.actor();
    await server.listen("127.0.0.1:0");
    await server.listen("127.0.0.1:40001");
    await server.listen("127.0.0.1:8080");
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    await server.listen("127.0.0.1:40000");
    await server.listen("[::1]:45000");
    const { status, json } = await s.doctor({ only, fixture: "listener-in-port-range" });
    assert.equal(status, 0);
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["ports"]]),
      [["info", [40_000, 45_000]]],
    );
    const command = json.findings[0]?.advice[0]?.command ?? "false";
    assert.match(command, /sysctl -w net\.ipv4\.ip_local_reserved_ports=40000-40001,45000$/);
    s.system("sh", "-c", command.replace(/^sudo /, ""));
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
  }),
);

test(
  "listener-shadowed: the kernel gives connections to the more specific listener, which is the one that is named",
  story(async (s) => {
    const only = ["listener-shadowed"];
    const wide = s.actor();
    const wideFd = await wide.listen("0.0.0.0:7000", { reusePort: true });
    await s.actor().listen("127.0.0.2:7000", { reusePort: true });
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "one program, two processes");
    const narrow = otherProgram(s);
    const narrowFd = await narrow.listen("127.0.0.1:7000", { reusePort: true });
    const { status, json } = await s.doctor({ only, withArguments: true, fixture: "listener-shadowed" });
    assert.equal(status, 1);
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["wildcard"], evidence["specific"]]),
      [["warning", "0.0.0.0:7000", "127.0.0.1:7000"]],
    );
    // To free that address would end both.
    assert.equal(json.findings[0]?.advice[0]?.command, `kill ${narrow.pid}`);
    const client = s.actor();
    await client.connect("127.0.0.1:7000");
    await narrow.accept(narrowFd);
    await client.connect("127.0.0.3:7000");
    await wide.accept(wideFd);
  }),
);

test(
  "listener-shadowed: another user takes a UDP server's datagrams, where both set SO_REUSEADDR; multicast is not taken",
  story(async (s) => {
    const only = ["listener-shadowed"];
    const options = { type: "dgram", reuseAddr: true } as const;
    const server = s.actor();
    await server.bound("0.0.0.0:5300", options);
    const taker = otherProgram(s);
    await taker.call("setuid", { uid: 65_534 });
    const many = await taker.bound("224.0.0.251:5300", options);
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    await taker.close(many);
    const fd = await taker.bound("127.0.0.1:5300", options);
    const { status, json } = await s.doctor({ only });
    assert.equal(status, 1);
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["specific"], evidence["specificUid"]]),
      [["warning", "127.0.0.1:5300", 65_534]],
    );
    const client = s.actor();
    await client.call("write", { fd: await client.connect("127.0.0.1:5300", { type: "dgram" }), text: "secret" });
    assert.equal(await taker.call("read", { fd }), "secret");
  }, SECOND_USER),
);

test(
  "reuseport-mixed: two programs on one endpoint, and not two processes of one",
  story(async (s) => {
    const only = ["reuseport-mixed"];
    await s.actor().listen("0.0.0.0:7000", { reusePort: true });
    await s.actor().listen("0.0.0.0:7000", { reusePort: true });
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    const other = otherProgram(s);
    await other.listen("0.0.0.0:7000", { reusePort: true });
    const { status, json } = await s.doctor({ only, withArguments: true, fixture: "reuseport-mixed" });
    assert.equal(status, 1);
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["port"], evidence["sockets"]]),
      [["warning", 7000, 3]],
    );
    assert.ok(json.findings[0]?.advice.some(({ command }) => command === `kill ${other.pid}`));
  }),
);

test(
  "port-split: localhost is two programs, one by each family",
  story(async (s) => {
    const only = ["port-split"];
    await s.actor().listen("127.0.0.1:5173");
    const twin = s.actor();
    const same = await twin.listen("[::1]:5173");
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    await twin.close(same);
    const other = otherProgram(s);
    await other.listen("[::1]:5173");
    const { status, json } = await s.doctor({ only, withArguments: true, fixture: "port-split" });
    assert.equal(status, 1);
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["ipv4"], evidence["ipv6"]]),
      [["warning", "127.0.0.1:5173", "[::1]:5173"]],
    );
    const [, four, six] = json.findings[0]?.advice ?? [];
    assert.deepEqual([four?.command, six?.command], ["portmortem free 127.0.0.1:5173", "portmortem free '[::1]:5173'"]);
    const ended = await typed(six?.command);
    assert.equal(ended.status, 0, ended.text);
    assert.equal((await s.sockets("state listening sport = :5173")).length, 1, "the other one goes on");
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
  }),
);
