import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../host/host.ts";
import { connection, createFakeHost, listener, program, timeWait } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { ALL_STATES } from "../tcp/states.ts";
import { drop } from "./drop.ts";

function machine(more: FakeHostDescription = {}): Host {
  return createFakeHost({
    processes: [
      program("server", {
        sockets: [listener({ port: 8080 }), connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:40001" })],
      }),
      program("client", { uid: 1001, sockets: [connection({ local: "127.0.0.1:40001", remote: "127.0.0.1:8080" })] }),
    ],
    sockets: [timeWait({ port: 40_002, peer: "127.0.0.1:8080" }), timeWait({ port: 40_003, peer: "127.0.0.1:8080" })],
    ...more,
  });
}

function left(host: Host): string[] {
  const lines: string[] = [];
  for (const batch of host.dumpSockets({ protocol: "tcp", states: ALL_STATES }))
    for (let index = 0; index < batch.length; index++) {
      const { state, local } = batch.socketAt(index);
      lines.push(`${state} ${local.port}`);
    }
  return lines.sort();
}

const ALL = ["ESTABLISHED 40001", "ESTABLISHED 8080", "LISTEN 8080", "TIME-WAIT 40002", "TIME-WAIT 40003"];

test("drop() needs no consent for what only the kernel holds, and ends nothing else", async () => {
  const host = machine();
  const { matched, dropped, gone, failed } = await drop({ host, filter: "state time-wait" });
  assert.deepEqual([matched, dropped, gone, failed], [2, 2, 2, []]);
  assert.deepEqual(left(host), ["ESTABLISHED 40001", "ESTABLISHED 8080", "LISTEN 8080"]);
});

test("drop() asks before it ends what a program holds, with the plan; without an answer of yes nothing is done", async () => {
  const host = machine();
  await assert.rejects(drop({ host, filter: "dport = :8080" }), { code: "PM_NEEDS_CONSENT" });
  const { declined, dropped } = await drop({ host, filter: "dport = :8080", confirm: async () => false });
  assert.deepEqual([declined, dropped], [true, 0]);
  assert.deepEqual(left(host), ALL);
  let asked = 0;
  await drop({
    host,
    filter: "dport = :8080",
    confirm: async ({ plan }) => {
      asked = plan.reduce((sum, { count }) => sum + count, 0);
      return true;
    },
  });
  assert.equal(asked, 3);
  assert.deepEqual(left(host), ["ESTABLISHED 8080", "LISTEN 8080"]);
});

test("drop() without the right resets what it may, and names the rest", async () => {
  const host = machine({ system: { uid: 1001 } });
  const { matched, dropped, gone, failed, plan } = await drop({ host, filter: "dport = :8080", yes: true });
  assert.deepEqual([matched, dropped, gone], [3, 1, 1]);
  assert.deepEqual(
    plan.map(({ kind }) => kind),
    ["reset"],
  );
  assert.deepEqual(
    failed.map(({ count, lacks, command }) => [count, lacks, command]),
    [[2, "right", "sudo portmortem drop 'dport = :8080'"]],
  );
  assert.deepEqual(left(host), ["ESTABLISHED 8080", "LISTEN 8080", "TIME-WAIT 40002", "TIME-WAIT 40003"]);
});

test("drop() on a kernel without SOCK_DESTROY says so of what only the kernel holds", async () => {
  const why = "this kernel is built without CONFIG_INET_DIAG_DESTROY";
  const host = machine({ rights: { sockDestroy: { answer: "no", lacks: "kernel", why } } });
  const { dropped, failed } = await drop({ host, filter: "state time-wait" });
  assert.equal(dropped, 0);
  assert.deepEqual(
    failed.map(({ count, lacks }) => [count, lacks]),
    [[2, "kernel"]],
  );
  assert.match(failed[0]?.text ?? "", /CONFIG_INET_DIAG_DESTROY.*the last of them ends by itself in 60 s/);
});

test("drop() tells what the kernel answered where the probe could not know", async () => {
  const unknown = { answer: "unknown", why: "it was not tried" } as const;
  const base = machine({ rights: { sockDestroy: unknown } });
  const host = new Proxy(base, {
    get: (target, name: keyof Host) => {
      const value: unknown = target[name];
      if (name !== "actions") return typeof value === "function" ? (value.bind(target) as unknown) : value;
      const actions = target.actions as Exclude<Host["actions"], { unable: string }>;
      return {
        targets: () => actions.targets(),
        destroy: (_: unknown, from: number, to: number) => ({
          destroyed: 0,
          failed: Array.from({ length: to - from }, (__, index) => ({ index: from + index, errno: "EOPNOTSUPP" })),
        }),
      };
    },
  });
  const { dropped, gone, failed } = await drop({ host, filter: "state time-wait" });
  assert.deepEqual([dropped, gone], [0, 0]);
  assert.deepEqual(
    failed.map(({ count, errno, lacks }) => [count, errno, lacks]),
    [[2, "EOPNOTSUPP", "kernel"]],
  );
});

test("drop() refuses what makes no sense, and what cannot be done here", async () => {
  const host = machine();
  for (const filter of ["", "  ", "src *"])
    await assert.rejects(drop({ host, filter, yes: true }), { code: "PM_FILTER_TOO_WIDE" });
  await assert.rejects(drop({ host, filter: "state listening", yes: true }), { code: "PM_NO_CONNECTION" });
  await assert.rejects(drop({ host, filter: "state bogus" }), { code: "PM_BAD_FILTER" });
  await assert.rejects(drop({ host, filter: "sport = :1", how: "gently" as "reset" }), { code: "PM_USAGE" });
  for (const limit of [0, -1, 1.5, NaN])
    await assert.rejects(drop({ host, filter: "sport = :1", limit }), { code: "PM_USAGE" });
  const misspelt = { host, filter: "sport = :1", dryrun: true };
  await assert.rejects(drop(misspelt), { code: "PM_USAGE", hint: "did you mean dryRun?" });
  const procfs = machine({ source: { kind: "procfs", why: "no sock_diag", hint: "modprobe" } });
  await assert.rejects(drop({ host: procfs, filter: "state time-wait" }), { code: "PM_NO_NATIVE" });
  assert.deepEqual(left(host), ALL);
});
