import assert from "node:assert/strict";
import { test } from "node:test";
import type { BindQuestion, PortHolder } from "../tcp/bind-snapshot.ts";
import type { Socket } from "../tcp/socket.ts";
import type { SocketState } from "../tcp/states.ts";
import { classifyAddress } from "./address-class.ts";
import { addressesOverlap } from "./address-overlap.ts";
import { either } from "./tri.ts";
import type { Tri } from "./tri.ts";
import {
  blockedBy,
  heldSide,
  holderAddress,
  newSide,
  onOtherDevice,
  shareByReuseAddr,
  shareByReusePort,
} from "./bind-rules.ts";

/** The table of inet_rcv_saddr_equal and the bhash2 helpers: rows are the new socket N, columns the holder O. "=": where the address is the same. */
const COLUMNS: readonly (readonly [name: string, address: string, v6only: boolean])[] = [
  [":: dual-stack", "::", false],
  [":: V6ONLY", "::", true],
  ["0.0.0.0", "0.0.0.0", false],
  ["IPv4", "10.0.0.1", false],
  ["IPv6 V6ONLY", "fd00::1", true],
  ["IPv6 not V6ONLY", "fd00::1", false],
];
const TABLE: readonly (readonly [name: string, address: string, v6only: boolean, cells: string])[] = [
  [":: dual-stack", "::", false, "yes yes yes yes yes yes"],
  [":: V6ONLY", "::", true, "yes yes no no yes yes"],
  ["0.0.0.0", "0.0.0.0", false, "yes no yes yes no yes"],
  ["::ffff:0.0.0.0", "::ffff:0.0.0.0", false, "yes no yes yes no no"],
  ["IPv4", "10.0.0.1", false, "yes no yes = no no"],
  ["IPv4-mapped", "::ffff:10.0.0.1", false, "yes no yes = no no"],
  ["IPv6", "fd00::1", false, "yes yes no no = ="],
];
/** The same columns with another address of the kind. */
const OTHER: Record<string, string> = { "10.0.0.1": "10.0.0.2", "fd00::1": "fd00::2" };
/** Written as IPv6, an IPv4 holder is the same holder. */
const MAPPED: Record<string, string> = { "0.0.0.0": "::ffff:0.0.0.0", "10.0.0.1": "::ffff:10.0.0.1" };

for (const [row, address, v6only, cells] of TABLE)
  for (const [at, cell] of cells.split(" ").entries()) {
    const [column, theirs, theirV6only] = COLUMNS[at]!;
    const meets = (holder: string): boolean | undefined =>
      addressesOverlap(classifyAddress(address, v6only), classifyAddress(holder, theirV6only));
    const said = cell === "=" ? "meets the same address only, of" : cell === "yes" ? "meets" : "does not meet";
    test(`addressesOverlap() says that ${row} ${said} ${column}`, () => {
      assert.equal(meets(theirs), cell !== "no");
      if (OTHER[theirs] !== undefined) assert.equal(meets(OTHER[theirs]), cell === "yes");
      if (MAPPED[theirs] !== undefined) assert.equal(meets(MAPPED[theirs]), cell !== "no");
    });
  }

test("classifyAddress() takes a scope off, and reads IPv4-mapped addresses in any case", () => {
  assert.deepEqual(classifyAddress("fe80::1%eth0", true), { kind: "ipv6", address: "fe80::1", v6only: true });
  assert.deepEqual(classifyAddress("::FFFF:10.0.0.1", false), { kind: "ipv4", address: "10.0.0.1", mapped: true });
  assert.deepEqual(classifyAddress("::ffff:0.0.0.0", false), { kind: "any4", mapped: true });
  assert.deepEqual(classifyAddress("::ffff:1", false), { kind: "ipv6", address: "::ffff:1", v6only: false });
});

const question: BindQuestion = {
  protocol: "tcp",
  address: "0.0.0.0",
  port: 8080,
  v6only: false,
  reuseAddr: false,
  reusePort: false,
  uid: 1000,
};

/** Can the two share the port although their addresses overlap? */
function compatible(asked: BindQuestion, held: PortHolder): Tri {
  const [N, O] = [newSide(asked), heldSide(held, asked.protocol)!];
  return onOtherDevice(N, O) || either(shareByReuseAddr(N, O), shareByReusePort(N, O));
}

function holder(state: SocketState, more: Partial<Socket> = {}, options: Omit<PortHolder, "socket"> = {}): PortHolder {
  const socket: Socket = {
    protocol: "tcp",
    family: "ipv4",
    state,
    local: { address: "0.0.0.0", port: 8080 },
    uid: 1000,
    ...more,
  };
  return { socket, ...options };
}

test("compatible() rule a: two bound devices that differ, and nothing less", () => {
  const on = (device: string) => holder("LISTEN", { local: { address: "0.0.0.0", port: 8080, interface: device } });
  assert.equal(compatible({ ...question, device: "eth0" }, on("eth1")), true);
  assert.equal(compatible({ ...question, device: "eth0" }, on("eth0")), false);
  assert.equal(compatible({ ...question, device: "eth0" }, holder("LISTEN")), false);
  assert.equal(compatible(question, on("eth1")), false);
});

