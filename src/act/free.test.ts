import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../host/host.ts";
import { bound, connection, createFakeHost, listener, program, timeWait } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import type { FreeResult, FreeStep } from "../tcp/free-plan.ts";
import { free, planFree } from "./free.ts";
import type { PlanFreeOptions } from "./free.ts";

const SERVER = { pid: 812, sockets: [listener({ port: 8080 })] } as const;

/** "SIGTERM 812", "destroy", "drop": what a plan comes to. */
function words(steps: readonly FreeStep[]): string[] {
  return steps.map((step) => `${step.ifNeeded === true ? "if needed " : ""}${wordOf(step)}`);
}

function wordOf(step: FreeStep): string {
  return step.kind === "signal" ? `${step.signal} ${step.pid}` : step.kind;
}

async function planned(description: FakeHostDescription, options: PlanFreeOptions = {}): Promise<string[]> {
  const { plan, refused } = await planFree(8080, { ...options, host: createFakeHost(description) });
  return [...words(plan), ...refused.map(({ lacks, command }) => `no: ${lacks ?? "-"}: ${command ?? "-"}`)];
}

const LEFT = "if needed destroy";

test("planFree() of a port that can be bound is empty", async () => {
  const plan = await planFree(8080, { host: createFakeHost({}) });
  assert.deepEqual([plan.bindable, plan.plan, plan.refused], [true, [], []]);
});

test("planFree() asks a listener to end, kills it only with force, and clears what it leaves behind", async () => {
  const host = { processes: [program("node", SERVER)] };
  assert.deepEqual(await planned(host), ["SIGTERM 812", LEFT]);
  assert.deepEqual(await planned(host, { force: true }), ["SIGTERM 812", "if needed SIGKILL 812", LEFT]);
});

test("planFree() continues who is stopped before it is asked to end", async () => {
  assert.deepEqual(await planned({ processes: [program("node", { ...SERVER, state: "T" })] }), [
    "SIGCONT 812",
    "SIGTERM 812",
    LEFT,
  ]);
});

test("planFree() names everybody who shares the listener, a parent before its workers", async () => {
  const shared = listener({ port: 8080 });
  const processes = [
    program("node", { pid: 900, parentPid: 950, sockets: [shared], startTicks: 9 }),
    program("node", { pid: 950, sockets: [shared], startTicks: 5 }),
  ];
  assert.deepEqual(await planned({ processes }), ["SIGTERM 950", "SIGTERM 900", LEFT]);
});

test("planFree() with tree ends the program as it was started, parents first; without it shows it", async () => {
  const processes = [
    program("npm", { pid: 700, startTicks: 1 }),
    program("node", { ...SERVER, parentPid: 700, processGroup: 700, startTicks: 2 }),
    program("worker", { pid: 813, parentPid: 812, processGroup: 700, startTicks: 3 }),
  ];
  assert.deepEqual(await planned({ processes }), ["SIGTERM 812", LEFT]);
  assert.deepEqual(await planned({ processes }, { tree: true }), ["SIGTERM 700", "SIGTERM 812", "SIGTERM 813", LEFT]);
  const { tree } = await planFree(8080, { host: createFakeHost({ processes }) });
  assert.deepEqual(
    tree.map(({ pid, depth, holds }) => [pid, depth, holds]),
    [
      [700, 0, false],
      [812, 1, true],
      [813, 2, false],
    ],
  );
});

test("planFree() clears what no program holds, and waits where that is wished and enough", async () => {
  const sockets = [timeWait({ port: 8080, remainingMs: 30_000 })];
  assert.deepEqual(await planned({ sockets }), ["destroy"]);
  assert.deepEqual(await planned({ sockets }, { waitMs: 29_000 }), ["destroy"]);
  assert.deepEqual(await planned({ sockets }, { waitMs: 31_000 }), ["wait"]);
});

test("planFree() says what lacks where the kernel cannot clear it, or may not for this user, and what can be done instead", async () => {
  const sockets = [timeWait({ port: 8080, remainingMs: 30_000 })];
  const old = { system: { kernelRelease: "5.15.0" } };
  assert.deepEqual(await planned({ sockets, ...old }), ["no: kernel: portmortem free 8080 --wait 30s"]);
  const noRight = { rights: { sockDestroy: { answer: "no", lacks: "right", why: "needs CAP_NET_ADMIN" } } } as const;
  const ordinary = { system: { uid: 1000 }, ...noRight };
  assert.deepEqual(await planned({ sockets, ...ordinary }), ["no: right: sudo portmortem free 8080"]);
  assert.deepEqual(await planned({ sockets, ...noRight }), ["no: right: portmortem free 8080 --wait 30s"], "as root");
  const orphan = [connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "LAST-ACK" })];
  assert.deepEqual(await planned({ sockets: orphan, system: { kernelRelease: "6.10.0" } }), ["no: kernel: -"]);
  assert.deepEqual(await planned({ sockets: orphan, system: { kernelRelease: "6.11.0" } }), ["destroy"]);
});

