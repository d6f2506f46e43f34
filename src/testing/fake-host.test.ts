import assert from "node:assert/strict";
import { test } from "node:test";
import { why } from "../ask/why.ts";
import { listSockets } from "../ask/list-sockets.ts";
import { parseFilter } from "../tcp/filter/parse-filter.ts";
import type { Host } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";
import { ALL_STATES } from "../tcp/states.ts";
import { bound, connection, createFakeHost, listener, program, timeWait, udp } from "./testing.ts";

function dump(host: Host, filter?: string): Socket[] {
  const found: Socket[] = [];
  const request = { protocol: "tcp", states: ALL_STATES } as const;
  const dumped = host.dumpSockets(filter === undefined ? request : { ...request, filter: parseFilter(filter) });
  for (const batch of dumped) for (let index = 0; index < batch.length; index++) found.push(batch.socketAt(index));
  return found;
}

test("a fake machine without a description has a kernel, addresses and no sockets", () => {
  const host = createFakeHost();
  assert.equal(host.kind, "fake");
  assert.deepEqual(dump(host), []);
  assert.deepEqual(host.processes(), []);
  assert.deepEqual(
    host.localAddresses().map(({ address }) => address),
    ["127.0.0.1", "192.168.1.10", "::1", "fd00::10"],
  );
});

test("a socket in two processes is one socket, with the same inode under each descriptor", async () => {
  const shared = listener({ port: 80 });
  const host = createFakeHost({
    processes: [
      program("nginx", { pid: 10, sockets: [shared] }),
      program("nginx", {
        pid: 11,
        fds: { 40: shared },
        sockets: [connection({ local: "10.0.0.1:80", remote: "10.0.0.2:999" })],
      }),
    ],
  });
  const { sockets } = await listSockets({ host, filter: "state listening" });
  assert.deepEqual(
    sockets.map(({ owners }) => owners?.map(({ pid, fd }) => `${pid}:${fd}`)),
    [["10:3", "11:40"]],
  );
});

test("an ordinary user of a fake machine cannot read another user's descriptors", async () => {
  const host = createFakeHost({
    system: { uid: 1000 },
    processes: [program("nginx", { uid: 33, sockets: [listener({ port: 8080 })] })],
  });
  assert.deepEqual(host.socketFds(1000), { errno: "EACCES" });
  assert.equal(host.socketInode(1000, 3), undefined);
  assert.deepEqual(host.socketOptions(1000, 3), { errno: "EPERM" });
  const { blockers, incomplete } = await why(8080, { host });
  assert.equal(blockers[0]?.socket?.ownerless, "no-permission");
  assert.match(incomplete[0]?.hint ?? "", /sudo/);
});

test("a namespace of a fake machine has its own sockets, and is entered by name, path and pid", async () => {
  const host = createFakeHost({
    namespaces: [
      { names: ["web"], processes: [program("nginx", { pid: 77, sockets: [listener({ port: 80 })] })] },
      { names: ["locked"], mayEnter: false },
    ],
  });
  for (const ref of [{ name: "web" }, { path: "/run/netns/web" }, { path: "/proc/77/ns/net" }, { pid: 77 }]) {
    const inside = host.enter(ref);
    assert.equal(dump(inside).length, 1, JSON.stringify(ref));
    assert.notEqual(inside.netns().inode, host.netns().inode);
  }
  assert.equal(dump(host).length, 0);
  assert.throws(() => host.enter({ name: "locked" }), { code: "PM_NETNS_FORBIDDEN", errno: "EPERM" });
  assert.throws(() => host.enter({ name: "nowhere" }), { code: "PM_NETNS_NOT_FOUND", hint: "there are: web, locked" });
  const { elsewhere, bindable } = await why(80, { host });
  assert.equal(bindable, true);
  assert.deepEqual(
    elsewhere.map(({ names }) => names),
    [["web"]],
  );
});

test("a fake machine with the source procfs hides what /proc/net hides", () => {
  const host = createFakeHost({
    source: { kind: "procfs", hint: "h", why: "the test says so" },
    processes: [program("a", { sockets: [listener({ port: 80, device: "eth0" }), bound({ port: 81 })] })],
  });
  const [only, ...rest] = dump(host, "sport = :99");
  assert.equal(rest.length, 0, "bound-only sockets are not shown");
  assert.equal(only?.local.port, 80, "nothing is filtered");
  assert.deepEqual(Object.keys(only ?? {}), ["protocol", "family", "state", "local", "queues", "uid", "inode"]);
  assert.deepEqual(only?.local, { address: "::", port: 80 });
  assert.ok(
    "refused" in host.probeBind({ protocol: "tcp", address: "::", port: 1, reuseAddr: false, reusePort: false }),
  );
});

