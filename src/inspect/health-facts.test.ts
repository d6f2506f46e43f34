import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../host/host.ts";
import { maskOf } from "../tcp/states.ts";
import { connection, createFakeHost, listener, program, udp } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { gatherHealth } from "./health-facts.ts";
import type { GatheredHealth } from "./health-facts.ts";

const SETTINGS = ["net.ipv4.tcp_fin_timeout", "net.ipv4.no_such_setting"];

const gather = (host: FakeHostDescription | Host): Promise<GatheredHealth> =>
  gatherHealth("kind" in host ? host : createFakeHost(host), { settings: SETTINGS });

const closing = (port: number) =>
  connection({ local: `10.0.0.1:${port}`, remote: "10.0.0.7:5432", state: "CLOSE-WAIT" });

test("gatherHealth() tells settings, lines of files, counters and how much was looked at", async () => {
  const line = { path: "/etc/sysctl.conf", line: 3, name: "net.ipv4.tcp_tw_recycle", value: "1" };
  const { snapshot, looked } = await gather({
    sysctlLines: [line],
    counters: { "TcpExt.ListenOverflows": 7 },
    processes: [program("node", { sockets: [listener({ port: 80 }), closing(40_000)] }), program("sh")],
  });
  assert.deepEqual(snapshot.settings, { "net.ipv4.tcp_fin_timeout": "60" });
  assert.deepEqual(snapshot.configured, [{ ...line, exists: false }]);
  assert.equal(snapshot.now.counters["TcpExt.ListenOverflows"], 7);
  assert.deepEqual(looked, { sockets: 2, listeners: 1, processes: 2 });
  assert.deepEqual(snapshot.incomplete, []);
  assert.equal(snapshot.before, undefined);
});

test("gatherHealth() reads the settings that files name, and says whether they exist; not of patterns, devices and keys, nor of forwarding", async () => {
  const names = [
    "net.ipv4.tcp_rmem",
    "net.ipv4.tcp_fastopen_key",
    "net.ipv4.conf.*.forwarding",
    "net.ipv4.tcp_no_such",
    "net.ipv4.ip_forward",
  ];
  const { snapshot } = await gather({
    sysctls: Object.fromEntries(names.slice(0, 3).map((name) => [name, "1"])),
    sysctlLines: names.map((name, at) => ({ path: "/etc/sysctl.conf", line: at + 1, name, value: "1" })),
  });
  assert.deepEqual(
    snapshot.configured.map(({ exists }) => exists),
    [true, undefined, undefined, false, undefined],
  );
  assert.deepEqual(
    [snapshot.settings["net.ipv4.tcp_rmem"], snapshot.settings["net.ipv4.tcp_fastopen_key"]],
    ["1", undefined],
  );
});

test("gatherHealth() keeps UDP sockets only of ports with a wildcard and a single address, multicast not counted", async () => {
  const sockets = [
    udp({ port: 53 }),
    udp({ address: "127.0.0.1", port: 53 }),
    udp({ port: 68 }),
    udp({ port: 5353 }),
    udp({ address: "224.0.0.251", port: 5353 }),
    udp({ address: "10.0.0.1", port: 5353 }),
    udp({ address: "10.0.0.1", port: 123 }),
    udp({ address: "10.0.0.2", port: 123 }),
  ];
  const { snapshot } = await gather({ sockets });
  assert.deepEqual(
    snapshot.udpSharers?.map(({ socket }) => socket.local.port),
    [53, 53],
  );
});

test("gatherHealth() groups suspects by their holder, the largest group first, with their peers", async () => {
  const other = connection({ local: "10.0.0.1:41000", remote: "10.0.0.8:80", state: "CLOSE-WAIT" });
  const { snapshot } = await gather({
    processes: [
      program("python", { pid: 20, sockets: [closing(40_009)] }),
      program("node", { pid: 30, sockets: [closing(40_000), closing(40_001), other] }),
    ],
    sockets: [connection({ local: "10.0.0.1:40010", remote: "10.0.0.7:5432", state: "LAST-ACK" })],
  });
  assert.deepEqual(
    snapshot.now.groups.map(({ kind, count, owner, ownerless, peers }) => [
      kind,
      count,
      owner?.pid ?? ownerless,
      peers,
    ]),
    [
      [
        "close-wait",
        3,
        30,
        [
          { address: "10.0.0.7", port: 5432, count: 2 },
          { address: "10.0.0.8", port: 80, count: 1 },
        ],
      ],
      ["close-wait", 1, 20, [{ address: "10.0.0.7", port: 5432, count: 1 }]],
      ["orphan", 1, "kernel", [{ address: "10.0.0.7", port: 5432, count: 1 }]],
    ],
  );
});

test("gatherHealth() says what an ordinary user cannot see, and gathers the rest", async () => {
  const { snapshot } = await gather({
    system: { uid: 1000 },
    processes: [program("node", { uid: 33, sockets: [listener({ port: 80 }), closing(40_000)] })],
  });
  assert.deepEqual(
    snapshot.now.groups.map(({ count, owner, ownerless }) => [count, owner, ownerless]),
    [[1, undefined, "no-permission"]],
  );
  assert.equal(snapshot.listeners[0]?.socket.ownerless, "no-permission");
  assert.equal(snapshot.rootPrefix, "sudo ");
  assert.deepEqual(
    snapshot.incomplete.map(({ what }) => what),
    ["the holders of 1 connection that is half closed or silent", "the owners of 1 socket"],
  );
});