test("planFree() ends an outgoing connection only with consent, and never its program", async () => {
  const client = connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:443", state: "SYN-SENT" });
  const processes = [program("curl", { pid: 900, sockets: [client] })];
  assert.deepEqual(await planned({ processes }), ["no: option: portmortem free 8080 --drop-clients"]);
  assert.deepEqual(await planned({ processes }, { dropClients: true }), ["drop"]);
});

test("planFree() needs that consent in every state of an outgoing connection", async () => {
  const client = connection({ local: "127.0.0.1:40001", remote: "10.0.0.9:443", state: "CLOSE-WAIT" });
  const host = createFakeHost({ processes: [program("curl", { pid: 900, sockets: [client] })] });
  const { plan, refused } = await planFree(40_001, { host });
  assert.deepEqual([plan, refused.map(({ lacks }) => lacks)], [[], ["option"]]);
});

test("planFree() ends a connection that is in the way, whoever listens on another address with that port", async () => {
  const accepted = connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:50000" });
  const host = createFakeHost({
    processes: [
      program("other", { pid: 700, sockets: [listener({ port: 8080, address: "127.0.0.2" })] }),
      program("worker", { pid: 900, sockets: [accepted] }),
    ],
  });
  const { plan } = await planFree({ port: 8080, address: "127.0.0.1" }, { host, reuseAddr: false });
  assert.deepEqual(words(plan), ["drop"]);
});

test("planFree() leaves out what only may be in the way while something likelier is", async () => {
  const sockets = [
    connection({ local: "[::1]:8080", remote: "[::1]:50000", state: "TIME-WAIT" }),
    connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:50000", state: "TIME-WAIT" }),
  ];
  for (const reuseAddr of [false, true]) {
    const host = createFakeHost({ sockets });
    const { plan } = await planFree({ port: 8080, address: "0.0.0.0" }, { host, reuseAddr });
    const locals = plan.map((step) => ("socket" in step ? step.socket?.local.address : undefined));
    assert.deepEqual([words(plan), locals], [["destroy"], ["127.0.0.1"]]);
  }
});

test("planFree() refuses pid 1, itself and its ancestors, and another user's process", async () => {
  for (const [pid, more] of [
    [1, {}],
    [4242, { system: { pid: 4242 } }],
    [4000, { system: { pid: 4242 } }],
  ] as const) {
    const me = program("portmortem", { pid: 4242, parentPid: 4000 });
    const holder = program("node", { ...SERVER, pid, ...(pid === 4242 ? { parentPid: 4000 } : {}), startTicks: 1 });
    const plan = await planFree(8080, {
      host: createFakeHost({ ...more, processes: pid === 4242 ? [holder] : [holder, me] }),
    });
    assert.deepEqual([words(plan.plan), plan.refused.map(({ pid: who }) => who)], [[], [pid]], String(pid));
  }
  const other = { system: { uid: 1000 }, processes: [program("node", { ...SERVER, uid: 0, readable: true })] };
  assert.deepEqual(await planned(other), ["no: right: sudo portmortem free 8080"]);
});

test("planFree() refuses who keeps other programs alive too", async () => {
  const daemon = program("PM2 v6.0.5: God", { ...SERVER, args: ["PM2 v6.0.5: God Daemon (/root/.pm2)"] });
  const { plan, refused } = await planFree(8080, { host: createFakeHost({ processes: [daemon] }) });
  assert.deepEqual(words(plan), []);
  assert.match(refused[0]?.text ?? "", /keeps all of its apps alive/);
});

test("planFree() leaves alone who only is connected to the port, and says so", async () => {
  const processes = [
    program("node", SERVER),
    program("curl", { pid: 900, sockets: [connection({ local: "127.0.0.1:40000", remote: "127.0.0.1:8080" })] }),
  ];
  const { plan, spared } = await planFree(8080, { host: createFakeHost({ processes }) });
  assert.deepEqual(words(plan), ["SIGTERM 812", LEFT]);
  assert.match(spared[0]?.text ?? "", /TO port 8080/);
});

