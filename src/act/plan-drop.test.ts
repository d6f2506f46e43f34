import assert from "node:assert/strict";
import { test } from "node:test";
import type { DropClass, DropGroup } from "../tcp/drop-plan.ts";
import type { Owner, Socket } from "../tcp/socket.ts";
import { isHarmless, planDrop } from "./plan-drop.ts";
import type { DropMeans, DropWish } from "./plan-drop.ts";

const OWNER: Owner = { pid: 812, fd: 5, command: "curl" };

function group(kind: DropClass, state: Socket["state"], more: Partial<Socket> = {}, count = 1): DropGroup {
  const socket: Socket = {
    protocol: "tcp",
    family: "ipv4",
    state,
    local: { address: "127.0.0.1", port: 40_001 },
    remote: { address: "127.0.0.1", port: 80 },
    ...(kind === "held" ? { inode: 7, owners: [OWNER] } : {}),
    ...more,
  };
  return { class: kind, state, count, socket };
}

const CAN: DropMeans = { sockDestroy: { answer: "yes" }, kernelRelease: "6.18.0" };
const NO_RIGHT: DropMeans = { ...CAN, sockDestroy: { answer: "no", lacks: "right", why: "needs CAP_NET_ADMIN" } };
const NO_KERNEL: DropMeans = {
  ...CAN,
  sockDestroy: { answer: "no", lacks: "kernel", why: "this kernel is built without CONFIG_INET_DIAG_DESTROY" },
};

/** "destroy", or what is lacking. */
function way(one: DropGroup, means: DropMeans, wish: DropWish = {}): string {
  const [planned] = planDrop([one], means, wish);
  return planned === undefined ? "none" : "step" in planned ? planned.step.kind : `no: ${planned.refusal.lacks}`;
}

const HELD = group("held", "ESTABLISHED");
const TIME_WAIT = group("time-wait", "TIME-WAIT");
const FIN_WAIT_2 = group("fin-wait-2", "FIN-WAIT-2");
const ORPHAN = group("orphan", "FIN-WAIT-1");
const UNACCEPTED = group("unheld", "ESTABLISHED");

test("planDrop() lets the kernel do it where it can", () => {
  for (const one of [HELD, TIME_WAIT, FIN_WAIT_2, ORPHAN, UNACCEPTED]) assert.equal(way(one, CAN), "destroy");
});

test("planDrop() resets through a descriptor where the kernel cannot or may not, and only what a program holds", () => {
  assert.equal(way(HELD, NO_RIGHT), "reset");
  assert.equal(way(HELD, NO_KERNEL), "reset");
  for (const one of [TIME_WAIT, FIN_WAIT_2, ORPHAN, UNACCEPTED]) {
    assert.equal(way(one, NO_RIGHT), "no: right");
    assert.equal(way(one, NO_KERNEL), "no: kernel");
  }
});

test("planDrop() does what is asked for or nothing", () => {
  assert.equal(way(HELD, NO_RIGHT, { how: "destroy" }), "no: right");
  assert.equal(way(HELD, CAN, { how: "shutdown" }), "shutdown");
  assert.equal(way(HELD, CAN, { how: "reset" }), "reset");
  for (const how of ["shutdown", "reset"] as const) assert.equal(way(TIME_WAIT, CAN, { how }), "no: descriptor");
  assert.equal(way(group("held", "FIN-WAIT-2"), CAN, { how: "shutdown" }), "no: descriptor", "shut already");
  assert.equal(way(group("held", "FIN-WAIT-2"), CAN, { how: "reset" }), "reset");
});

test("planDrop() says whose right it is that is missing where the program may not be seen", () => {
  const hidden = group("held", "ESTABLISHED", { owners: [], ownerless: "no-permission" });
  assert.equal(way(hidden, NO_RIGHT), "no: right");
  assert.equal(way(hidden, CAN, { how: "reset" }), "no: right");
  const lost = group("held", "ESTABLISHED", { owners: [], ownerless: "in-flight" });
  assert.equal(way(lost, CAN, { how: "reset" }), "no: descriptor");
});

test("planDrop() refuses what an older kernel does wrong, with its version", () => {
  const means = (kernelRelease: string): DropMeans => ({ ...CAN, kernelRelease });
  assert.equal(way(TIME_WAIT, means("5.15.0-91-generic")), "no: kernel");
  assert.equal(way(FIN_WAIT_2, means("5.15.0-91-generic")), "no: kernel");
  assert.equal(way(TIME_WAIT, means("6.1.0-18-amd64")), "destroy");
  assert.equal(way(ORPHAN, means("6.1.0-18-amd64")), "no: kernel");
  assert.equal(way(ORPHAN, means("6.11.0")), "destroy");
  assert.equal(way(HELD, means("4.19.0")), "destroy");
  const [planned] = planDrop([ORPHAN], means("6.1.0-18-amd64"), {});
  assert.ok(planned !== undefined && "refusal" in planned);
  assert.match(planned.refusal.text, /6\.1\.0-18-amd64.*for ever.*6\.11/);
});

test("planDrop() prints the command of root for what needs a right, and for nothing else", () => {
  const wish = { rootCommand: "sudo portmortem drop x" };
  const commandOf = (one: DropGroup, means: DropMeans): string | undefined => {
    const [planned] = planDrop([one], means, wish);
    return planned !== undefined && "refusal" in planned ? planned.refusal.command : undefined;
  };
  assert.equal(commandOf(TIME_WAIT, NO_RIGHT), "sudo portmortem drop x");
  assert.equal(commandOf(TIME_WAIT, NO_KERNEL), undefined);
});

test("planDrop() says what both ends will see", () => {
  const textOf = (one: DropGroup, wish: DropWish = {}): string => {
    const [planned] = planDrop([one], CAN, wish);
    return planned !== undefined && "step" in planned ? planned.step.text : "";
  };
  assert.match(textOf(HELD), /curl \(pid 812\).*127\.0\.0\.1:40001 to 127\.0\.0\.1:80.*ECONNABORTED.*ECONNRESET/);
  assert.match(textOf(HELD, { how: "shutdown" }), /delivered.*end of the stream/);
  assert.match(textOf(group("time-wait", "TIME-WAIT", {}, 3)), /^3 connections in TIME-WAIT: .*nobody is told/);
  assert.match(textOf(group("held", "SYN-SENT")), /the peer is not told/);
});

test("isHarmless() holds for what only the kernel has, and for nothing that a program has or will have", () => {
  assert.equal(isHarmless([TIME_WAIT, FIN_WAIT_2, ORPHAN]), true);
  assert.equal(isHarmless([TIME_WAIT, HELD]), false);
  assert.equal(isHarmless([UNACCEPTED]), false);
});
