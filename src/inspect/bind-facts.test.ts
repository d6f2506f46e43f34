import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "../../test/contracts/counting-host.ts";
import { bound, connection, createFakeHost, listener, program, timeWait, udp } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { judgeBind } from "../verdict/judge-bind.ts";
import { gatherBindFacts } from "./bind-facts.ts";
import type { BindRequest } from "./bind-facts.ts";

const REQUEST: BindRequest = {
  protocol: "tcp",
  port: 8080,
  v6only: false,
  reuseAddr: true,
  reusePort: false,
  probe: true,
};

async function gather(description: FakeHostDescription, request: Partial<BindRequest> = {}) {
  const { host, calls } = counted(createFakeHost(description));
  return { snapshot: await gatherBindFacts(host, { ...REQUEST, ...request }), calls };
}

test("gatherBindFacts() asks about :: by default, and about 0.0.0.0 where IPv6 is off", async () => {
  for (const probe of [true, false]) {
    assert.equal((await gather({}, { probe })).snapshot.question.address, "::");
    assert.equal((await gather({ ipv6: false }, { probe })).snapshot.question.address, "0.0.0.0");
  }
  assert.equal((await gather({ ipv6: false }, { address: "127.0.0.1" })).snapshot.question.address, "127.0.0.1");
});

test("gatherBindFacts() puts into the question only what is asked", async () => {
  const { question } = (await gather({}, { uid: 1000, enterCommand: "ip netns exec web" })).snapshot;
  assert.deepEqual(Object.keys(question).sort(), [
    "address",
    "port",
    "protocol",
    "reuseAddr",
    "reusePort",
    "uid",
    "v6only",
  ]);
});

test("gatherBindFacts() tries the bind that is asked for, and the one with the other SO_REUSEADDR", async () => {
  const { snapshot } = await gather({ sockets: [timeWait({ port: 8080, reuseAddr: true })] }, { reusePort: true });
  assert.deepEqual(snapshot.probed, [
    { reuseAddr: true, reusePort: true, result: "ok", by: "probe" },
    { reuseAddr: false, reusePort: true, result: "EADDRINUSE", by: "probe" },
  ]);
});

test("gatherBindFacts() makes no bind when it may not, and says so when it cannot", async () => {
  const quiet = await gather({}, { probe: false });
  assert.deepEqual(quiet.snapshot.probed, []);
  assert.ok(!quiet.calls.some((call) => call.startsWith("probeBind")));
  assert.deepEqual(quiet.snapshot.incomplete, []);
  const { snapshot } = await gather({ system: { uid: 1000 } }, { uid: 0 });
  assert.deepEqual(snapshot.probed, []);
  assert.deepEqual(snapshot.incomplete, [
    { what: "a real bind", why: "trying as uid 0 needs root", hint: "the verdict is by the rules alone" },
  ]);
});

test("gatherBindFacts() reads nothing dear for a port that is free", async () => {
  const { snapshot, calls } = await gather({ processes: [program("a", { sockets: [listener({ port: 9090 })] })] });
  assert.deepEqual([snapshot.holders, snapshot.settings.localAddresses], [[], []]);
  for (const dear of ["processes", "socketFds", "rights", "localAddresses", "interfaces", "socketOptions"])
    assert.ok(!calls.some((call) => call.startsWith(dear)), `${dear} was asked`);
  // Bound-only sockets cost the kernel a walk of all its bind buckets: bit 13 is not asked for.
  const dump = calls.find((call) => call.startsWith("dumpSockets "))!;
  assert.equal((JSON.parse(dump.slice("dumpSockets ".length)) as { states: number }).states & (1 << 13), 0);
});

test("gatherBindFacts() looks for bound-only sockets when something is in the way", async () => {
  const { snapshot } = await gather({ processes: [program("a", { sockets: [bound({ port: 8080 })] })] });
  assert.deepEqual(
    snapshot.holders.map(({ socket }) => [socket.state, socket.owners?.[0]?.command]),
    [["BOUND", "a"]],
  );
});

test("gatherBindFacts() tells what the holders have set, where a descriptor tells it", async () => {
  const { snapshot } = await gather({
    processes: [program("a", { sockets: [bound({ port: 8080, reusePort: true })] })],
    sockets: [timeWait({ port: 8080 })],
  });
  assert.deepEqual(
    snapshot.holders.map(({ socket, reuseAddr, reusePort }) => [socket.state, reuseAddr, reusePort]),
    [
      ["BOUND", false, true],
      ["TIME-WAIT", undefined, undefined],
    ],
  );
});

