import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, held, judge, ownerless } from "../../test/contracts/bind-snapshots.ts";
import type { Asked } from "../../test/contracts/bind-snapshots.ts";
import type { PortHolder } from "../tcp/bind-snapshot.ts";
import type { Owner } from "../tcp/socket.ts";
import { bound, connection, listener, timeWait } from "../testing/builders.ts";
import type { Advice } from "./why.ts";

function advise(holders: readonly PortHolder[], asked: Asked = {}): readonly Advice[] {
  return judge(holders, { results: ["EADDRINUSE", "EADDRINUSE"], ...asked }).advice;
}

const commands = (advice: readonly Advice[]) => advice.map(({ command, costs }) => `${costs}: ${command ?? "-"}`);
const ofOwner = (owner: Partial<Owner>) =>
  advise([held(listener({ port: 8080 }), { owners: [{ ...NODE, ...owner }] })]);
const client = { ...held(connection({ local: "10.0.0.1:8080", remote: "10.0.0.9:443" })), peerListens: true };

test("advice for a TIME-WAIT is to wait, to clear it, or to mend the program, all for nothing", () => {
  const left = ownerless(timeWait({ port: 8080, remainingMs: 46_001 }));
  const advice = advise([left]);
  assert.equal(advice[0]?.text, "wait 47 s: it ends by itself");
  assert.deepEqual(commands(advice), [
    "nothing: -",
    "nothing: sudo ss -K -t state time-wait sport = :8080",
    "nothing: -",
  ]);
  assert.equal(advise([left, left])[0]?.text, "wait 47 s: the last of them ends by itself");
});

test("advice to mend the program that left a TIME-WAIT is for one that did not set SO_REUSEADDR, or may not have", () => {
  const left = ownerless(timeWait({ port: 8080, remainingMs: 46_000 }));
  const mend = (results: readonly [string, string], holders = [left], asked: Asked = {}) =>
    advise(holders, { results, ...asked })
      .map(({ text }) => text)
      .filter((text) => text.includes("left this behind"));
  assert.deepEqual(mend(["ok", "EADDRINUSE"]), [], "the bind that worked proves that it did");
  assert.deepEqual(mend(["ok", "EADDRINUSE"], Array<PortHolder>(12).fill(left)), [], "more than are told apart");
  assert.deepEqual(mend(["EADDRINUSE", "ok"], [left], { reuseAddr: false }), []);
  assert.match(mend(["EADDRINUSE", "EADDRINUSE"])[0] ?? "", /left this behind, and its next/);
  assert.match(mend(["EADDRINUSE", "EADDRINUSE"], [left, left])[0] ?? "", /left this behind, unless it does, and/);
});

test("advice does not promise a wait whose end is not known", () => {
  const { timer: _timer, ...socket } = ownerless(timeWait({ port: 8080 })).socket;
  assert.deepEqual(commands(advise([{ socket }])), [
    "nothing: sudo ss -K -t state time-wait sport = :8080",
    "nothing: -",
  ]);
});

test("advice to destroy has no command where the kernel cannot do it, and says why", () => {
  const left = [ownerless(timeWait({ port: 8080 }))];
  const without = advise(left, { settings: { kernelDestroys: false } })[1];
  assert.equal(without?.command, undefined);
  assert.match(without?.text ?? "", /this kernel cannot \(built without CONFIG_INET_DIAG_DESTROY\)$/);
  const old = advise(left, { settings: { kernelRelease: "5.15.0" } })[1];
  assert.equal(old?.command, undefined);
  assert.match(old?.text ?? "", /Linux 5\.15\.0 cannot, 6\.0 and later can$/);
});

test("advice is written for the user and the namespace that it is for", () => {
  const left = [ownerless(timeWait({ port: 8080 }))];
  const commandFor = (rootPrefix: string) => advise(left, { settings: { rootPrefix } })[1]?.command;
  assert.equal(commandFor(""), "ss -K -t state time-wait sport = :8080");
  assert.equal(commandFor("sudo ip netns exec web "), "sudo ip netns exec web ss -K -t state time-wait sport = :8080");
});

test("advice for orphans names their states, and that data is lost where some was under way", () => {
  const orphan = (state: "FIN-WAIT-1" | "FIN-WAIT-2") =>
    commands(advise([ownerless(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state }))]));
  assert.deepEqual(orphan("FIN-WAIT-2"), ["nothing: sudo ss -K -t state fin-wait-2 sport = :8080"]);
  const states = "state fin-wait-1 state last-ack state closing";
  assert.deepEqual(orphan("FIN-WAIT-1"), [`data: sudo ss -K -t ${states} sport = :8080`]);
});

test("advice for a client keeps its port reserved, then drops that connection and no other", () => {
  assert.deepEqual(commands(advise([client], { settings: { reservedPorts: "9000-9100" } })), [
    "nothing: sudo sysctl -w net.ipv4.ip_local_reserved_ports=8080,9000-9100",
    "data: sudo ss -K -t state established sport = :8080 dst 10.0.0.9 dport = :443",
  ]);
  const reserved = commands(advise([client], { settings: { reservedPorts: "8000-9000", kernelDestroys: false } }));
  assert.deepEqual(reserved, ["downtime: kill 812"], "reserved already, and nothing can be dropped here");
  const six = { ...held(connection({ local: "[::1]:8080", remote: "[fd00::9]:443" })), peerListens: true };
  assert.match(commands(advise([six]))[1] ?? "", /dst \[fd00::9\] dport = :443$/);
});

