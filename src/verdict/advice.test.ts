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
const client = { ...held(connection({ local: "10.0.0.1:8080", remote: "10.0.0.9:443" })), peerListens: true };

test("advice for a TIME-WAIT is to wait, to clear it, or to mend the program, all for nothing", () => {
  const left = ownerless(timeWait({ port: 8080, remainingMs: 46_001 }));
  const advice = advise([left]);
  assert.equal(advice[0]?.text, "wait 47 s: it ends by itself");
  assert.deepEqual(commands(advice), [
    "nothing: portmortem wait 8080",
    "nothing: sudo portmortem free 8080",
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
  assert.deepEqual(commands(advise([{ socket }])), ["nothing: sudo portmortem free 8080", "nothing: -"]);
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

test("advice for orphans says that data is lost where some was under way, and which kernels leave them for ever", () => {
  const orphan = (state: "FIN-WAIT-1" | "FIN-WAIT-2", kernelRelease = "6.12.0") =>
    advise([ownerless(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000", state }))], {
      settings: { kernelRelease },
    });
  assert.deepEqual(commands(orphan("FIN-WAIT-2")), ["nothing: sudo portmortem free 8080"]);
  assert.deepEqual(commands(orphan("FIN-WAIT-1")), ["data: sudo portmortem free 8080"]);
  const [old] = orphan("FIN-WAIT-1", "6.8.0");
  assert.equal(old?.command, undefined);
  assert.match(old?.text ?? "", /Linux 6\.8\.0 cannot, 6\.11 and later can$/);
});

test("advice for a client keeps its port reserved, then drops that connection and leaves its program alone", () => {
  const advice = advise([client], { settings: { reservedPorts: "9000-9100" } });
  assert.deepEqual(commands(advice), [
    "nothing: sudo sysctl -w net.ipv4.ip_local_reserved_ports=8080,9000-9100",
    "data: sudo portmortem free 8080 --drop-clients",
  ]);
  assert.equal(
    advice[1]?.text,
    "end that one connection and leave node (pid 812) alone, and prove that the port is free",
  );
  const ofNobody = { ...client, socket: { ...client.socket, owners: [], ownerless: "no-permission" as const } };
  assert.match(advise([ofNobody])[1]?.text ?? "", /leave its program alone/);
  // Its options were read through a duplicate of its descriptor, and through one it can be reset as well.
  const within = { ...client, optionsBy: "held" as const };
  assert.equal(advise([within])[1]?.command, "portmortem free 8080 --drop-clients");
});

test("advice for a client that asked for its port says that it has to close it, and without a way to end it there is none", () => {
  const settings = { reservedPorts: "8000-9000", kernelDestroys: false };
  const kept = [{ ...client, autoBound: false }];
  assert.match(advise(kept, { settings })[0]?.text ?? "", /alone, and prove/);
  const [strict] = advise(kept, { settings, reuseAddr: false });
  assert.match(strict?.text ?? "", /alone \(the port was asked for, and is free once it closes its end\), and prove/);
  assert.equal(strict?.command, "sudo portmortem free 8080 --no-reuse-addr --drop-clients");
  const ofNobody = { ...client, socket: { ...client.socket, owners: [], ownerless: "no-permission" as const } };
  assert.deepEqual(advise([ofNobody], { settings }), []);
});

test("advice for what a client has left of a connection takes the consent for clients as well", () => {
  const closed = held(connection({ local: "10.0.0.1:8080", remote: "10.0.0.9:443", state: "CLOSE-WAIT" }));
  assert.equal(advise([{ ...closed, peerListens: true }])[0]?.command, "sudo portmortem free 8080 --drop-clients");
  assert.equal(advise([closed])[0]?.command, "sudo portmortem free 8080");
});

test("advice for a bound socket or a listener is to end who holds it", () => {
  for (const socket of [listener({ port: 8080 }), bound({ port: 8080 })])
    assert.deepEqual(commands(advise([held(socket)])), ["downtime: portmortem free 8080"]);
});

test("advice for connections of a server that is gone is to end them, and no program", () => {
  const of = (remote: string, state: "CLOSE-WAIT" | "FIN-WAIT-2" | "ESTABLISHED") =>
    held(connection({ local: "[::1]:8080", remote, state }));
  for (const state of ["CLOSE-WAIT", "FIN-WAIT-2", "ESTABLISHED"] as const)
    assert.deepEqual(
      advise([of("[fd00::9]:50443", state)]).map(({ text, command, costs }) => [text, command, costs]),
      [
        [
          "end that one connection and leave node (pid 812) alone, and prove that the port is free",
          "sudo portmortem free 8080",
          "data",
        ],
      ],
    );
  const [both] = advise([of("[fd00::9]:50443", "CLOSE-WAIT"), of("[fd00::9]:50444", "CLOSE-WAIT")]);
  assert.match(both?.text ?? "", /^end those 2 connections and leave node \(pid 812\) alone/);
});

test("advice for an owner that cannot be seen is to look as root, for whoever is not", () => {
  const hidden = [held(listener({ port: 8080 }), { owners: [], ownerless: "no-permission" })];
  assert.deepEqual(commands(advise(hidden)), ["nothing: sudo portmortem why 8080"]);
  assert.deepEqual(advise(hidden, { settings: { asker: { uid: 0 } } }), []);
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

test("advice for a listener and what is left behind is one command for both, or says that both are needed", () => {
  const left = ownerless(timeWait({ port: 8080, remainingMs: 46_000 }));
  const linesOf = (holders: PortHolder[], settings: Asked["settings"] = {}) =>
    advise(holders, { reuseAddr: false, settings }).map(({ text, command }) => [text, command]);
  const server = held(listener({ port: 8080 }));
  assert.deepEqual(linesOf([left, server]), [
    [
      "clear what is left behind, ask node (pid 812) to end, and prove that the port is free",
      "sudo portmortem free 8080 --no-reuse-addr",
    ],
  ]);
  assert.deepEqual(linesOf([left, server], { kernelRelease: "5.15.0" }), [
    [
      "wait until what is left behind has ended, ask node (pid 812) to end, and prove that the port is free",
      "portmortem free 8080 --no-reuse-addr --wait 46s",
    ],
  ]);
  const { timer: _timer, ...timeless } = left.socket;
  assert.deepEqual(
    linesOf([{ socket: timeless }, server], { kernelRelease: "5.15.0" }).map(([text]) => text),
    [
      "ask node (pid 812) to end, and prove that the port is free; what is left behind still blocks then",
      "after that: clear the TIME-WAIT: nobody holds it, and nothing is lost unless its last packets are still on the way: Linux 5.15.0 cannot, 6.0 and later can",
    ],
  );
  const unit = held(listener({ port: 8080 }), { owners: [{ ...NODE, unit: "api.service" }] });
  assert.deepEqual(
    linesOf([left, unit]).map(([, command]) => command),
    [
      "sudo systemctl stop api.service",
      "portmortem wait 8080 --no-reuse-addr",
      "sudo portmortem free 8080 --no-reuse-addr",
    ],
  );
  assert.match(linesOf([left, unit])[0]?.[0] ?? "", /; what is left behind still blocks then$/);
  const hidden = held(listener({ port: 8080 }), { owners: [], ownerless: "unknown" });
  assert.equal(linesOf([left, hidden])[0]?.[0], "once it is held no longer: wait 46 s: it ends by itself");
});

test("advice to end several programs is one command, which frees the port of all of them", () => {
  const of = (pid: number, command = "node", more: Partial<Owner> = {}) =>
    held(listener({ port: 8080, address: `127.0.0.${pid}` }), { owners: [{ ...NODE, pid, command, ...more }] });
  const linesOf = (...holders: PortHolder[]) => advise(holders).map(({ text, command }) => [text, command]);
  assert.deepEqual(linesOf(of(5), of(6), of(7, "nginx")), [
    ["ask the 2 node processes and nginx (pid 7) to end, and prove that the port is free", "portmortem free 8080"],
  ]);
  assert.deepEqual(linesOf(of(5), of(7, "nginx", { unit: "nginx.service" })), [
    [
      "stop the unit nginx.service; a plain kill may have systemd restart it; what else is in the way still blocks then",
      "sudo systemctl stop nginx.service",
    ],
    ["after that: ask node (pid 5) to end, and prove that the port is free", "portmortem free 8080"],
  ]);
  const many = advise([of(5), of(6, "a"), of(7, "b"), of(8, "c")]);
  assert.match(many[0]?.text ?? "", /^ask the 4 processes to end/);
});

test("advice for all kinds at once is one command with what it takes", () => {
  const container = { runtime: "docker", id: "f".repeat(64), name: "web" } as const;
  const advice = advise([
    client,
    held(bound({ port: 8080 }), { owners: [{ ...NODE, pid: 900 }] }),
    held(listener({ port: 8080, address: "127.0.0.2" }), { owners: [{ ...NODE, pid: 901, container }] }),
  ]);
  assert.equal(advice.at(-1)?.command, "sudo portmortem free 8080 --drop-clients --container");
  assert.equal(
    advice.at(-1)?.text,
    "end that one connection and leave node (pid 812) alone, have the container web stopped by its engine, ask node (pid 900) to end, and prove that the port is free",
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
  assert.deepEqual(
    advice.map(({ costs }) => costs),
    ["nothing", "downtime"],
  );
});
