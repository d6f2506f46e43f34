import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, held, judge, ownerless } from "../../test/contracts/bind-snapshots.ts";
import type { PortHolder } from "../tcp/bind-snapshot.ts";
import { bound, connection, listener, shownSocket, timeWait } from "../testing/builders.ts";

const IN_USE = ["EADDRINUSE", "EADDRINUSE"] as const;

test("judgeBind() finds a port bindable when the bind that was asked for is ok", () => {
  const free = judge([], { results: ["ok", "ok"] });
  assert.deepEqual([free.bindable, free.blockers, free.withoutReuseAddr, free.advice], [true, [], undefined, []]);
  assert.equal(judge([]).bindable, true, "by the rules too");
});

test("judgeBind() tells what a program without SO_REUSEADDR would still run into", () => {
  const left = ownerless(timeWait({ port: 8080, remainingMs: 5000 }));
  const { bindable, blockers, withoutReuseAddr, advice } = judge([left], { results: ["ok", "EADDRINUSE"] });
  assert.deepEqual([bindable, blockers], [true, []]);
  assert.deepEqual(
    withoutReuseAddr?.map(({ rule, freeInMs }) => [rule, freeInMs]),
    [["time-wait", 5000]],
  );
  assert.doesNotMatch(withoutReuseAddr[0]!.text, /SO_REUSEADDR is missing/, "it is not: that is the point");
  assert.match(advice[0]!.text, /^set SO_REUSEADDR before bind\(\)/);
  assert.equal(advice[1]?.text, "wait 5 s: it ends by itself");
});

test("judgeBind() advises SO_REUSEADDR first when it alone would do", () => {
  const left = ownerless(timeWait({ port: 8080 }));
  const { bindable, advice } = judge([left], { reuseAddr: false, results: ["EADDRINUSE", "ok"] });
  assert.equal(bindable, false);
  assert.match(advice[0]!.text, /^set SO_REUSEADDR before bind\(\)/);
  assert.equal(advice[0]?.costs, "nothing");
});

test("judgeBind() without a real bind does not claim to know an option that it has not seen", () => {
  const { attempts, bindable, blockers } = judge([ownerless(timeWait({ port: 8080 }))]);
  assert.deepEqual(
    attempts.map(({ result, by }) => [result, by]),
    [
      ["unknown", "rules"],
      ["EADDRINUSE", "rules"],
    ],
  );
  assert.equal(bindable, false);
  assert.match(blockers[0]!.text, /whether its side set SO_REUSEADDR cannot be seen/);
});

test("judgeBind() blames the sure ones, and those in doubt only when nobody is sure", () => {
  const doubtful = ownerless(timeWait({ port: 8080 }));
  const rules = (holders: Parameters<typeof judge>[0]) =>
    judge(holders, { results: IN_USE }).blockers.map(({ rule }) => rule);
  assert.deepEqual(rules([doubtful, held(listener({ port: 8080 }))]), ["listener"]);
  assert.deepEqual(rules([doubtful]), ["time-wait"]);
  assert.deepEqual(rules([doubtful, held(bound({ port: 8080, reuseAddr: true }))]), ["time-wait"]);
});

test("judgeBind() tells why SO_REUSEPORT does not share the port", () => {
  const textOf = (options: { reusePort: boolean; uid?: number }) =>
    judge([held(listener({ port: 8080, reusePort: options.reusePort }), { uid: options.uid ?? 1000 })], {
      reusePort: true,
      uid: 1000,
      results: IN_USE,
    }).blockers[0]?.text;
  assert.match(textOf({ reusePort: false }) ?? "", /; SO_REUSEPORT is missing on its side$/);
  assert.match(
    textOf({ reusePort: true, uid: 0 }) ?? "",
    /; SO_REUSEPORT shares a port among one user's sockets only$/,
  );
});

