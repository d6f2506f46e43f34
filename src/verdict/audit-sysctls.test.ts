import assert from "node:assert/strict";
import { test } from "node:test";
import type { HealthSnapshot } from "../tcp/health-snapshot.ts";
import { healthyLook, healthySnapshot, listenerFacts } from "../../test/contracts/health-snapshots.ts";
import { auditSysctls } from "./audit-sysctls.ts";
import { SYSCTLS } from "./sysctl-table.ts";
import { retransmitSeconds } from "./sysctls/judge-others.ts";

/** How one setting is judged on a healthy machine on which only these are set otherwise. */
function judged(
  name: string,
  settings: Record<string, string>,
  changes: Partial<HealthSnapshot> = {},
): { readonly verdict: string; readonly level?: string; readonly why?: string } {
  const healthy = healthySnapshot(changes);
  const row = auditSysctls({ ...healthy, settings: { ...healthy.settings, ...settings } }).find(
    (each) => each.name === name,
  );
  assert.ok(row !== undefined);
  return row.judgement;
}

function verdictOf(name: string, value: string, others: Record<string, string> = {}): string {
  const { verdict, level } = judged(name, { [name]: value, ...others });
  return level === undefined ? verdict : `${verdict} ${level}`;
}

test("auditSysctls() has nothing to say against the kernel's own values", () => {
  const settings = Object.fromEntries(SYSCTLS.map(({ name, defaultValue }) => [name, defaultValue ?? "262144"]));
  delete settings["net.ipv4.tcp_tw_recycle"];
  for (const { name, judgement } of auditSysctls(healthySnapshot({ settings })))
    assert.ok(["default", "absent"].includes(judgement.verdict), `${name}: ${judgement.verdict}`);
});

test("auditSysctls() says of a setting that is not there that it is absent, and nothing more", () => {
  const [row] = auditSysctls(healthySnapshot()).filter(({ name }) => name.endsWith("tcp_tw_recycle"));
  assert.deepEqual([row?.judgement, row?.value], [{ verdict: "absent" }, undefined]);
});

test("auditSysctls() judges each setting by its own measure", () => {
  const cases: readonly (readonly [string, string, string, Record<string, string>?])[] = [
    ["net.ipv4.tcp_tw_recycle", "1", "harmful warning"],
    ["net.ipv4.tcp_tw_reuse", "1", "changed"],
    ["net.ipv4.tcp_tw_reuse", "0", "changed"],
    ["net.ipv4.tcp_tw_reuse", "1", "no-effect", { "net.ipv4.tcp_timestamps": "0" }],
    ["net.ipv4.tcp_timestamps", "0", "harmful info"],
    ["net.ipv4.tcp_timestamps", "0", "harmful warning", { "net.ipv4.tcp_tw_reuse": "1" }],
    ["net.ipv4.tcp_timestamps", "2", "changed"],
    ["net.ipv4.tcp_tw_reuse_delay", "10", "changed"],
    ["net.ipv4.tcp_tw_reuse_delay", "10", "harmful info", { "net.ipv4.tcp_tw_reuse": "1" }],
    ["net.ipv4.tcp_fin_timeout", "15", "no-effect"],
    ["net.ipv4.tcp_fin_timeout", "5", "harmful info"],
    ["net.ipv4.tcp_fin_timeout", "120", "changed"],
    ["net.ipv4.tcp_fin_timeout", "3600", "harmful warning"],
    ["net.ipv4.tcp_max_tw_buckets", "500", "harmful warning"],
    ["net.ipv4.tcp_max_tw_buckets", "5000", "harmful info"],
    ["net.ipv4.tcp_max_tw_buckets", "4096", "default"],
    ["net.ipv4.tcp_max_tw_buckets", "512", "default"],
    ["net.ipv4.tcp_max_tw_buckets", "4096", "harmful info", { "net.ipv4.tcp_ehash_entries": "262144" }],
    ["net.ipv4.tcp_max_tw_buckets", "2000000", "default"],
    ["net.ipv4.tcp_max_tw_buckets", "60000", "harmful info", { "net.ipv4.tcp_ehash_entries": "-262144" }],
    ["net.ipv4.tcp_max_tw_buckets", "2000000", "changed", { "net.ipv4.tcp_ehash_entries": "262144" }],
    ["net.ipv4.tcp_max_orphans", "100", "harmful warning"],
    ["net.ipv4.tcp_rfc1337", "1", "changed"],
    ["net.ipv4.tcp_abort_on_overflow", "1", "harmful warning"],
    ["net.ipv4.tcp_keepalive_time", "600", "changed"],
    ["net.ipv4.tcp_keepalive_time", "86400", "harmful info"],
    ["net.ipv4.tcp_keepalive_probes", "1", "harmful warning"],
    ["net.ipv4.tcp_keepalive_probes", "3", "changed"],
    ["net.ipv4.tcp_retries2", "3", "harmful warning"],
    ["net.ipv4.tcp_retries2", "5", "harmful info"],
    ["net.ipv4.tcp_retries2", "8", "changed"],
    ["net.ipv4.tcp_orphan_retries", "1", "harmful warning"],
    ["net.ipv4.tcp_orphan_retries", "3", "harmful info"],
    ["net.ipv4.tcp_orphan_retries", "8", "changed"],
    ["net.ipv4.tcp_orphan_retries", "15", "harmful warning"],
    ["net.ipv4.ip_local_port_range", "1024 65535", "changed"],
    ["net.ipv4.ip_local_port_range", "500 65535", "harmful warning"],
    ["net.ipv4.ip_local_port_range", "60000\t60999", "harmful info"],
    ["net.ipv4.ip_local_port_range", "60000 60100", "harmful warning"],
    ["net.ipv4.ip_local_reserved_ports", "8080,40000-40010", "changed"],
    ["net.ipv4.ip_local_reserved_ports", "32768-60900", "harmful warning"],
    ["net.core.somaxconn", "128", "harmful info"],
    ["net.core.somaxconn", "50", "harmful warning"],
    ["net.core.somaxconn", "65535", "changed"],
    ["net.ipv4.tcp_syncookies", "2", "harmful info"],
    ["net.ipv4.tcp_syncookies", "0", "harmful info"],
    ["net.ipv4.tcp_max_syn_backlog", "65536", "no-effect", { "net.ipv4.tcp_ehash_entries": "262144" }],
    ["net.ipv4.tcp_max_syn_backlog", "2048", "default", { "net.ipv4.tcp_ehash_entries": "262144" }],
    ["net.ipv4.tcp_max_syn_backlog", "64", "harmful warning", { "net.ipv4.tcp_syncookies": "0" }],
    ["net.ipv4.tcp_migrate_req", "1", "changed"],
    ["net.ipv4.ip_unprivileged_port_start", "0", "changed"],
    ["net.ipv4.ip_nonlocal_bind", "1", "changed"],
  ];
  for (const [name, value, expected, others] of cases)
    assert.equal(verdictOf(name, value, others), expected, `${name} = ${value}`);
});