test("planFree() never signals a container's process: it names the container, and stops it where that is wished", async () => {
  const container = { runtime: "docker", id: "c".repeat(64), name: "web" } as const;
  const processes = [program("nginx", { ...SERVER, container })];
  assert.deepEqual(await planned({ processes }), ["no: option: docker stop web"]);
  assert.deepEqual(await planned({ processes }, { container: true }), ["container", LEFT]);
});

function machine(): Host {
  return createFakeHost({ processes: [program("node", SERVER)] });
}

const outcome = ({ bindable, done }: FreeResult): unknown => [bindable, done.map(({ result }) => result)];

test("free() needs consent for what touches a program, and none for what only the kernel holds", async () => {
  await assert.rejects(free(8080, { host: machine() }), { code: "PM_NEEDS_CONSENT" });
  assert.deepEqual(outcome(await free(8080, { host: machine(), yes: true })), [true, ["ok", "not-needed"]]);
  const remains = createFakeHost({ sockets: [timeWait({ port: 8080, remainingMs: 30_000 })] });
  assert.deepEqual(outcome(await free(8080, { host: remains })), [true, ["ok"]]);
});

test("free() with dryRun, and after a no, does nothing", async () => {
  const host = machine();
  const dry = await free(8080, { host, dryRun: true });
  assert.deepEqual([dry.dryRun, dry.bindable, dry.done], [true, false, []]);
  const asked: string[][] = [];
  const declined = await free(8080, {
    host,
    confirm: async ({ plan }) => {
      asked.push(words(plan));
      return false;
    },
  });
  assert.deepEqual(
    [declined.declined, declined.bindable, declined.done, asked],
    [true, false, [], [["SIGTERM 812", LEFT]]],
  );
  assert.equal((await planFree(8080, { host })).bindable, false);
});

test("free() kills who ignores SIGTERM only with force; without it, it says how", async () => {
  const stubborn = (): Host => createFakeHost({ processes: [program("node", { ...SERVER, ignores: ["SIGTERM"] })] });
  const polite = await free(8080, { host: stubborn(), yes: true, graceMs: 20 });
  assert.deepEqual(outcome(polite), [false, ["failed", "not-needed"]]);
  assert.equal(polite.refused[0]?.command, "portmortem free 8080 --grace 20ms --force");
  const forced = await free(8080, { host: stubborn(), yes: true, force: true, graceMs: 20 });
  assert.deepEqual(outcome(forced), [true, ["failed", "ok", "not-needed"]]);
});

test("free() begins nothing while a part of what is in the way is refused", async () => {
  const sockets = [timeWait({ port: 8080, remainingMs: 30_000 })];
  const host = createFakeHost({ system: { uid: 1000 }, sockets, processes: [program("node", { ...SERVER, uid: 0 })] });
  const { bindable, done, refused } = await free(8080, { host, yes: true });
  assert.deepEqual([bindable, done], [false, []]);
  assert.ok(refused.some(({ lacks }) => lacks === "right"));
});

test("free() of a bound socket ends its holder, and of several ports each", async () => {
  const host = createFakeHost({
    processes: [
      program("a", { pid: 901, sockets: [bound({ port: 8080 })] }),
      program("b", { pid: 902, sockets: [listener({ port: 9090 })] }),
    ],
  });
  const result = await free([8080, "127.0.0.1:9090"], { host, yes: true });
  assert.deepEqual(
    result.endpoints.map(({ port, bindable }) => [port, bindable]),
    [
      [8080, true],
      [9090, true],
    ],
  );
  assert.deepEqual(words(result.plan), ["SIGTERM 901", LEFT, "SIGTERM 902", LEFT]);
});

test("free() stops a container by its engine", async () => {
  const container = { runtime: "docker", id: "c".repeat(64), name: "web" } as const;
  const host = createFakeHost({ processes: [program("nginx", { ...SERVER, container })] });
  const result = await free(8080, { host, yes: true, container: true });
  assert.deepEqual(outcome(result), [true, ["ok", "not-needed"]]);
});

test("free() refuses options that make no sense", async () => {
  await assert.rejects(free(8080, { host: machine(), graceMs: -1 }), { code: "PM_USAGE" });
  await assert.rejects(free(8080, { host: machine(), gracems: 1 } as never), { code: "PM_USAGE" });
});
