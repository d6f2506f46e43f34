import assert from "node:assert/strict";
import { test } from "node:test";
import { healthySnapshot, listenerFacts } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot, SysctlLine } from "../../tcp/health-snapshot.ts";
import { SYSCTL_GONE } from "./sysctl-gone.ts";
import { SYSCTL_HARMFUL } from "./sysctl-harmful.ts";
import { SYSCTL_NO_EFFECT } from "./sysctl-no-effect.ts";
import { SYSCTL_NOT_IN_FORCE } from "./sysctl-not-in-force.ts";

const FILE = "/etc/sysctl.d/99-tuning.conf";

function withSettings(settings: Record<string, string>, changes: Partial<HealthSnapshot> = {}): HealthSnapshot {
  const healthy = healthySnapshot(changes);
  return { ...healthy, settings: { ...healthy.settings, ...settings } };
}

function line(name: string, value: string, changes: Partial<SysctlLine> = {}): SysctlLine {
  return { path: FILE, line: 3, name, value, ...changes };
}

/** A healthy machine seen from a network namespace that is not its first. */
function elsewhere(snapshot: HealthSnapshot): HealthSnapshot {
  const { "net.ipv4.tcp_max_orphans": _, ...settings } = snapshot.settings;
  return { ...snapshot, settings };
}

test("the findings about settings have nothing to say on a healthy machine", () => {
  const snapshot = withSettings({}, { configured: [line("net.ipv4.tcp_tw_reuse", "2")] });
  for (const { code, find } of [SYSCTL_HARMFUL, SYSCTL_NO_EFFECT, SYSCTL_GONE, SYSCTL_NOT_IN_FORCE])
    assert.deepEqual(find(snapshot), [], code);
});

test("sysctl-harmful names the setting, and gives the command and the line of the file", () => {
  const configured = [
    line("net.ipv4.ip_local_port_range", "1024 65535", { line: 2 }),
    line("net.ipv4.ip_local_port_range", "60000 60100", { line: 12 }),
  ];
  const [finding, ...others] = SYSCTL_HARMFUL.find(
    withSettings({ "net.ipv4.ip_local_port_range": "60000 60100" }, { configured, rootPrefix: "sudo " }),
  );
  assert.deepEqual(others, []);
  assert.equal(finding?.title, "net.ipv4.ip_local_port_range is set to 60000 60100");
  assert.deepEqual(finding?.evidence, {
    name: "net.ipv4.ip_local_port_range",
    value: "60000 60100",
    defaultValue: "32768 60999",
    betterValue: "32768 60999",
    file: FILE,
    line: 12,
  });
  assert.equal(finding?.advice[0]?.command, 'sudo sysctl -w net.ipv4.ip_local_port_range="32768 60999"');
  assert.equal(
    finding?.advice[1]?.text,
    `for the next boot, change line 12 of ${FILE} to: net.ipv4.ip_local_port_range = 32768 60999`,
  );
});

test("sysctl-harmful tells warnings first, and says nothing of files in another network namespace", () => {
  const findings = SYSCTL_HARMFUL.find(
    elsewhere(
      withSettings(
        { "net.ipv4.tcp_fin_timeout": "2", "net.ipv4.tcp_abort_on_overflow": "1" },
        { configured: [line("net.ipv4.tcp_abort_on_overflow", "1")] },
      ),
    ),
  );
  assert.deepEqual(
    findings.map(({ level, advice }) => [level, advice.length]),
    [
      ["warning", 1],
      ["info", 1],
    ],
  );
});

test("sysctl-no-effect is information, and refutes what is believed", () => {
  const [finding] = SYSCTL_NO_EFFECT.find(withSettings({ "net.ipv4.tcp_fin_timeout": "30" }));
  assert.equal(finding?.level, "info");
  assert.match(finding.text, /TIME-WAIT lasts 60 s/);
  assert.equal(finding.advice[0]?.command, "sysctl -w net.ipv4.tcp_fin_timeout=60");
});

test("sysctl-no-effect quotes the backlog that programs asked for", () => {
  const listeners = [listenerFacts({ address: "::", port: 80 })];
  const [finding] = SYSCTL_NO_EFFECT.find(withSettings({ "net.core.somaxconn": "65535" }, { listeners }));
  assert.match(finding?.text ?? "", /no listener has asked for more than 511/);
});