test("gatherHealth() does not add up what unseen programs of different users hold", async () => {
  const { snapshot } = await gather({
    system: { uid: 1000 },
    processes: [
      program("node", { uid: 33, sockets: [closing(40_000), closing(40_001)] }),
      program("java", { uid: 34, sockets: [closing(40_002)] }),
    ],
  });
  assert.deepEqual(
    snapshot.now.groups.map(({ count, sample, ownerless }) => [count, sample.uid, ownerless]),
    [
      [2, 33, "no-permission"],
      [1, 34, "no-permission"],
    ],
  );
});

test("gatherHealth() tells where the processes of a listener stand", async () => {
  const { snapshot } = await gather({
    processes: [
      program("node", {
        pid: 30,
        parentPid: 1,
        startedAtMs: 5000,
        sockets: [listener({ port: 3000 })],
        surroundings: { adopted: true, terminal: "gone", directory: "/home/deploy/app" },
      }),
    ],
  });
  assert.deepEqual(snapshot.listeners[0]?.processes, [
    {
      pid: 30,
      parentPid: 1,
      sessionLeaderGone: false,
      adopted: true,
      terminal: "gone",
      directory: "/home/deploy/app",
      directoryGone: false,
      startedAtMs: 5000,
    },
  ]);
});

test("gatherHealth() tells who uses half of the descriptors that it may have", async () => {
  const { snapshot } = await gather({
    processes: [
      program("near", { pid: 10, otherFds: 512 }),
      program("far", { pid: 11, otherFds: 511 }),
      program("small", { pid: 12, otherFds: 40, descriptorLimit: { soft: 64 } }),
      program("unlimited", { pid: 13, otherFds: 5000, descriptorLimit: {} }),
    ],
  });
  assert.deepEqual(snapshot.descriptors, [
    { pid: 10, command: "near", count: 512, limit: 1024, hardLimit: 524_288 },
    { pid: 12, command: "small", count: 40, limit: 64 },
  ]);
});

test("gatherHealth() counts descriptors one by one on kernels before 6.2, of those that could have too many", async () => {
  const host = createFakeHost({
    processes: [
      program("near", { pid: 10, otherFds: 512 }),
      program("far", { pid: 11, otherFds: 511 }),
      program("tiny", { pid: 12, otherFds: 20, descriptorLimit: { soft: 32 } }),
    ],
  });
  const asked: number[] = [];
  const old = new Proxy(host, {
    get(target, name) {
      if (name === "processes") return () => target.processes().map(({ fdCount: _untold, ...process }) => process);
      if (name === "descriptorCount")
        return (pid: number, atLeast: number) => {
          asked.push(atLeast);
          return target.descriptorCount(pid, atLeast);
        };
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { snapshot } = await gather(old);
  assert.deepEqual(snapshot.descriptors, [{ pid: 10, command: "near", count: 512, limit: 1024, hardLimit: 524_288 }]);
  assert.deepEqual(asked, [512, 512, 32]);
  assert.deepEqual(snapshot.incomplete, []);
});

test("gatherHealth() does without tcp_info, and says that silence cannot be told", async () => {
  const { snapshot } = await gather({
    source: { kind: "procfs", why: "there is no sock_diag", hint: "load it" },
    processes: [program("node", { sockets: [connection({ local: "10.0.0.1:40000", remote: "10.0.0.7:80" })] })],
  });
  assert.deepEqual(
    snapshot.incomplete.map(({ what }) => what),
    ["cookies, devices, backlogs, bound-only sockets", "how long connections have been silent"],
  );
});

test("gatherHealth() stops when it is told to", async () => {
  const host = createFakeHost({});
  await assert.rejects(gatherHealth(host, { settings: [] }, AbortSignal.abort()), { name: "AbortError" });
});

test("gatherHealth() suspects nothing that passes while its holder is searched for", async () => {
  const host = createFakeHost({
    processes: [program("node", { pid: 30, sockets: [closing(40_000), closing(40_001)] })],
  });
  // The first was closed after the sockets were read, and before the descriptors were.
  const first = [...host.dumpSockets({ protocol: "tcp", states: maskOf("CLOSE-WAIT") })][0]!.socketAt(0);
  const busy = new Proxy(host, {
    get(target, name) {
      if (name === "socketFds")
        return (pid: number, below?: number) => {
          const answer = target.socketFds(pid, below);
          return "fds" in answer ? { ...answer, fds: answer.fds.filter(({ inode }) => inode !== first.inode) } : answer;
        };
      if (name === "getSocket") return () => undefined;
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const { snapshot } = await gather(busy);
  assert.deepEqual(
    snapshot.now.groups.map(({ count, owner }) => [count, owner?.pid]),
    [[1, 30]],
  );
  assert.deepEqual(snapshot.incomplete, []);
});