test("gatherBindFacts() does not believe a descriptor that another socket has got meanwhile", async () => {
  const real = createFakeHost({ processes: [program("a", { sockets: [bound({ port: 8080 })] })] });
  const other = { reuseAddr: true, reusePort: true, cookie: "0x00000000000000ff" };
  const host = new Proxy(real, {
    get: (target, name) => (name === "socketOptions" ? () => other : Reflect.get(target, name, target).bind?.(target)),
  });
  const { holders } = await gatherBindFacts(host, REQUEST);
  assert.deepEqual([holders[0]?.reuseAddr, holders[0]?.reusePort], [undefined, undefined]);
});

test("gatherBindFacts() tells of a connection whose other end listens on this machine", async () => {
  const out = (remote: string) => ({
    processes: [
      program("client", { sockets: [connection({ local: "127.0.0.1:8080", remote })] }),
      program("server", { sockets: [listener({ port: 50_000 })] }),
    ],
  });
  const listens = async (remote: string) => (await gather(out(remote))).snapshot.holders[0]?.peerListens;
  assert.equal(await listens("127.0.0.1:50000"), true);
  assert.equal(await listens("192.168.1.10:50000"), true);
  assert.equal(await listens("10.9.9.9:50000"), false, "another machine's port");
  assert.equal(await listens("127.0.0.1:50001"), false);
});

test("gatherBindFacts() groups the connections to the port by program and state, the most first", async () => {
  const to = (port: number) => connection({ local: `10.0.0.1:${port}`, remote: "10.0.0.2:8080" });
  const { snapshot } = await gather({
    processes: [
      program("curl", { sockets: [to(50_001)] }),
      program("ab", { sockets: [to(50_002), to(50_003), to(50_004)] }),
      program("node", { sockets: [listener({ port: 8080 })] }),
    ],
  });
  assert.deepEqual(
    snapshot.connectedTo.map(({ socket, count }) => [socket.owners?.[0]?.command, count]),
    [
      ["ab", 3],
      ["curl", 1],
    ],
  );
});

test("gatherBindFacts() does not split a program's connections into those that turned up and those that did not", async () => {
  const out = Array.from({ length: 60 }, (_, at) =>
    connection({ local: `10.0.0.1:${20_000 + at}`, remote: "10.0.0.2:8080" }),
  );
  const { snapshot, calls } = await gather({
    processes: [
      program("node", { pid: 7, sockets: [listener({ port: 8080 })] }),
      program("python3", { pid: 8, sockets: out }),
    ],
  });
  assert.ok(!calls.includes("socketFds 8"), "its low descriptors only");
  assert.deepEqual(
    snapshot.connectedTo.map(({ socket, count, someOwners }) => [
      socket.state,
      count,
      socket.owners?.length,
      someOwners?.map(({ command, pid }) => [command, pid]),
    ]),
    [["ESTABLISHED", 60, 1, [["python3", 8]]]],
  );
  const { spared } = judgeBind(snapshot);
  assert.deepEqual(
    spared.map(({ text }) => text),
    ["60 connections TO port 8080, some of them held by python3 (pid 8); they do not stand in the way"],
  );
});

test("gatherBindFacts() counts a crowd of connections to the port by state, and names nobody", async () => {
  const crowd = Array.from({ length: 300 }, (_, at) =>
    connection({ local: `10.0.0.1:${20_000 + at}`, remote: "10.0.0.2:8080" }),
  );
  const left = timeWait({ port: 30_000, peer: "10.0.0.2:8080" });
  const { snapshot, calls } = await gather({
    processes: [
      program("node", { pid: 7, sockets: [listener({ port: 8080 })] }),
      program("ab", { pid: 8, sockets: crowd }),
    ],
    sockets: [left],
  });
  assert.deepEqual(
    snapshot.connectedTo.map(({ socket, count }) => [socket.state, count, socket.owners, socket.ownerless]),
    [
      ["ESTABLISHED", 300, undefined, undefined],
      ["TIME-WAIT", 1, undefined, undefined],
    ],
  );
  assert.ok(!calls.includes("socketFds 8"), "the crowd's program is not read for it");
});