/** Mine, theirs, and what comes of it; undefined is an option that nobody may see. */
const BOTH: readonly (readonly [boolean, boolean | undefined, boolean | undefined])[] = [
  [true, true, true],
  [true, false, false],
  [true, undefined, undefined],
  [false, true, false],
  [false, false, false],
  [false, undefined, false],
];

for (const [mine, theirs, shares] of BOTH) {
  const options = theirs === undefined ? {} : { reuseAddr: theirs, reusePort: theirs };
  test(`compatible() rule b: SO_REUSEADDR here ${mine}, there ${theirs}: ${shares}`, () => {
    const asked = { ...question, reuseAddr: mine };
    for (const state of ["TIME-WAIT", "ESTABLISHED", "BOUND", "CLOSE-WAIT", "FIN-WAIT-2"] as const)
      assert.equal(compatible(asked, holder(state, {}, options)), shares, state);
    assert.equal(compatible(asked, holder("LISTEN", {}, options)), false, "never with a listener");
    assert.equal(compatible({ ...asked, protocol: "udp" }, holder("LISTEN", {}, options)), shares, "UDP has none");
  });
  test(`compatible() rule c: SO_REUSEPORT here ${mine}, there ${theirs}: ${shares}, of one user only`, () => {
    const asked = { ...question, reusePort: mine };
    assert.equal(compatible(asked, holder("LISTEN", {}, options)), shares);
    assert.equal(compatible(asked, holder("LISTEN", { uid: 0 }, options)), false, "another user's");
    assert.equal(compatible(asked, holder("TIME-WAIT", { uid: 0 }, options)), shares, "a TIME-WAIT has no user");
    const { uid: _uid, ...nobody } = asked;
    const unsure = shares === false ? false : undefined;
    assert.equal(compatible(nobody, holder("LISTEN", {}, options)), unsure, "asked for a user that is not known");
    const { uid: _theirs, ...unowned } = holder("LISTEN", {}, options).socket;
    assert.equal(compatible(asked, { socket: unowned, ...options }), unsure, "the holder's user is not known");
  });
}

test("compatible() is sure when one rule is, whatever the other hangs on", () => {
  const asked = { ...question, reuseAddr: true, reusePort: true };
  assert.equal(compatible(asked, holder("ESTABLISHED", {}, { reuseAddr: true })), true);
  assert.equal(compatible(asked, holder("ESTABLISHED", {}, { reusePort: true })), true);
  assert.equal(compatible(asked, holder("ESTABLISHED", {}, { reuseAddr: false })), undefined);
  assert.equal(compatible(asked, holder("ESTABLISHED", { uid: 0 }, { reuseAddr: false })), false);
});

test("blockedBy() lets nothing block that is not in the port's bucket", () => {
  for (const state of ["SYN-RECEIVED", "CLOSED"] as const) assert.equal(blockedBy(question, holder(state)), false);
  for (const state of ["LISTEN", "BOUND", "TIME-WAIT", "SYN-SENT", "LAST-ACK", "CLOSING"] as const)
    assert.equal(blockedBy(question, holder(state)), true, state);
});

test("blockedBy() is sure that an address which does not meet does not block, whatever the options", () => {
  const elsewhere = holder("LISTEN", { local: { address: "127.0.0.1", port: 8080 } });
  assert.equal(blockedBy({ ...question, address: "127.0.0.2" }, elsewhere), false);
  assert.equal(blockedBy({ ...question, address: "127.0.0.1" }, elsewhere), true);
  assert.equal(blockedBy({ ...question, reuseAddr: true }, holder("TIME-WAIT")), undefined);
});

test("holderAddress() does not guess a connection's V6ONLY, which a dump does not tell", () => {
  const client = holder("ESTABLISHED", { family: "ipv6", local: { address: "::1", port: 41_000 } });
  assert.deepEqual(holderAddress(client), { kind: "ipv6", address: "::1", v6only: undefined });
  assert.equal(blockedBy(question, client), undefined);
  assert.equal(blockedBy(question, { ...client, v6only: false }), true, "the surprise: it blocks 0.0.0.0");
  assert.equal(blockedBy(question, { ...client, v6only: true }), false);
  assert.equal(blockedBy({ ...question, address: "127.0.0.1" }, client), false, "and not 127.0.0.1");
});

test("a dump's missing user of a socket without a descriptor is the 0 that the kernel compares", () => {
  const orphan = holder("LAST-ACK", { cookie: "0x0000000000000001" }, { reuseAddr: false, reusePort: true });
  const { uid: _uid, ...nobody } = orphan.socket;
  const asked = { ...question, reusePort: true };
  assert.equal(blockedBy({ ...asked, uid: 0 }, { ...orphan, socket: nobody }), false);
  assert.equal(blockedBy({ ...asked, uid: 1000 }, { ...orphan, socket: nobody }), true);
  const { cookie: _cookie, ...byProcfs } = nobody;
  assert.equal(blockedBy({ ...asked, uid: 0 }, { ...orphan, socket: byProcfs }), undefined);
});
