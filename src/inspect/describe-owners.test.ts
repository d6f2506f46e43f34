import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "../../test/contracts/counting-host.ts";
import type { Host } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";
import { ALL_STATES } from "../tcp/states.ts";
import { connection, createFakeHost, listener, program, timeWait, udp } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { traceOwners } from "./describe-owners.ts";

function socketsOf(host: Host): Socket[] {
  const found: Socket[] = [];
  for (const protocol of ["tcp", "udp"] as const)
    for (const batch of host.dumpSockets({ protocol, states: ALL_STATES }))
      for (let index = 0; index < batch.length; index++) found.push(batch.socketAt(index));
  return found;
}

async function trace(description: FakeHostDescription, listening: readonly number[] = []) {
  const { host, calls } = counted(createFakeHost(description));
  const must = socketsOf(host);
  const answer = await traceOwners(host, { must, listeningPorts: new Set(listening) });
  return { sockets: must.map((socket) => answer.of(socket)), incomplete: answer.incomplete, calls };
}

const reasonOf = async (description: FakeHostDescription, listening: readonly number[] = []) =>
  (await trace(description, listening)).sockets[0]?.ownerless;

test("traceOwners() names who holds a socket: command, arguments, user, start, state, unit and container", async () => {
  const { sockets, incomplete } = await trace({
    processes: [
      program("node", {
        pid: 812,
        args: ["node", "server.js"],
        startedAtMs: Date.UTC(2025, 0, 1),
        unit: "api.service",
        container: { runtime: "docker", id: "c0ffee", name: "api" },
        fds: { 21: listener({ port: 8080 }) },
      }),
    ],
  });
  assert.deepEqual(sockets[0]?.owners, [
    {
      pid: 812,
      fd: 21,
      command: "node",
      args: ["node", "server.js"],
      user: "deploy",
      uid: 1000,
      startedAt: "2025-01-01T00:00:00.000Z",
      state: "S",
      unit: "api.service",
      container: { runtime: "docker", id: "c0ffee", name: "api" },
    },
  ]);
  assert.equal(sockets[0]?.ownerless, undefined);
  assert.deepEqual(incomplete, []);
});

test("traceOwners() tells whose systemd runs a unit, where it is a user's", async () => {
  const cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/api.service";
  const { sockets } = await trace({
    processes: [program("node", { unit: "api.service", cgroup, sockets: [listener({ port: 8080 })] })],
  });
  assert.equal(sockets[0]?.owners?.[0]?.userManager, 1000);
});

test("traceOwners() leaves out the name of a user that has none", async () => {
  const { sockets } = await trace({ processes: [program("a", { uid: 4242, sockets: [listener({ port: 1 })] })] });
  assert.deepEqual([sockets[0]?.owners?.[0]?.user, sockets[0]?.owners?.[0]?.uid], [undefined, 4242]);
});

test("traceOwners() asks about each process once, however many sockets it holds", async () => {
  const sockets = [1, 2, 3].map((port) => listener({ port }));
  const { calls } = await trace({ processes: [program("a", { pid: 7, sockets })] });
  assert.equal(calls.filter((call) => call === "process 7").length, 1);
});

test("traceOwners() says kernel of what no descriptor can have: TIME-WAIT and orphans", async () => {
  assert.equal(await reasonOf({ sockets: [timeWait({ port: 80 })] }, [80]), "kernel");
  const orphan = { local: "127.0.0.1:80", remote: "127.0.0.1:5000" };
  assert.equal(await reasonOf({ sockets: [connection({ ...orphan, state: "LAST-ACK" })] }, [80]), "kernel");
  assert.equal(await reasonOf({ sockets: [connection(orphan)] }), "kernel", "nobody listens on its port");
});

test("traceOwners() searches no process for what no descriptor can have", async () => {
  const { calls } = await trace({ sockets: [timeWait({ port: 80 })], processes: [program("a")] });
  assert.deepEqual(
    calls.filter((call) => !call.startsWith("dumpSockets")),
    [],
  );
});

test("traceOwners() says unaccepted of a connection to a listener's port that no descriptor has", async () => {
  for (const state of ["ESTABLISHED", "CLOSE-WAIT"] as const) {
    const waiting = connection({ local: "127.0.0.1:80", remote: "127.0.0.1:5000", state });
    assert.equal(await reasonOf({ sockets: [waiting] }, [80]), "unaccepted", state);
  }
});