test("a fake machine with a kernel before 6.8 does not show bound-only sockets, and says so", () => {
  const host = createFakeHost({ system: { kernelRelease: "6.1.0" }, sockets: [bound({ port: 81 })] });
  assert.deepEqual(dump(host), []);
  assert.deepEqual(host.dumpSockets({ protocol: "tcp", states: ALL_STATES }).summary.blind, ["BOUND"]);
});

test("a batch of a fake dump is over when the next one is asked for", () => {
  const sockets = Array.from({ length: 60 }, (_, index) => timeWait({ port: 80, peer: `10.0.0.1:${1000 + index}` }));
  const batches = createFakeHost({ sockets }).dumpSockets({ protocol: "tcp", states: ALL_STATES })[Symbol.iterator]();
  const first = batches.next().value!;
  assert.equal(first.socketAt(0).remote?.port, 1000);
  const second = batches.next().value!;
  assert.equal(second.length, 10);
  assert.equal(second.socketAt(0).remote?.port, 1050);
  assert.throws(() => first.socketAt(0), /batch is over/);
  assert.throws(() => second.socketAt(10), RangeError);
});

test("builders fill in what is usual", () => {
  assert.deepEqual(listener({ port: 80 }).queues, { accepting: 0, backlog: 511 });
  assert.equal(listener({ port: 80 }).v6only, false);
  assert.equal(listener({ port: 80, address: "::1" }).v6only, true, "a specific IPv6 address is V6ONLY");
  assert.equal(listener({ port: 80, address: "10.0.0.1" }).v6only, undefined);
  assert.equal(timeWait({ port: 80, address: "fd00::10" }).remote?.address, "::1");
  assert.equal(udp({ port: 53 }).state, "BOUND");
  assert.equal(udp({ port: 53, remote: "10.0.0.1:9" }).state, "ESTABLISHED");
  assert.throws(() => connection({ local: ":80", remote: "10.0.0.1:1" }), { code: "PM_BAD_ADDRESS" });
});

test("bind on a fake machine answers as the kernel would before it looks at the port", () => {
  const host = createFakeHost({ system: { uid: 1000 } });
  const bind = (address: string, port = 8080, more: { v6only?: boolean; device?: string; uid?: number } = {}) =>
    host.probeBind({ protocol: "tcp", address, port, reuseAddr: false, reusePort: false, ...more });
  assert.deepEqual(bind("0.0.0.0"), { result: "ok", step: "bind" });
  assert.deepEqual(bind("127.0.0.53"), { result: "ok", step: "bind" });
  assert.deepEqual(bind("192.0.2.1"), { result: "EADDRNOTAVAIL", step: "bind" });
  assert.deepEqual(bind("::", 80), { result: "EACCES", step: "bind" });
  assert.deepEqual(bind("192.0.2.1", 80), { result: "EADDRNOTAVAIL", step: "bind" }, "IPv4: the address first");
  assert.deepEqual(bind("2001:db8::1", 80), { result: "EACCES", step: "bind" }, "IPv6: the privilege first");
  assert.deepEqual(bind("fe80::1", 80), { result: "EACCES", step: "bind" }, "and before what is wrong with it");
  assert.deepEqual(bind("fe80::1"), { result: "EINVAL", step: "bind" });
  assert.deepEqual(bind("::ffff:127.0.0.1", 8080, { v6only: true }), { result: "EINVAL", step: "bind" });
  assert.deepEqual(bind("0.0.0.0", 8080, { device: "wg0" }), { result: "ENODEV", step: "option" });
  assert.deepEqual(bind("0.0.0.0", 8080, { uid: 7 }), { refused: "trying as uid 7 needs root", errno: "EPERM" });
  assert.ok("refused" in bind("localhost"));
  const old = createFakeHost({ ipv6: false });
  const answer = old.probeBind({ protocol: "tcp", address: "::", port: 0, reuseAddr: false, reusePort: false });
  assert.deepEqual(answer, { result: "EAFNOSUPPORT", step: "socket" });
});
