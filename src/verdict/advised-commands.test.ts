// The words of the commands that are advised: user, rights, namespace, and the bind that was asked about.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, held, judge, ownerless } from "../../test/contracts/bind-snapshots.ts";
import type { Asked } from "../../test/contracts/bind-snapshots.ts";
import type { Asker } from "../tcp/asker.ts";
import type { PortHolder } from "../tcp/bind-snapshot.ts";
import { bound, listener, timeWait } from "../testing/builders.ts";
import type { Advice } from "./why.ts";

function advise(holders: readonly PortHolder[], asked: Asked = {}): readonly Advice[] {
  return judge(holders, { results: ["EADDRINUSE", "EADDRINUSE"], ...asked }).advice;
}

test("advice is written for the user and the namespace that it is for", () => {
  const left = [ownerless(timeWait({ port: 8080 }))];
  const commandsFor = (asker: Asker, asked: Asked = {}) =>
    advise(left, { ...asked, settings: { asker } }).flatMap(({ command = [] }) => command);
  assert.deepEqual(commandsFor({ uid: 0 }), ["portmortem wait 8080", "portmortem free 8080"]);
  assert.deepEqual(commandsFor({ uid: 1000, netAdmin: true }), ["portmortem wait 8080", "portmortem free 8080"]);
  assert.deepEqual(commandsFor({ uid: 1000, netAdmin: false, netns: "web" }), [
    "portmortem wait 8080 --netns web",
    "sudo portmortem free 8080 --netns web",
  ]);
  // No bind was made: perhaps the namespace may not be entered.
  const { advice } = judge(left, { reuseAddr: false, settings: { asker: { uid: 1000, netns: "812" } } });
  assert.equal(advice[0]?.command, "sudo portmortem wait 8080 --no-reuse-addr --netns 812");
});

test("advice repeats the bind that was asked about, in words that a shell takes as they are", () => {
  const commandOf = (asked: Asked) =>
    advise([ownerless(timeWait({ port: 8080, address: asked.address ?? "127.0.0.1" }))], asked)[0]?.command;
  assert.equal(commandOf({ address: "127.0.0.1" }), "portmortem wait 127.0.0.1:8080");
  assert.equal(commandOf({ address: "::1" }), "portmortem wait '[::1]:8080'");
  assert.equal(
    commandOf({ address: "fe80::1%eth0", reusePort: true, device: "eth0" }),
    "portmortem wait '[fe80::1%eth0]:8080' --reuse-port --device eth0",
  );
  assert.equal(commandOf({ address: "0.0.0.0", reuseAddr: false }), "portmortem wait 0.0.0.0:8080 --no-reuse-addr");
  assert.equal(commandOf({ address: "127.0.0.1", uid: 1000 }), "portmortem wait 127.0.0.1:8080");
  assert.equal(commandOf({ address: "127.0.0.1", uid: 33 }), "sudo portmortem wait 127.0.0.1:8080 --user 33");
  const udp = advise([held(bound({ port: 8080, address: "::1" }), { protocol: "udp" })], {
    protocol: "udp",
    v6only: true,
  });
  assert.equal(udp[0]?.command, "portmortem free 8080 --udp --v6only");
});

test("advice for a UDP socket that went out leaves its program alone", () => {
  const socket = { ...bound({ port: 40_000, address: "10.0.0.1" }), protocol: "udp" as const };
  const client = held(socket, { remote: { address: "10.0.0.53", port: 53 } });
  const [advice] = advise([client], { port: 40_000, protocol: "udp", settings: { asker: { uid: 0 } } });
  assert.equal(advice?.command, "portmortem free 40000 --udp --drop-clients");
  assert.equal(advice.costs, "data");
  assert.match(advice.text, /leave node \(pid 812\) alone/);
  const server = held(socket, { remote: { address: "10.0.0.53", port: 50_000 } });
  const [ending] = advise([server], { port: 40_000, protocol: "udp", settings: { asker: { uid: 0 } } });
  assert.equal(ending?.command, "portmortem free 40000 --udp");
});

test("advice for a port that only needs SO_REUSEADDR is about the bind without it", () => {
  const advice = judge([ownerless(timeWait({ port: 8080 }))], { results: ["ok", "EADDRINUSE"] }).advice;
  assert.deepEqual(
    advice.flatMap(({ command = [] }) => command),
    ["portmortem wait 8080 --no-reuse-addr", "sudo portmortem free 8080 --no-reuse-addr"],
  );
});

test("advice as root for another user stays about that user, whom SO_REUSEPORT compares", () => {
  const asked = { reusePort: true, uid: 1000 };
  const advice = advise([held(listener({ port: 8080 }), { owners: [{ ...NODE, uid: 33 }] })], asked);
  assert.equal(advice[0]?.command, "sudo portmortem free 8080 --reuse-port --user 1000");
});
