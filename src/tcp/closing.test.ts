// The model of closing.ts has no dead end, no dead row and no segment that a state does not know: everything that two ends can do is tried.
import assert from "node:assert/strict";
import { test } from "node:test";
import { TRANSITIONS, transitionOf } from "./closing.ts";
import { arrive, callOn, happen, newEnd, retransmitted } from "./closing-simulation.ts";
import type { Call, End, Reaction, SentSegment, Side, Taken, Timer } from "./closing-simulation.ts";
import { STATES } from "./states.ts";

/** Two ends and what is on its way to each. */
interface Pair {
  readonly ends: Readonly<Record<Side, End>>;
  readonly to: Readonly<Record<Side, readonly SentSegment[]>>;
}

const SIDES = ["client", "server"] as const;
const CALLS: readonly Call[] = [
  "bind()",
  "listen()",
  "connect()",
  "accept()",
  "write()",
  "read()",
  "shutdown()",
  "close()",
  "SOCK_DESTROY",
];
const TIMERS: readonly Timer[] = [
  "retransmits unanswered",
  "keepalive unanswered",
  "FIN-WAIT-2 timer",
  "TIME-WAIT timer",
];
/** With more than this on its way nobody begins anything new: it would tell nothing new. */
const MOST_FLYING = 1;

function* everyMove(pair: Pair): Generator<Pair & { readonly taken: readonly Taken[]; readonly arrived?: string }> {
  for (const side of SIDES) {
    const other: Side = side === "client" ? "server" : "client";
    const end = pair.ends[side];
    const after = (reaction: Reaction, to = pair.to): Pair & { taken: readonly Taken[] } => ({
      ends: { ...pair.ends, [side]: { ...reaction.end, lingersNot: false } },
      to: reaction.sends === undefined ? to : { ...to, [other]: [...to[other], reaction.sends] },
      taken: reaction.taken,
    });
    const [next, ...rest] = pair.to[side];
    if (next !== undefined) {
      const to = { ...pair.to, [side]: rest };
      const reaction = arrive(end, next);
      yield {
        ...after(reaction, to),
        arrived: `${end.state}/${end.held} ${next.flags}${next.acksFin ? " of FIN" : ""}`,
      };
      yield { ends: pair.ends, to, taken: [] }; // lost
    }
    if (pair.to[side].length + pair.to[other].length > MOST_FLYING) continue;
    for (const call of CALLS) if (mayCall(end, call)) yield after(callOn(end, call));
    for (const timer of TIMERS) if (timer !== "retransmit") yield after(happen(end, timer));
    const again = retransmitted(end);
    if (again !== undefined) yield after({ end, taken: [], sends: again });
    if (mayCall(end, "close()") && !end.unread) yield after(callOn({ ...end, lingersNot: true }, "close()"));
  }
}

function mayCall({ state, held }: End, call: Call): boolean {
  if (call === "SOCK_DESTROY") return true;
  if (call === "accept()") return held === "queue" && state !== "SYN-RECEIVED";
  if (call === "close()" && held === "queue") return true; // the listener
  // A new socket in the place of the old one.
  if (state === "CLOSED") return call === "bind()" || call === "listen()" || call === "connect()";
  if (held !== "program") return false;
  if (call === "write()") return state === "ESTABLISHED" || state === "CLOSE-WAIT";
  return true;
}

const keyOf = ({ ends, to }: Pair): string => JSON.stringify([ends.client, ends.server, to.client, to.server]);

/** Everything that can be reached, once. */
function explore(): {
  readonly pairs: ReadonlyMap<string, Pair>;
  readonly before: ReadonlyMap<string, readonly string[]>;
  readonly taken: ReadonlySet<string>;
  readonly ignored: ReadonlySet<string>;
} {
  const closed = newEnd("CLOSED");
  const start: Pair = { ends: { client: closed, server: closed }, to: { client: [], server: [] } };
  const pairs = new Map([[keyOf(start), start]]);
  const before = new Map<string, string[]>();
  const taken = new Set<string>();
  const ignored = new Set<string>();
  // A Map iterates over what is added meanwhile.
  for (const [key, pair] of pairs) {
    for (const next of everyMove(pair)) {
      for (const { from, transition } of next.taken)
        taken.add(`${from} ${transition.held ?? "any"} ${transition.event}`);
      if (next.arrived !== undefined && next.taken.length === 0) ignored.add(next.arrived);
      const nextKey = keyOf(next);
      if (!pairs.has(nextKey)) pairs.set(nextKey, { ends: next.ends, to: next.to });
      before.set(nextKey, [...(before.get(nextKey) ?? []), key]);
    }
  }
  return { pairs, before, taken, ignored };
}

const explored = explore();

test("the model reaches every state", () => {
  const reached = new Set([...explored.pairs.values()].flatMap(({ ends }) => [ends.client.state, ends.server.state]));
  assert.deepEqual([...reached].sort(), STATES.map(({ name }) => name).sort());
});

test("every transition of the model is taken, from each of its states", () => {
  const all = TRANSITIONS.flatMap(({ from, event, held }) => from.map((state) => `${state} ${held ?? "any"} ${event}`));
  assert.equal(new Set(all).size, all.length, "twice");
  assert.deepEqual(
    all.filter((one) => !explored.taken.has(one)),
    [],
  );
});

test("no state is a dead end: whatever the two ends do, they can still both be closed", () => {
  const isOver = ({ ends, to }: Pair): boolean =>
    SIDES.every((side) => ends[side].state === "CLOSED" && to[side].length === 0);
  const alive = new Set([...explored.pairs].filter(([, pair]) => isOver(pair)).map(([key]) => key));
  for (const key of alive) for (const before of explored.before.get(key) ?? []) alive.add(before);
  assert.ok(explored.pairs.size > 1000, "two ends can do much");
  assert.deepEqual(
    [...explored.pairs.keys()].filter((key) => !alive.has(key)),
    [],
  );
});

test("every segment is known to every state that it can reach, but for those that say nothing new", () => {
  // A SYN that meets a FIN-WAIT-2 of nobody is answered by its number (tcp_timewait_state_process): the model has no numbers.
  const nothingNew = /^\S+ ACK|^(CLOSED|BOUND|LISTEN)\/\S+ RST$|^FIN-WAIT-2\/nobody SYN$/;
  assert.deepEqual(
    [...explored.ignored].filter((arrival) => !nothingNew.test(arrival)),
    [],
  );
});

test("whoever closes first gets the TIME-WAIT, and after an RST nobody has one", () => {
  for (const [key, { ends }] of explored.pairs) {
    const states = SIDES.map((side) => ends[side].state);
    if (states.includes("TIME-WAIT"))
      assert.ok(!states.includes("FIN-WAIT-1"), `${key}: its FIN has been acknowledged`);
  }
  for (const { from, event, to } of TRANSITIONS)
    if (to === "TIME-WAIT")
      assert.ok(event !== "RST" && from.every((state) => ["FIN-WAIT-2", "CLOSING"].includes(state)));
});

test("transitionOf() tells who holds the socket apart", () => {
  assert.equal(transitionOf("FIN-WAIT-2", "nobody", "FIN-WAIT-2 timer")?.to, "CLOSED");
  assert.equal(transitionOf("FIN-WAIT-2", "program", "FIN-WAIT-2 timer"), undefined);
});
