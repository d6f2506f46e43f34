import assert from "node:assert/strict";
import { test } from "node:test";
import type { Owner, Socket } from "../tcp/socket.ts";
import { endpointText, ownersText, queuesText, timerText } from "./socket-text.ts";

const socket: Socket = {
  protocol: "tcp",
  family: "ipv4",
  state: "ESTABLISHED",
  local: { address: "127.0.0.1", port: 80 },
};

test("endpointText() tells a dual-stack wildcard from one of a single family", () => {
  const any = { address: "::", port: 80 };
  assert.equal(endpointText(any, false), "*:80");
  assert.equal(endpointText(any, true), "[::]:80");
  assert.equal(endpointText(any), "[::]:80", "not told: not claimed");
  assert.equal(endpointText({ address: "0.0.0.0", port: 80 }), "0.0.0.0:80");
  assert.equal(endpointText({ address: "fd00::1", port: 80 }, false), "[fd00::1]:80");
});

test("endpointText() has the bound device after a percent sign, escaped", () => {
  assert.equal(endpointText({ address: "10.0.0.1", port: 80, interface: "et\u001bh0" }), "10.0.0.1%et\\eh0:80");
  assert.equal(endpointText({ address: "::", port: 80, interface: "eth0" }, false), "*%eth0:80");
});

test("queuesText() shows what waits, of a listener always and of a connection when there is something", () => {
  assert.equal(queuesText({ ...socket, queues: { accepting: 0, backlog: 511 } }), "0/511");
  assert.equal(queuesText({ ...socket, queues: { accepting: 3 } }), "3");
  assert.equal(queuesText({ ...socket, queues: { receiveBytes: 0, sendBytes: 0 } }), "");
  assert.equal(queuesText({ ...socket, queues: { receiveBytes: 7, sendBytes: 0 } }), "7<0");
  assert.equal(queuesText(socket), "");
});

test("timerText() shows the time left, the kind unless it is TIME-WAIT, and retransmissions", () => {
  const timer = (kind: "time-wait" | "retransmit", retransmits: number) =>
    timerText({ ...socket, timer: { kind, remainingMs: 1500, retransmits } });
  assert.equal(timer("time-wait", 0), "2 s");
  assert.equal(timer("retransmit", 3), "retransmit 2 s (3x)");
  assert.equal(timerText(socket), "");
});

test("ownersText() names each process once, with its container and that it is stopped", () => {
  const node: Owner = { pid: 812, fd: 3, command: "no\nde" };
  const of = (owners: Owner[]) => ownersText({ ...socket, owners });
  assert.equal(
    of([node, { ...node, fd: 4 }, { ...node, pid: 813, state: "T" }]),
    "no\\nde[812] no\\nde[813] (stopped)",
  );
  const container = { runtime: "docker", id: "0123456789abcdef" } as const;
  assert.equal(of([{ ...node, container }]), "no\\nde[812]@0123456789ab");
  assert.equal(of([{ ...node, container: { ...container, name: "web" } }]), "no\\nde[812]@web");
});

test("ownersText() says why there is nobody, in a word", () => {
  const of = (ownerless: Socket["ownerless"] & string) => ownersText({ ...socket, owners: [], ownerless });
  assert.deepEqual(
    (["kernel", "unaccepted", "no-permission", "other-namespace", "in-flight", "unknown"] as const).map(of),
    ["-", "(unaccepted)", "(not visible)", "(other namespace)", "(in flight)", "(not found)"],
  );
  assert.equal(ownersText(socket), "", "nobody has looked");
});
