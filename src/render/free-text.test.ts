import assert from "node:assert/strict";
import { test } from "node:test";
import type { DoneStep, FreePlan, FreeResult, SignalStep } from "../tcp/free-plan.ts";
import type { Socket } from "../tcp/socket.ts";
import { renderFreePlan, renderFreeResult } from "./free-text.ts";
import { createStyle } from "./style.ts";

const view = { style: createStyle(false), width: 60, verbose: false };
const listener: Socket = {
  protocol: "tcp",
  family: "ipv6",
  state: "LISTEN",
  local: { address: "::", port: 3000 },
  owners: [],
};

const term: SignalStep = {
  kind: "signal",
  pid: 7,
  signal: "SIGTERM",
  socket: listener,
  text: "node (pid 7): asked to end",
};
const remains = { kind: "destroy", ifNeeded: true, text: "what is left behind: cleared" } as const;

function planOf(more: Partial<FreePlan> = {}): FreePlan {
  return {
    endpoints: [{ protocol: "tcp", address: "::", port: 3000, v6only: false, bindable: false }],
    bindable: false,
    plan: [],
    refused: [],
    spared: [],
    tree: [],
    supervisors: [],
    incomplete: [],
    ...more,
  };
}

function resultOf(done: readonly DoneStep[], more: Partial<FreeResult> = {}): string {
  return renderFreeResult({ ...planOf(more), done, ...more }, { ...view, planShown: false });
}

test("renderFreePlan() begins all texts in one column, and puts a command where it can be pasted", () => {
  const plan = planOf({
    plan: [term, remains],
    refused: [{ count: 1, text: "another user's", command: `sudo portmortem free 3000 --grace ${"9".repeat(60)}s` }],
    spared: [
      {
        count: 1,
        socket: listener,
        text: "1 connection TO port 3000, held by node (pid 9); it does not stand in the way",
      },
    ],
  });
  assert.deepEqual(renderFreePlan(plan, view).split("\n"), [
    "  SIGTERM  node (pid 7): asked to end",
    "  destroy  what is left behind: cleared",
    "  refused  another user's",
    `           $ sudo portmortem free 3000 --grace ${"9".repeat(60)}s`,
    "  spared   1 connection TO port 3000, held by node (pid 9);",
    "           it does not stand in the way",
    "",
  ]);
});

test("renderFreePlan() says once what two ports have in common", () => {
  const plan = planOf({ plan: [term, remains, { ...term, pid: 8, text: "node (pid 8): asked to end" }, remains] });
  assert.equal(renderFreePlan(plan, view).split("what is left behind").length, 2);
});

test("renderFreeResult() tells failure from what the next step made good", () => {
  const failed = { ...term, result: "failed", why: "it was still there after 1 s" } as const;
  assert.match(resultOf([failed]), /asked to end; FAILED: it was still\s+there[^]*^port 3000 is still taken$/m);
  const endpoints = planOf().endpoints.map((one) => ({ ...one, bindable: true }));
  const made = resultOf([failed, { ...term, signal: "SIGKILL", text: "killed", result: "ok" }], {
    endpoints,
    bindable: true,
  });
  assert.doesNotMatch(made, /FAILED/);
  assert.match(made, /^port 3000 is free: a bind works$/m);
});

test("renderFreeResult() says of a step that was for the case of need that it was needed, also below the plan; and what came of one besides", () => {
  const kill = {
    ...term,
    signal: "SIGKILL",
    ifNeeded: true,
    text: "killed if it is still there",
    result: "ok",
  } as const;
  const result: FreeResult = {
    ...planOf(),
    done: [{ ...term, result: "ok" }, kill, { ...remains, result: "not-needed" }],
  };
  const text = renderFreeResult(result, { ...view, planShown: true });
  assert.equal(text, "  SIGKILL  killed if it is still there; that was needed\nport 3000 is still taken\n");
  assert.match(resultOf([{ ...term, result: "ok", why: "an option was set" }]), /asked to end; an option was set$/m);
});

test("renderFreeResult() says how far an interrupted step came, or that it was not begun", () => {
  const text = resultOf(
    [
      { ...term, result: "interrupted", why: "it was sent" },
      { ...term, signal: "SIGKILL", text: "killed", result: "interrupted" },
    ],
    { interrupted: true },
  );
  assert.match(text, /asked to end; interrupted: it was\s+sent$/m);
  assert.match(text, /killed; not begun$/m);
  assert.match(text, /^interrupted: port 3000 is still taken$/m);
});

test("renderFreeResult() calls a port taken only where a socket is in the way", () => {
  const refusal = { count: 1, text: "no device has the address" };
  assert.match(resultOf([], { refused: [refusal] }), /^port 3000 cannot be bound$/m);
  assert.match(resultOf([], { refused: [{ ...refusal, socket: listener }] }), /^port 3000 is still taken$/m);
});

test("renderFreeResult() escapes what a program calls itself", () => {
  const text = resultOf([{ ...term, text: "a\u001b[2J\nb: asked to end", result: "ok" }]);
  assert.ok(!text.includes("\u001b") && !text.includes("J\nb"));
});