test("advice for a bound socket or a listener is to end who holds it", () => {
  for (const socket of [listener({ port: 8080 }), bound({ port: 8080 })])
    assert.deepEqual(commands(advise([held(socket)])), ["downtime: kill 812"]);
});

test("advice fits how the program is run", () => {
  const cases: readonly (readonly [Partial<Owner>, text: RegExp, command: string])[] = [
    [{}, /^ask node to end$/, "kill 812"],
    [{ state: "T" }, /stopped \(Ctrl-Z\)/, "kill -TERM 812; kill -CONT 812"],
    [{ unit: "api.service" }, /^stop the unit api\.service/, "sudo systemctl stop api.service"],
    [{ unit: "session-3.scope" }, /^ask node to end$/, "kill 812"],
    [
      { container: { runtime: "docker", id: "f".repeat(64), name: "web" } },
      /^stop the container web$/,
      "docker stop web",
    ],
    [{ container: { runtime: "podman", id: "f".repeat(64) } }, /ffffffffffff$/, "podman stop ffffffffffff"],
    [{ container: { runtime: "containerd", id: "f".repeat(64) } }, /./, "crictl stop ffffffffffff"],
  ];
  for (const [owner, text, command] of cases) {
    const [first, ...more] = ofOwner(owner);
    assert.equal(first?.command, command);
    assert.match(first.text, text);
    assert.deepEqual(more, []);
  }
});

test("advice names each of several processes once", () => {
  const owners = [NODE, { ...NODE, fd: 22 }, { ...NODE, pid: 813 }];
  assert.deepEqual(commands(advise([held(listener({ port: 8080 }), { owners })])), ["downtime: kill 812 813"]);
});

test("advice for an owner that cannot be seen is to look as root, for whoever is not", () => {
  const hidden = [held(listener({ port: 8080 }), { owners: [], ownerless: "no-permission" })];
  assert.deepEqual(commands(advise(hidden)), ["nothing: sudo portmortem why 8080"]);
  assert.deepEqual(advise(hidden, { settings: { rootPrefix: "" } }), []);
});

test("advice for a privileged port starts at the limit that this machine has", () => {
  const { advice } = judge([], {
    port: 8080,
    results: ["EACCES", "EACCES"],
    settings: { unprivilegedPortStart: 9000 },
  });
  assert.equal(advice[0]?.text, "take a port of 9000 or more");
  assert.equal(advice[1]?.command, "sudo sysctl -w net.ipv4.ip_unprivileged_port_start=8080");
});

test("advice for an address that is not local names those of the same family", () => {
  const settings = { localAddresses: ["127.0.0.1", "::1", "192.168.1.10"] };
  const of = (address: string) => judge([], { address, settings }).advice.map(({ text }) => text);
  assert.deepEqual(of("10.1.1.1"), ["this machine's addresses are 127.0.0.1, 192.168.1.10"]);
  assert.deepEqual(of("fd00::7"), ["this machine's addresses are ::1"]);
});

test("advice for a listener and what is left behind is to end the listener first, and says that both are needed", () => {
  const left = ownerless(timeWait({ port: 8080, remainingMs: 46_000 }));
  const texts = (...holders: PortHolder[]) => advise(holders, { reuseAddr: false }).map(({ text }) => text);
  assert.deepEqual(texts(left, held(listener({ port: 8080 }))), [
    "ask node to end; what is left behind still blocks then",
    "after that: wait 46 s: it ends by itself",
    "after that: clear the TIME-WAIT: nobody holds it, and nothing is lost unless its last packets are still on the way",
  ]);
  const hidden = held(listener({ port: 8080 }), { owners: [], ownerless: "unknown" });
  assert.equal(texts(left, hidden)[0], "once it is held no longer: wait 46 s: it ends by itself");
});

test("advice to end the processes of one program is one line, another program has its own", () => {
  const of = (pid: number, command = "node") =>
    held(listener({ port: 8080, address: `127.0.0.${pid}` }), { owners: [{ ...NODE, pid, command }] });
  assert.deepEqual(
    advise([of(5), of(6), of(7, "nginx")]).map(({ text, command }) => [text, command]),
    [
      ["ask the 2 node processes to end", "kill 5 6"],
      ["ask nginx to end", "kill 7"],
    ],
  );
});

test("advice comes cheapest first, and nothing is advised twice", () => {
  const holders = [
    held(bound({ port: 8080 })),
    client,
    { ...client, socket: { ...client.socket, owners: [{ ...NODE, pid: 900 }] } },
    held(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state: "CLOSE-WAIT" })),
  ];
  const advice = advise(holders);
  const rank = { nothing: 0, data: 1, downtime: 2 };
  assert.deepEqual(
    advice,
    [...advice].sort((a, b) => rank[a.costs] - rank[b.costs]),
  );
  assert.equal(new Set(advice.map(({ command }) => command)).size, advice.length);
  assert.deepEqual([...new Set(advice.map(({ costs }) => costs))], ["nothing", "data", "downtime"]);
});