test("auditSysctls() knows the default of the kernel that runs", () => {
  const old = { system: { kernelRelease: "4.15.0-213-generic", nowMs: 0, uid: 0 } };
  assert.equal(judged("net.core.somaxconn", { "net.core.somaxconn": "128" }, old).verdict, "default");
  assert.equal(judged("net.ipv4.tcp_tw_reuse", { "net.ipv4.tcp_tw_reuse": "0" }, old).verdict, "default");
});

test("auditSysctls() warns of a lowered limit that was hit, whatever its size", () => {
  const now = healthyLook({ counters: { "TcpExt.TCPTimeWaitOverflow": 12 } });
  const name = "net.ipv4.tcp_max_tw_buckets";
  const { level, why } = judged(name, { [name]: "100000", "net.ipv4.tcp_ehash_entries": "524288" }, { now });
  assert.equal(level, "warning");
  assert.match(why ?? "", /12 times since boot/);
});

test("auditSysctls() warns of tcp_syncookies = 0 where a listener can be reached from elsewhere", () => {
  const name = "net.ipv4.tcp_syncookies";
  const on = (address: string): string | undefined =>
    judged(name, { [name]: "0" }, { listeners: [listenerFacts({ address, port: 80 })] }).level;
  assert.equal(on("0.0.0.0"), "warning");
  assert.equal(on("127.0.0.1"), "info");
});

test("auditSysctls() says that a larger somaxconn helps nobody, unless a program asked for more", () => {
  const name = "net.core.somaxconn";
  const granted = (backlog: number): string =>
    judged(
      name,
      { [name]: "65535" },
      { listeners: [listenerFacts({ address: "::", port: 80 }, { socket: { queues: { accepting: 0, backlog } } })] },
    ).verdict;
  assert.equal(granted(511), "no-effect");
  assert.equal(granted(16_384), "changed");
});

test("retransmitSeconds() is the kernel's model: 924.6 s for 15 retransmissions, 100 s for the 8 of orphans", () => {
  assert.deepEqual([1, 2, 3, 8, 15].map(retransmitSeconds), [0.6, 1.4, 3, 102.2, 924.6]);
});
