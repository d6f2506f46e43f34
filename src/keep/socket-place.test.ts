import assert from "node:assert/strict";
import { test } from "node:test";
import type { SocketPlace } from "../host/keeping.ts";
import { isSamePlace, standsInTheWay } from "./socket-place.ts";
import { wantedPorts } from "./wanted-ports.ts";

function place(address: string, more: Partial<SocketPlace> = {}): SocketPlace {
  const ipv6 = address.includes(":");
  return {
    protocol: "tcp",
    family: ipv6 ? "ipv6" : "ipv4",
    address,
    port: 80,
    scopeIndex: 0,
    v6only: ipv6 ? false : undefined,
    multipath: false,
    reusePort: false,
    deviceIndex: 0,
    netns: "1",
    ...more,
  };
}

test("isSamePlace() and standsInTheWay(), side by side", () => {
  const cases: readonly (readonly [SocketPlace, SocketPlace, same: boolean, inTheWay: boolean])[] = [
    [place("127.0.0.1"), place("127.0.0.1"), true, true],
    [place("127.0.0.1"), place("127.0.0.2"), false, false],
    [place("127.0.0.1"), place("0.0.0.0"), false, true],
    [place("0.0.0.0"), place("::"), false, true],
    [place("0.0.0.0"), place("::", { v6only: true }), false, false],
    [place("::", { v6only: true }), place("::"), false, true],
    [place("::1"), place("::1", { v6only: true }), true, true],
    [place("::1"), place("0.0.0.0"), false, true],
    [place("127.0.0.1"), place("127.0.0.1", { port: 81 }), false, false],
    [place("127.0.0.1"), place("127.0.0.1", { protocol: "udp" }), false, false],
    [place("127.0.0.1"), place("127.0.0.1", { netns: "2" }), false, false],
    [place("127.0.0.1"), place("127.0.0.1", { multipath: true }), false, true],
    [place("127.0.0.1"), place("127.0.0.1", { reusePort: true }), false, true],
    [place("0.0.0.0", { deviceIndex: 1 }), place("0.0.0.0", { deviceIndex: 2 }), false, false],
    [place("0.0.0.0", { deviceIndex: 1 }), place("0.0.0.0"), false, true],
    [place("fe80::1", { scopeIndex: 1 }), place("fe80::1", { scopeIndex: 2 }), false, true],
  ];
  for (const [kept, next, same, inTheWay] of cases) {
    const name = `${JSON.stringify(kept)} and ${JSON.stringify(next)}`;
    assert.equal(isSamePlace(kept, next), same, `the same: ${name}`);
    assert.equal(standsInTheWay(kept, next), inTheWay, `in the way: ${name}`);
  }
});

test("wantedPorts(): what was named, else all but port 0 and UDP among the local ports", () => {
  const range = { from: 32_768, to: 60_999 };
  const whatever = wantedPorts([], range);
  assert.equal(whatever.wants(place("127.0.0.1")), true);
  assert.equal(whatever.wants(place("127.0.0.1", { port: 0 })), false);
  assert.equal(whatever.wants(place("127.0.0.1", { port: 49_200 })), true);
  assert.equal(whatever.wants(place("127.0.0.1", { port: 49_200, protocol: "udp" })), false);
  assert.equal(whatever.wants(place("127.0.0.1", { port: 53, protocol: "udp" })), true);
  const named = wantedPorts([{ port: 80 }, { port: 49_200, address: "::1" }], range);
  assert.equal(named.wants(place("127.0.0.1")), true);
  assert.equal(named.wants(place("127.0.0.1", { port: 49_200 })), false);
  assert.equal(named.wants(place("::1", { port: 49_200, protocol: "udp" })), true);
});