test("sysctl-gone names all lines of a setting that was removed, also where it was not looked for", () => {
  const configured = [
    line("net.ipv4.tcp_tw_recycle", "1"),
    line("net.ipv4.tcp_tw_recycle", "0", { line: 9, exists: false }),
  ];
  const [finding, ...others] = SYSCTL_GONE.find(withSettings({}, { configured }));
  assert.deepEqual(others, []);
  assert.equal(finding?.evidence["lastKernel"], "4.11");
  assert.deepEqual(
    finding?.advice.map(({ text }) => text),
    [`delete line 3 of ${FILE}`, `delete line 9 of ${FILE}`],
  );
});

test("sysctl-gone names a misspelt setting, but none of a module, and none that may only be hidden", () => {
  const configured = [
    line("net.ipv4.tcp_fin_timeot", "30", { exists: false }),
    line("net.netfilter.nf_conntrack_max", "1", { exists: false }),
    line("net.ipv4.tcp_unknown", "1"),
  ];
  const snapshot = withSettings({}, { configured });
  assert.deepEqual(
    SYSCTL_GONE.find(snapshot).map(({ evidence }) => evidence["name"]),
    ["net.ipv4.tcp_fin_timeot"],
  );
  assert.deepEqual(SYSCTL_GONE.find(elsewhere(snapshot)), []);
});

test("sysctl-not-in-force goes by the last line, and knows when two texts mean the same", () => {
  const configured = [
    line("net.ipv4.tcp_fin_timeout", "30"),
    line("net.ipv4.tcp_fin_timeout", "20", { line: 7 }),
    line("net.ipv4.ip_local_port_range", "32768 60999"),
    line("net.core.somaxconn", "0x1000"),
    line("net.ipv4.ip_local_reserved_ports", "8080,8081"),
  ];
  const snapshot = withSettings(
    { "net.ipv4.ip_local_port_range": "32768\t60999", "net.ipv4.ip_local_reserved_ports": "8080-8081" },
    { configured },
  );
  const [finding] = SYSCTL_NOT_IN_FORCE.find(snapshot);
  assert.equal(finding?.title, "net.ipv4.tcp_fin_timeout is 60, and a file says 20");
  assert.deepEqual(finding?.evidence["settings"], [
    { name: "net.ipv4.tcp_fin_timeout", value: "60", configuredValue: "20", file: FILE, line: 7 },
  ]);
  assert.equal(finding?.advice[0]?.command, "sysctl -w net.ipv4.tcp_fin_timeout=20");
  assert.deepEqual(SYSCTL_NOT_IN_FORCE.find(elsewhere(snapshot)), [], "files are not applied there");
});

test("sysctl-not-in-force does not advise to apply what does harm, and quotes what somebody wrote", () => {
  const advice = (name: string, value: string): { readonly text: string; readonly command?: string } | undefined =>
    SYSCTL_NOT_IN_FORCE.find(withSettings({ [name]: "0" }, { configured: [line(name, value)] }))[0]?.advice[0];
  const harmful = advice("net.ipv4.tcp_abort_on_overflow", "1");
  assert.equal(harmful?.command, undefined);
  assert.match(
    harmful?.text ?? "",
    /^change line 3 of .*: with net\.ipv4\.tcp_abort_on_overflow = 1, clients get ECONNRESET/,
  );
  assert.equal(advice("net.ipv4.tcp_rfc1337", "$(id)")?.command, 'sysctl -w net.ipv4.tcp_rfc1337="\\$(id)"');
});

test("sysctl-not-in-force sees ports that are reserved in the file only, or in the kernel only", () => {
  const name = "net.ipv4.ip_local_reserved_ports";
  const differs = (kernel: string, file: string): number =>
    SYSCTL_NOT_IN_FORCE.find(withSettings({ [name]: kernel }, { configured: [line(name, file)] })).length;
  assert.deepEqual([differs("8080", "8080,8081"), differs("8080,8081", "8080"), differs("", "")], [1, 1, 0]);
});
