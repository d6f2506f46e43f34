import assert from "node:assert/strict";
import { test } from "node:test";
import { bound, connection, createFakeHost, listener, program, timeWait } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { whyConnect } from "./why-connect.ts";

const RANGE = { "net.ipv4.ip_local_port_range": "40000 40009" };

function machine(description: FakeHostDescription = {}): ReturnType<typeof createFakeHost> {
  return createFakeHost({ ...description, sysctls: { ...RANGE, ...description.sysctls } });
}

test("whyConnect() looks a name up, judges its first address and names the others", async () => {
  const host = machine({ hosts: { "db.example": ["fd00::5", "10.0.0.5", "::ffff:10.0.0.5"] } });
  const { remote, local } = await whyConnect("db.example:5432", { host });
  assert.deepEqual(remote, { address: "fd00::5", port: 5432, name: "db.example", otherAddresses: ["10.0.0.5"] });
  assert.equal(local.address, "fd00::10");
  const ipv4 = await whyConnect("db.example:5432", { host, from: "192.168.1.10" });
  assert.equal(ipv4.remote.address, "10.0.0.5");
});

test("whyConnect() throws PM_UNKNOWN_HOST for a name without an address, or without one of the family", async () => {
  const host = machine({ hosts: { "db.example": ["10.0.0.5"] } });
  await assert.rejects(whyConnect("nowhere.example:1", { host }), { code: "PM_UNKNOWN_HOST", errno: "ENOTFOUND" });
  await assert.rejects(whyConnect("db.example:1", { host, from: "fd00::10" }), { code: "PM_UNKNOWN_HOST" });
});

test("whyConnect() does not call a name unknown that the resolver could not look up: PM_NAME_LOOKUP, and no bad usage", async () => {
  const host = Object.assign(machine(), { resolveName: async () => ({ errno: "EAI_AGAIN" }) });
  await assert.rejects(whyConnect("db.example:1", { host }), {
    code: "PM_NAME_LOOKUP",
    category: "system",
    errno: "EAI_AGAIN",
  });
});

test("whyConnect() counts what is in the way of this peer, and shares what goes elsewhere", async () => {
  const host = machine({
    sysctls: { "net.ipv4.ip_local_reserved_ports": "40009", "net.ipv4.tcp_tw_reuse": "0" },
    processes: [
      program("api", {
        sockets: [
          connection({ local: "192.168.1.10:40000", remote: "10.0.0.5:5432" }),
          connection({ local: "192.168.1.10:40001", remote: "10.0.0.6:5432" }),
          connection({ local: "192.168.1.10:40002", remote: "10.0.0.7:45000", state: "CLOSE-WAIT" }),
        ],
      }),
      program("nginx", { sockets: [listener({ port: 40_003 }), bound({ port: 40_004, address: "127.0.0.1" })] }),
    ],
    sockets: [timeWait({ port: 40_005, address: "192.168.1.10", peer: "10.0.0.5:5432", remainingMs: 20_000 })],
  });
  const { ports, connectable, timeWait: waiting } = await whyConnect("10.0.0.5:5432", { host });
  assert.equal(connectable, true);
  const { total, usable, free, shared, connected, timeWait: left, held, reserved } = ports!;
  assert.deepEqual(
    { total, usable, free, shared, connected, left, held, reserved },
    // 45000 lies outside the range: a client's.
    { total: 10, usable: 5, free: 3, shared: 2, connected: 1, left: 1, held: 2, reserved: 1 },
  );
  assert.equal(waiting.nextInMs, 20_000);
});

test("whyConnect() does not guess about a socket that a listener may have accepted", async () => {
  const theirs = connection({ local: "192.168.1.10:40000", remote: "10.0.0.7:40005" });
  const host = machine({ processes: [program("old", { sockets: [theirs] })] });
  assert.equal((await whyConnect("10.0.0.5:1", { host })).ports?.undetermined, 1);
});

test("whyConnect() finds no IP_LOCAL_PORT_RANGE before Linux 6.3: a narrower range is bound port by port", async () => {
  for (const [kernelRelease, choice] of [
    ["6.1.0", "bind"],
    ["6.3.0", "connect"],
  ] as const) {
    const host = machine({ system: { kernelRelease } });
    assert.equal((await whyConnect("10.0.0.5:1", { host, from: ":40002-40003" })).local.choice, choice);
  }
});

test("whyConnect() says EACCES of a reserved port without the right to it", async () => {
  const host = machine({ system: { uid: 1000 } });
  const answer = await whyConnect("10.0.0.5:514", { host, from: ":1023" });
  assert.deepEqual([answer.connectable, answer.errno, answer.step], [false, "EACCES", "bind"]);
  const loop = await whyConnect("10.0.0.5:514", { host, from: ":1020-1025" });
  assert.deepEqual([loop.ports?.privileged, loop.ports?.usable], [4, 2]);
});

test("whyConnect() leaves out what it cannot know, and says why: no native part, no range", async () => {
  const blind = machine({ source: { kind: "procfs", why: "no FFI", hint: "koffi" } });
  const answer = await whyConnect("10.0.0.5:1", { host: blind });
  assert.equal(answer.local.address, undefined);
  assert.ok(answer.incomplete.some(({ what }) => what === "the local address of the connection"));
  const hidden = createFakeHost({ sysctls: { "net.ipv4.ip_local_port_range": undefined } });
  const unknown = await whyConnect("10.0.0.5:1", { host: hidden });
  assert.deepEqual(
    [unknown.connectable, unknown.errno, unknown.ports, unknown.level],
    [undefined, undefined, undefined, undefined],
  );
  assert.ok(unknown.incomplete.some(({ what }) => what === "the range of local ports"));
});

test("whyConnect() refuses options that say nothing, and ends of two families", async () => {
  const host = machine();
  await assert.rejects(whyConnect("10.0.0.5:1", { host, reuseAddr: true }), { code: "PM_USAGE" });
  await assert.rejects(whyConnect("10.0.0.5:1", { host, from: "::1" }), { code: "PM_USAGE" });
  const misspelt = { host, form: ":1" };
  await assert.rejects(whyConnect("10.0.0.5:1", misspelt), { code: "PM_USAGE" });
});