test("judgeBind() says unseen when the kernel refuses and no socket explains it", () => {
  const { blockers } = judge([], { results: IN_USE });
  assert.deepEqual(
    blockers.map(({ rule }) => rule),
    ["unseen"],
  );
  assert.match(blockers[0]!.text, /no socket that can be seen from here explains it/);
  const old = judge([], { results: IN_USE, settings: { kernelRelease: "6.1.0-18-amd64" } });
  assert.match(old.blockers[0]!.text, /Linux 6\.1\.0-18-amd64 does not show such sockets \(6\.8 and later do\)/);
});

/** What the kernel says before it looks at the port: by a real bind, and by the rules where they can tell. */
const EARLY = [
  [
    "EACCES",
    "privileged-port",
    /^ports below 1024 are privileged: binding 80 needs CAP_NET_BIND_SERVICE$/,
    { port: 80, settings: { unprivilegedPortStart: 1024, mayBindPrivileged: false } },
  ],
  [
    "EADDRNOTAVAIL",
    "address-not-local",
    /^no device of this machine has the address 10\.1\.1\.1$/,
    { address: "10.1.1.1" },
  ],
  [
    "EADDRNOTAVAIL",
    "address-not-local",
    // Of an IPv4 address no device is asked.
    /^no device of this machine has the address 10\.1\.1\.1$/,
    { address: "10.1.1.1", device: "eth1" },
  ],
  [
    "EADDRNOTAVAIL",
    "address-not-local",
    /^the device eth1 does not have the address fe80::9$/,
    { address: "fe80::9%eth1" },
  ],
  ["EINVAL", "scope-missing", /^fe80::1 is link-local: /, { address: "fe80::1" }],
  [
    "EINVAL",
    "address-family",
    /^::ffff:127\.0\.0\.1 is an IPv4 address, and a V6ONLY socket takes none$/,
    { address: "::ffff:127.0.0.1", v6only: true },
  ],
  ["ENODEV", "device-not-found", /^there is no device wg0 here$/, { device: "wg0", settings: { interfaces: ["lo"] } }],
] as const;

for (const [errno, rule, text, asked] of EARLY)
  test(`judgeBind() says ${rule} for ${errno} of ${JSON.stringify(asked)}, tried or not`, () => {
    for (const results of [[errno, errno] as const, undefined]) {
      const { blockers, attempts } = judge([held(listener({ port: 8080 }))], { ...asked, ...(results && { results }) });
      assert.deepEqual(
        attempts.map(({ result }) => result),
        [errno, errno],
      );
      assert.deepEqual(
        blockers.map((blocker) => blocker.rule),
        [rule],
      );
      assert.match(blockers[0]!.text, text);
      assert.equal(blockers[0]!.socket, undefined);
    }
  });

test("judgeBind() says what refuses where only the kernel can tell", () => {
  const first = (errno: string, asked: Parameters<typeof judge>[1] = {}) =>
    judge([], { ...asked, results: [errno, errno] }).blockers[0];
  assert.deepEqual(first("EACCES", { settings: { unprivilegedPortStart: 0 } }), {
    rule: "refused",
    count: 1,
    text: "port 8080 is not privileged: a security module refuses this bind (EACCES)",
  });
  assert.equal(first("EACCES")?.rule, "privileged-port", "where the limit is not known");
  assert.equal(first("EPERM", { device: "eth0" })?.rule, "device-not-found");
  assert.match(first("EPERM")?.text ?? "", /cgroup \(BPF\)/);
  assert.equal(first("EAFNOSUPPORT", { address: "::1" })?.rule, "address-family");
  assert.deepEqual(first("EMFILE"), {
    rule: "refused",
    count: 1,
    text: "the kernel answers EMFILE, which no socket on this port explains",
  });
});

test("judgeBind() lets IPv4 fail by the address and IPv6 by the privilege when both would", () => {
  const settings = { unprivilegedPortStart: 1024, mayBindPrivileged: false };
  const result = (address: string) => judge([], { address, port: 80, settings }).attempts[0]?.result;
  assert.equal(result("10.1.1.1"), "EADDRNOTAVAIL");
  assert.equal(result("2001:db8::1"), "EACCES");
  assert.equal(result("fe80::1"), "EACCES");
});

