import assert from "node:assert/strict";
import { test } from "node:test";
import type { Socket } from "../socket.ts";
import { type MatchContext, matchesFilter } from "./match-filter.ts";
import { parseFilter } from "./parse-filter.ts";

const listener: Socket = {
  protocol: "tcp",
  family: "ipv4",
  state: "LISTEN",
  local: { address: "0.0.0.0", port: 8000 },
  uid: 0,
};
const v6Listener: Socket = { ...listener, family: "ipv6", local: { address: "::", port: 8000 } };
const connection: Socket = {
  protocol: "tcp",
  family: "ipv4",
  state: "ESTABLISHED",
  local: { address: "127.0.0.1", port: 8000, interface: "lo" },
  remote: { address: "10.1.2.3", port: 40001 },
  uid: 1000,
  mark: 0x15,
  cgroup: "/system.slice/api.service",
  owners: [{ pid: 812, fd: 21, command: "a-very-long-nam", user: "deploy", uid: 1000 }],
};
const mapped: Socket = {
  ...connection,
  family: "ipv6",
  local: { address: "::ffff:127.0.0.1", port: 8000 },
  remote: { address: "::ffff:10.1.2.3", port: 40001 },
};
const v6: Socket = {
  ...connection,
  family: "ipv6",
  local: { address: "::1", port: 8000 },
  remote: { address: "fd00::5", port: 40001 },
};
const all = { listener, v6Listener, connection, mapped, v6 };

/** Which of the five match. */
const cases: [filter: string, names: string][] = [
  ["", "listener v6Listener connection mapped v6"],
  ["not src *", ""],
  // As the kernel: an IPv4 condition reaches into IPv4-mapped sockets, an IPv6 one stays with IPv6.
  ["src 127.0.0.1", "connection mapped"],
  ["src [::ffff:127.0.0.1]", "mapped"],
  ["src 0.0.0.0", "listener"],
  ["src [::]", "v6Listener"],
  ["src 0.0.0.0/0", "listener connection mapped"],
  ["src [::/0]", "v6Listener mapped v6"],
  ["src [::ffff:0:0/96]", "mapped"],
  ["dst 10.0.0.0/8", "connection mapped"],
  ["dst [fd00::/8]", "v6"],
  ["dst [::/8]", "v6Listener mapped"],
  ["not src 127.0.0.1", "listener v6Listener v6"],
  // The other end of a listener is the wildcard, port 0.
  ["dst 0.0.0.0", "listener"],
  ["dst [::]", "v6Listener"],
  ["dport = :0", "listener v6Listener"],
  ["dport != :0", "connection mapped v6"],
  ["dport > :40000", "connection mapped v6"],
  ["dport = :40000-40001 and src inet:*", "connection"],
  ["src inet6:*", "v6Listener mapped v6"],
  ["sport < :8000", ""],
  ["state listening", "listener v6Listener"],
  ["exclude listening", "connection mapped v6"],
  ["dev = lo", "connection"],
  ["dev = 1", "connection"],
  ["dev = 0", "listener v6Listener mapped v6"],
  ["dev != lo", "listener v6Listener mapped v6"],
  ["fwmark = 0x5/0xf", "connection mapped v6"],
  ["fwmark = 0", "listener v6Listener"],
  ["fwmark = 0x15/0xf", ""],
  ["cgroup = /system.slice/api.service", "connection mapped v6"],
  ["cgroup = /system.slice", ""],
  ["pid = 812", "connection mapped v6"],
  ["not pid = 812", "listener v6Listener"],
  ["command = a-very-long-name-indeed", "connection mapped v6"],
  ["user = deploy", "connection mapped v6"],
  ["user = 1000", "connection mapped v6"],
  ["uid = 0", "listener v6Listener"],
  ["sport = :1 or dport = :40001 and src [::1]", "v6"],
];
for (const [filter, names] of cases) {
  test(`"${filter}" matches ${names === "" ? "nothing" : names}`, () => {
    const context: MatchContext = { interfaceIndex: (name) => (name === "lo" ? 1 : undefined) };
    const found = Object.entries(all).filter(([, socket]) => matchesFilter(parseFilter(filter), socket, context));
    assert.equal(found.map(([name]) => name).join(" "), names);
  });
}

test("a cgroup is also recognized by its id", () => {
  const { cgroup: _, ...rest } = connection;
  const context: MatchContext = { cgroupId: (path) => (path === "/a" ? 77 : undefined) };
  assert.ok(matchesFilter(parseFilter("cgroup = /a"), { ...rest, cgroupId: 77 }, context));
  assert.ok(!matchesFilter(parseFilter("cgroup = /b"), { ...rest, cgroupId: 77 }, context));
  assert.ok(!matchesFilter(parseFilter("cgroup = /b"), rest, context));
});

test("autobound is what the context says, and rules nothing out while that is unknown", () => {
  const says = (filter: string, answer?: boolean): boolean =>
    matchesFilter(parseFilter(filter), listener, { autobound: () => answer });
  assert.deepEqual([says("autobound", true), says("autobound", false), says("autobound")], [true, false, true]);
  assert.deepEqual(
    [says("not autobound", true), says("not autobound", false), says("not autobound")],
    [false, true, true],
  );
  assert.equal(says("autobound and sport = :1"), false);
});
