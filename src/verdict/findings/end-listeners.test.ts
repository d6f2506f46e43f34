import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, healthySnapshot, listenerFacts } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import type { Owner, Socket } from "../../tcp/socket.ts";
import { continueCommand, endCommand, endListenersCommand } from "./end-listeners.ts";

const OTHER: Owner = { ...NODE, pid: 900, command: "nginx" };

function on(address: string, owners: readonly Owner[] = [NODE], more: Partial<Socket> = {}, port = 8080) {
  return listenerFacts({ address, port }, { socket: { owners, ...more } });
}

function commandFor(
  mine: readonly ListenerFacts[],
  others: readonly ListenerFacts[] = [],
  changes: Partial<HealthSnapshot> = {},
): string | undefined {
  const owners = mine.flatMap(({ socket }) => socket.owners ?? []);
  return endListenersCommand(healthySnapshot({ listeners: [...mine, ...others], ...changes }), mine, owners);
}

test("endListenersCommand() frees the listener's own address, with what makes it another bind", () => {
  assert.equal(commandFor([on("::", [NODE], { v6only: false })]), "portmortem free 8080");
  assert.equal(commandFor([on("0.0.0.0")]), "portmortem free 0.0.0.0:8080");
  assert.equal(commandFor([on("::", [NODE], { v6only: true })]), "portmortem free 8080 --v6only");
  assert.equal(commandFor([on("::1", [NODE], { v6only: true })]), "portmortem free '[::1]:8080'");
  assert.equal(commandFor([on("0.0.0.0", [NODE], { protocol: "udp" })]), "portmortem free 0.0.0.0:8080 --udp");
  const local = { address: "0.0.0.0", port: 8080, interface: "eth0" };
  assert.equal(commandFor([on("0.0.0.0", [NODE], { local })]), "portmortem free 0.0.0.0:8080 --device eth0");
  assert.equal(commandFor([on("::", [NODE], {}, 1), on("::", [NODE], {}, 2)]), "portmortem free 1 2");
  assert.equal(commandFor([on("0.0.0.0", [])]), undefined);
});

test("endListenersCommand() is a signal where freeing the port would end somebody else too", () => {
  const mine = on("127.0.0.1");
  assert.equal(commandFor([mine], [on("0.0.0.0", [OTHER])]), "kill 812");
  assert.equal(commandFor([mine], [on("::", [OTHER], { v6only: false })]), "kill 812");
  assert.equal(commandFor([mine], [on("127.0.0.1", [NODE, OTHER])]), "kill 812");
  assert.equal(commandFor([mine], [on("127.0.0.1", [], { ownerless: "no-permission" })]), "kill 812");
  assert.equal(
    commandFor([on("127.0.0.1", [{ ...NODE, state: "T" }])], [on("0.0.0.0", [OTHER])]),
    "kill 812; kill -CONT 812",
  );
  for (const harmless of [
    on("127.0.0.2", [OTHER]),
    on("::1", [OTHER]),
    on("0.0.0.0", [OTHER], {}, 8081),
    on("0.0.0.0", [OTHER], { protocol: "udp" }),
    on("0.0.0.0", [NODE]),
  ])
    assert.equal(commandFor([mine], [harmless]), "portmortem free 127.0.0.1:8080");
  assert.equal(commandFor([mine, on("::", [NODE], { v6only: true })]), "kill 812", "no one command for both");
});

test("endListenersCommand() leaves what is managed to its manager, and takes root where the user is another", () => {
  const asker = { uid: 1000, netns: "web" };
  assert.equal(commandFor([on("::")], [], { asker }), "portmortem free 8080 --netns web");
  assert.equal(commandFor([on("::", [{ ...NODE, uid: 33 }])], [], { asker }), "sudo portmortem free 8080 --netns web");
  const unit = { ...NODE, unit: "api.service" };
  assert.equal(commandFor([on("::", [unit])], [], { asker }), "sudo systemctl stop api.service");
});

test("endCommand() and continueCommand() take root where one of the processes is another user's", () => {
  const asker = { uid: 1000 };
  const programs = (...owners: Owner[]) => owners.map((owner) => ({ owner }));
  assert.equal(endCommand(asker, programs(NODE, { ...NODE, pid: 813 }, NODE)), "kill 812 813");
  assert.equal(endCommand(asker, programs(NODE, { ...NODE, pid: 813, uid: 0 })), "sudo kill 812 813");
  assert.equal(endCommand({ uid: 0 }, programs({ ...NODE, uid: 33 })), "kill 812");
  assert.equal(endCommand(asker, programs({ ...NODE, unit: "api.service" })), "sudo systemctl stop api.service");
  const { uid: _uid, ...unknown } = NODE;
  assert.equal(continueCommand(asker, [unknown]), "sudo kill -CONT 812");
});