test("traceOwners() says no-permission when descriptors could not be read, and which right would help", async () => {
  const { sockets, incomplete } = await trace({
    system: { uid: 1000 },
    processes: [
      program("nginx", { uid: 33, sockets: [listener({ port: 80 }), listener({ port: 81 })] }),
      program("other", { uid: 34 }),
    ],
  });
  assert.deepEqual(
    sockets.map(({ ownerless, owners }) => [ownerless, owners]),
    [
      ["no-permission", []],
      ["no-permission", []],
    ],
  );
  assert.deepEqual(incomplete, [
    {
      what: "the owners of 2 sockets",
      why: "the descriptors of 2 processes may not be read",
      hint: "run it with sudo (CAP_SYS_PTRACE shows them)",
    },
  ]);
});

test("traceOwners() does not advise sudo to root", async () => {
  const { incomplete } = await trace({
    processes: [program("x", { readable: false, sockets: [listener({ port: 80 })] })],
  });
  assert.match(incomplete[0]?.hint ?? "", /^root lacks a right/);
});

test("traceOwners() says no-permission when /proc hides processes", async () => {
  const hidden = { answer: "no", lacks: "right", why: "mounted with hidepid=2" } as const;
  const { sockets, incomplete } = await trace({
    system: { uid: 1000 },
    sockets: [listener({ port: 80 })],
    rights: { seesAllProcesses: hidden },
  });
  assert.equal(sockets[0]?.ownerless, "no-permission");
  assert.equal(incomplete[0]?.why, "/proc hides other users' processes (hidepid)");
});

test("traceOwners() says in-flight when a descriptor travels, or is registered with io_uring", async () => {
  const lost = [listener({ port: 80, inode: 555 })];
  const ioUring = await reasonOf({ sockets: lost, detached: { ioUring: [{ pid: 1, inode: 555 }] } });
  assert.equal(ioUring, "in-flight");
  assert.equal(await reasonOf({ sockets: lost, detached: { ioUring: [{ pid: 1, inode: 556 }] } }), "unknown");
  assert.equal(await reasonOf({ sockets: lost, detached: { inFlight: [12] } }), "in-flight");
});

test("traceOwners() says other-namespace when only a part of the machine's processes can be seen", async () => {
  assert.equal(
    await reasonOf({ sockets: [udp({ port: 53 })], detached: { ownPidNamespace: true } }),
    "other-namespace",
  );
});

test("traceOwners() says unknown when everything was read and nobody has it", async () => {
  const { sockets, incomplete } = await trace({ sockets: [listener({ port: 80 })], processes: [program("a")] });
  assert.equal(sockets[0]?.ownerless, "unknown");
  assert.deepEqual(incomplete, []);
});

test("traceOwners() says unknown of a socket whose holder has ended since", async () => {
  const real = createFakeHost({ processes: [program("a", { pid: 5, sockets: [listener({ port: 80 })] })] });
  const host = new Proxy(real, {
    get: (target, name) => (name === "process" ? () => undefined : Reflect.get(target, name, target).bind?.(target)),
  });
  const [socket] = socketsOf(real);
  const answer = await traceOwners(host, { must: [socket!], listeningPorts: new Set() });
  assert.deepEqual([answer.of(socket!).owners, answer.of(socket!).ownerless], [[], "unknown"]);
});

test("traceOwners() leaves alone what was only to be named in passing and was not met", async () => {
  const host = createFakeHost({
    processes: [
      program("a", { sockets: [listener({ port: 80 })] }),
      program("b", { otherFds: 9000, fds: { 900: listener({ port: 81 }) } }),
    ],
  });
  const [must, passing] = socketsOf(host);
  const answer = await traceOwners(host, { must: [must!], inPassing: [passing!], listeningPorts: new Set() });
  assert.equal(answer.of(must!).owners?.length, 1);
  assert.equal(answer.of(passing!), passing);
});

test("traceOwners() looks cgroups up only where few sockets are wanted", async () => {
  const many = (count: number) =>
    Array.from({ length: count }, (_, at) => listener({ port: at + 1, cgroupId: 40 + at }));
  const lookups = async (count: number) =>
    (await trace({ processes: [program("a", { sockets: many(count) })] })).calls.filter((call) =>
      call.startsWith("cgroupPath"),
    );
  assert.equal((await lookups(2)).length, 2);
  assert.equal((await lookups(101)).length, 0);
});
