import assert from "node:assert/strict";
import { test } from "node:test";
import type { BindSettings, PortHolder } from "../tcp/bind-snapshot.ts";
import type { Socket } from "../tcp/socket.ts";
import { bound, connection, listener, timeWait, udp } from "../testing/builders.ts";
import type { FakeSocket } from "../testing/fake-description.ts";
import { NODE, held, judge, ownerless } from "../../test/contracts/bind-snapshots.ts";
import type { BlockerRule } from "./why.ts";

const IN_USE = ["EADDRINUSE", "EADDRINUSE"] as const;

/** Each rule: the socket, and what a person is told. */
const RULES: readonly (readonly [rule: BlockerRule, holder: PortHolder, text: string, freeInMs?: number])[] = [
  ["listener", held(listener({ port: 8080 })), "node (pid 812) listens on [::]:8080"],
  [
    "time-wait",
    ownerless(timeWait({ port: 8080, remainingMs: 47_100 })),
    "a connection with 127.0.0.1:50000 that this side closed first is in TIME-WAIT; SO_REUSEADDR is missing on its side, so yours does not help",
    47_100,
  ],
  [
    "fin-wait-2",
    ownerless(
      connection({
        local: "127.0.0.1:8080",
        remote: "10.0.0.9:5000",
        state: "FIN-WAIT-2",
        timer: { kind: "time-wait", remainingMs: 30_000, retransmits: 0 },
      }),
    ),
    "a closed connection with 10.0.0.9:5000 waits for the other side's FIN (FIN-WAIT-2); no program holds it; SO_REUSEADDR is missing on its side, so yours does not help",
    30_000,
  ],
  [
    "fin-wait-2",
    held(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "FIN-WAIT-2" })),
    "a connection with 10.0.0.9:5000 was half closed here (FIN-WAIT-2) and is still held by the program: node (pid 812); its side did not set SO_REUSEADDR, so yours does not help",
  ],
  [
    "orphan",
    ownerless(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "LAST-ACK" })),
    "a closed connection with 10.0.0.9:5000 still delivers what was sent (LAST-ACK); no program holds it; SO_REUSEADDR is missing on its side, so yours does not help",
  ],
  [
    "close-wait",
    held(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "CLOSE-WAIT" })),
    "a connection with 10.0.0.9:5000 was closed by the other side, and the program has not closed it (CLOSE-WAIT): node (pid 812); its side did not set SO_REUSEADDR, so yours does not help",
  ],
  [
    "bound",
    held(bound({ port: 8080 })),
    "a socket is bound to [::]:8080 and neither listens nor is connected: node (pid 812); its side did not set SO_REUSEADDR, so yours does not help",
  ],
  [
    "client",
    { ...held(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:443" })), peerListens: true },
    "an outgoing connection to 10.0.0.9:443 took this port as its own local port: node (pid 812); a client's socket has no SO_REUSEADDR, so yours does not help",
  ],
  [
    "connection",
    held(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000" })),
    "a connection with 10.0.0.9:5000 uses this port (ESTABLISHED): node (pid 812); its side did not set SO_REUSEADDR, so yours does not help",
  ],
  [
    "unaccepted",
    ownerless(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000" }), { ownerless: "unaccepted" }),
    "a connection waits to be accepted by the listener; SO_REUSEADDR is missing on its side, so yours does not help",
  ],
];

for (const [rule, holder, text, freeInMs] of RULES)
  test(`judgeBind() says ${rule} of a ${holder.socket.state} ${holder.socket.owners?.length ? "with" : "without"} an owner`, () => {
    const { bindable, blockers } = judge([holder], { results: IN_USE });
    assert.equal(bindable, false);
    assert.equal(blockers.length, 1);
    const [blocker] = blockers;
    assert.deepEqual(
      { rule: blocker?.rule, text: blocker?.text, freeInMs: blocker?.freeInMs, count: blocker?.count },
      { rule, text, freeInMs, count: 1 },
    );
    assert.deepEqual(blocker?.socket, holder.socket);
  });

test("judgeBind() says bound of a UDP socket, connected or not", () => {
  for (const socket of [udp({ port: 8080 }), udp({ port: 8080, remote: "10.0.0.9:53" })]) {
    const { blockers } = judge([held(socket)], { protocol: "udp", results: IN_USE });
    assert.equal(blockers[0]?.rule, "bound");
    assert.match(blockers[0].text, /^a UDP socket is bound to \[::\]:8080: node \(pid 812\)/);
  }
});

test("judgeBind() says client of a port within the local range only, when nobody listens", () => {
  const out = held(connection({ local: "10.0.0.1:49200", remote: "10.0.0.9:443" }));
  const ruleAt = (holders: PortHolder[], settings: Partial<BindSettings> = {}) =>
    judge(holders, { port: 49_200, results: IN_USE, settings }).blockers.map((blocker) => blocker.rule);
  assert.deepEqual(ruleAt([out]), ["client"]);
  assert.deepEqual(ruleAt([out], { localPortRange: { first: 50_000, last: 60_000 } }), ["connection"]);
  assert.deepEqual(ruleAt([out, held(listener({ port: 49_200 }))]), ["listener", "connection"]);
});

test("judgeBind() tells why the answer differs from the address asked for", () => {
  const textOf = (mine: string, theirs: FakeSocket, v6only = false) =>
    judge([held(theirs)], { address: mine, v6only, results: IN_USE }).blockers[0]?.text.split("; ")[1];
  const any4 = listener({ port: 8080, address: "0.0.0.0" });
  assert.equal(textOf("::", any4), "[::]:8080 is dual-stack: it takes IPv4 too");
  assert.equal(textOf("0.0.0.0", listener({ port: 8080 })), "[::]:8080 is dual-stack: it takes IPv4 too");
  assert.equal(textOf("127.0.0.1", listener({ port: 8080 })), "[::]:8080 is dual-stack: it takes IPv4 too");
  assert.equal(textOf("127.0.0.1", any4), "0.0.0.0:8080 is every address, 127.0.0.1 included");
  assert.equal(textOf("::1", listener({ port: 8080 })), "[::]:8080 is every address, ::1 included");
  const one = listener({ port: 8080, address: "127.0.0.1" });
  assert.equal(textOf("::", one), "[::]:8080 is every address, 127.0.0.1 included");
  assert.equal(textOf("127.0.0.1", one), undefined, "the same address needs no explanation");
  const mapped = listener({ port: 8080, address: "::ffff:127.0.0.1" });
  assert.equal(textOf("127.0.0.1", mapped), "[::ffff:127.0.0.1]:8080 is the same address, written in another way");
});

test("judgeBind() tells why nobody is named", () => {
  const textOf = (reason: Socket["ownerless"] & string) =>
    judge([held(listener({ port: 8080 }), { owners: [], ownerless: reason })], { results: IN_USE }).blockers[0]?.text;
  assert.equal(textOf("no-permission"), "a socket listens on [::]:8080; its process may not be seen by this user");
  assert.equal(textOf("other-namespace"), "a socket listens on [::]:8080; its process is in another network namespace");
  assert.match(textOf("in-flight") ?? "", /its descriptor is on its way/);
  assert.match(textOf("unknown") ?? "", /its process was not found$/);
});

test("judgeBind() folds alike sockets, counts them, and tells when the last of them ends", () => {
  const many = [10, 59, 30].map((seconds, index) =>
    ownerless(timeWait({ port: 8080, peer: `10.0.0.9:${5000 + index}`, remainingMs: seconds * 1000 })),
  );
  const { blockers } = judge(many, { results: IN_USE });
  assert.deepEqual(
    blockers.map(({ rule, count, freeInMs, socket }) => ({ rule, count, freeInMs, peer: socket?.remote?.port })),
    [{ rule: "time-wait", count: 3, freeInMs: 59_000, peer: 5001 }],
  );
  assert.match(blockers[0]!.text, /^3 connections that this side closed first are in TIME-WAIT/);
});

test("judgeBind() does not promise an end when one of the folded sockets does not end by itself", () => {
  const waiting = { local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "FIN-WAIT-2" } as const;
  const ending = connection({ ...waiting, timer: { kind: "time-wait", remainingMs: 9000, retransmits: 0 } });
  const lasting = connection({ ...waiting, timer: { kind: "keepalive", remainingMs: 9000, retransmits: 0 } });
  const { blockers } = judge([ownerless(ending), ownerless(lasting)], { results: IN_USE });
  assert.deepEqual(
    blockers.map(({ count, freeInMs }) => [count, freeInMs]),
    [[2, undefined]],
  );
});

test("judgeBind() keeps apart what different programs hold, the most telling first", () => {
  const [worker, client] = ["worker", "curl"].map((command, at) => ({ ...NODE, command, pid: 813 + at }));
  const { blockers } = judge(
    [
      ownerless(timeWait({ port: 8080 })),
      held(bound({ port: 8080 }), { owners: [client!] }),
      held(listener({ port: 8080 })),
      held(listener({ port: 8080 }), { owners: [worker!] }),
    ],
    { results: IN_USE, reuseAddr: false },
  );
  assert.deepEqual(
    blockers.map(({ rule, socket }) => `${rule} ${socket?.owners?.[0]?.command ?? "-"}`),
    ["listener node", "listener worker", "bound curl", "time-wait -"],
  );
});