test("judgeBind() does not expect EADDRNOTAVAIL where ip_nonlocal_bind is on, or where the addresses are not known", () => {
  const result = (settings: object) => judge([], { address: "10.1.1.1", settings }).attempts[0]?.result;
  assert.equal(result({}), "EADDRNOTAVAIL");
  assert.equal(result({ nonlocalBind: true }), "ok");
  assert.equal(result({ localAddresses: [] }), "ok");
  assert.equal(judge([], { address: "127.9.9.9" }).attempts[0]?.result, "ok", "all of 127.0.0.0/8 is local");
});

test("judgeBind() spares connections to the port and sockets whose addresses do not meet", () => {
  const to = shownSocket(connection({ local: "10.0.0.1:50000", remote: "10.0.0.2:8080" }));
  const { spared } = judge([held(listener({ port: 8080, address: "127.0.0.1" }))], {
    address: "127.0.0.2",
    rest: {
      connectedTo: [
        { socket: { ...to, owners: [{ ...NODE, command: "curl", pid: 9 }] }, count: 1 },
        { socket: to, count: 40 },
      ],
    },
  });
  assert.deepEqual(
    spared.map(({ text, count }) => [count, text]),
    [
      [1, "a connection TO port 8080, held by curl (pid 9); it does not stand in the way"],
      [40, "40 connections TO port 8080; they do not stand in the way"],
      [1, "a socket listens on 127.0.0.1:8080, held by node (pid 812); its address does not meet 127.0.0.2:8080"],
    ],
  );
});

test("judgeBind() tells of a listener elsewhere, and of docker-proxy that forwards to it", () => {
  const inside = {
    socket: held(listener({ port: 80 }), {
      owners: [{ ...NODE, container: { runtime: "docker", id: "a".repeat(64), name: "web" } }],
    }).socket,
    netns: 4,
    names: [],
  };
  const alone = judge([], { rest: { elsewhere: [inside] } }).elsewhere[0]?.text;
  assert.equal(
    alone,
    "node (pid 812) listens on [::]:80 in docker container web, which does not stand in the way here",
  );
  const args = ["docker-proxy", "-host-port", "8080", "-container-ip", "172.17.0.2", "-container-port", "80"];
  const proxy = held(listener({ port: 8080 }), { owners: [{ ...NODE, command: "docker-proxy", args }] });
  const proxied = judge([proxy], { results: IN_USE, rest: { elsewhere: [inside] } });
  assert.match(proxied.elsewhere[0]?.text ?? "", /: docker-proxy here forwards to it$/);
  assert.match(proxied.advice[0]?.text ?? "", /stop that container, not /);
});

test("judgeBind() speaks of the owners of several sockets as of several", () => {
  const hidden = held(listener({ port: 8080, reusePort: true }), { owners: [], ownerless: "no-permission" });
  const of = (...holders: PortHolder[]) => judge(holders, { results: ["EADDRINUSE", "EADDRINUSE"] }).blockers[0]?.text;
  assert.match(of(hidden, hidden) ?? "", /^2 listeners on \[::\]:8080; their processes may not be seen by this user/);
  assert.match(of(hidden) ?? "", /its process may not be seen by this user/);
});

test("judgeBind() does not split a program's sockets into those that were traced and those that were not", () => {
  const one = held(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "CLOSE-WAIT" }));
  const { owners: _owners, ...socket } = one.socket;
  const { blockers } = judge([one, { socket }, { socket }], { results: IN_USE });
  assert.deepEqual(
    blockers.map(({ count, socket: shown, options }) => [count, shown?.owners, options]),
    [[3, [NODE], undefined]],
  );
  assert.match(
    blockers[0]?.text ?? "",
    /: some of them held by node \(pid 812\); SO_REUSEADDR is missing on at least one/,
  );
  const { spared } = judge([one, { socket }], { address: "127.0.0.9", results: ["ok", "ok"] });
  assert.deepEqual(
    spared.map(({ count, text }) => [count, / some of them held by node \(pid 812\); their address/.test(text)]),
    [[2, true]],
  );
});