test("gatherBindFacts() reads no program to the end for the connections of a port that has a listener", async () => {
  const crowd = Array.from({ length: 300 }, (_, at) =>
    connection({ local: "10.0.0.1:8080", remote: `10.0.0.2:${20_000 + at}` }),
  );
  const { snapshot, calls } = await gather({
    processes: [program("node", { pid: 7, sockets: [listener({ port: 8080 }), ...crowd] })],
  });
  assert.equal(snapshot.holders.length, 301);
  assert.deepEqual(
    snapshot.holders[0]?.socket.owners?.map(({ pid }) => pid),
    [7],
  );
  assert.ok(!calls.includes("socketFds 7"));
});

test("gatherBindFacts() asks whether sockets can be destroyed only where that could help", async () => {
  const asked = async (description: FakeHostDescription) => (await gather(description)).calls.includes("rights");
  assert.equal(await asked({ sockets: [timeWait({ port: 8080 })] }), true);
  assert.equal(await asked({ processes: [program("a", { sockets: [listener({ port: 8080 })] })] }), false);
});

test("gatherBindFacts() tells the settings that bear on the bind", async () => {
  const { settings } = (
    await gather(
      {
        system: { uid: 1000 },
        sysctls: { "net.ipv4.ip_local_reserved_ports": "9000", "net.ipv4.ip_nonlocal_bind": "1" },
      },
      { address: "10.1.1.1", device: "eth0", enterCommand: "ip netns exec web", netns: "web" },
    )
  ).snapshot;
  assert.deepEqual(settings, {
    kernelRelease: "6.12.0",
    unprivilegedPortStart: 1024,
    nonlocalBind: true,
    localPortRange: { first: 32_768, last: 60_999 },
    reservedPorts: "9000",
    localAddresses: [],
    interfaces: ["lo", "eth0"],
    mayBindPrivileged: false,
    rootPrefix: "sudo ip netns exec web ",
    asker: { uid: 1000, netns: "web" },
  });
});

test("gatherBindFacts() asks whether this user may destroy sockets only where something is in the way, and never of root", async () => {
  const asked = async (description: FakeHostDescription) => {
    const { calls, snapshot } = await gather(description);
    return [calls.filter((call) => call === "hasCapability 12").length, snapshot.settings.asker];
  };
  const taken = { sockets: [timeWait({ port: 8080 })] };
  assert.deepEqual(await asked({ system: { uid: 1000 } }), [0, { uid: 1000 }]);
  assert.deepEqual(await asked({ ...taken, system: { uid: 0 } }), [0, { uid: 0 }]);
  assert.deepEqual(await asked({ ...taken, system: { uid: 1000 } }), [1, { uid: 1000, netAdmin: false }]);
  assert.deepEqual(await asked({ ...taken, system: { uid: 1000 }, capabilities: [12] }), [
    1,
    { uid: 1000, netAdmin: true },
  ]);
});

test("gatherBindFacts() leaves out settings that cannot be read", async () => {
  const none = ["ip_unprivileged_port_start", "ip_local_port_range", "ip_local_reserved_ports", "ip_nonlocal_bind"];
  const sysctls = Object.fromEntries(none.map((name) => [`net.ipv4.${name}`, undefined]));
  const { settings } = (await gather({ sysctls }, { address: "127.0.0.1" })).snapshot;
  assert.deepEqual(Object.keys(settings).sort(), [
    "asker",
    "interfaces",
    "kernelRelease",
    "localAddresses",
    "mayBindPrivileged",
    "rootPrefix",
  ]);
});

test("gatherBindFacts() asks about UDP sockets of the port, connected or not", async () => {
  const sockets = [udp({ port: 8080 }), udp({ port: 8080, address: "10.0.0.1", remote: "10.0.0.2:53" })];
  const { snapshot } = await gather(
    { processes: [program("a", { sockets: [...sockets, listener({ port: 8080 })] })] },
    { protocol: "udp" },
  );
  assert.deepEqual(
    snapshot.holders.map(({ socket }) => [socket.protocol, socket.state]),
    [
      ["udp", "BOUND"],
      ["udp", "ESTABLISHED"],
    ],
  );
});

test("gatherBindFacts() does nothing once its signal is aborted", async () => {
  const { host, calls } = counted(createFakeHost());
  await assert.rejects(gatherBindFacts(host, REQUEST, AbortSignal.abort()), { name: "AbortError" });
  assert.deepEqual(calls, []);
});
