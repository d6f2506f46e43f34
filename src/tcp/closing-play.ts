/** Plays the script of a scenario on the model (closing-simulation.ts) and says each step. Pure; throws for a script that makes no sense. */
import { arrive, callOn, happen, newEnd, retransmitted } from "./closing-simulation.ts";
import type {
  Call,
  End,
  Move,
  Reaction,
  SentSegment,
  Side,
  Step,
  Taken,
  Timer,
  View,
  Views,
} from "./closing-simulation.ts";

/** The states that a scenario begins in: with a connection, one that waits in the listener's queue, before there is one, without a listener. */
const BEGINNINGS = {
  established: { client: newEnd("ESTABLISHED"), server: newEnd("ESTABLISHED") },
  queued: { client: newEnd("ESTABLISHED"), server: newEnd("ESTABLISHED", "queue") },
  listening: { client: newEnd("CLOSED"), server: newEnd("LISTEN") },
  nothing: { client: newEnd("CLOSED"), server: newEnd("CLOSED") },
} as const satisfies Record<string, Record<Side, End>>;

/** A story of two ends as data: a script that the model and, in the tests, the real kernel can play. */
export interface Scenario {
  readonly begins: keyof typeof BEGINNINGS;
  readonly options?: {
    /** Which ends have set SO_LINGER with a time of 0. */
    readonly lingersNot?: readonly Side[];
  };
  readonly moves: readonly Move[];
}

export interface Play {
  readonly start: Views;
  readonly steps: readonly Step[];
  /** The transitions that each end took, in their order. */
  readonly taken: Readonly<Record<Side, readonly Taken[]>>;
}

interface InFlight {
  readonly from: Side;
  readonly segment: SentSegment;
}

export function otherSide(side: Side): Side {
  return side === "client" ? "server" : "client";
}

export function playScenario(scenario: Scenario): Play {
  const ends = startOf(scenario);
  const taken: Record<Side, Taken[]> = { client: [], server: [] };
  const steps: Step[] = [];
  const flying: InFlight[] = [];
  let network: "down" | "up" = "up";

  const viewed = (): Views => ({ client: viewOf(ends.client), server: viewOf(ends.server) });
  const start = viewed();
  const apply = (side: Side, reaction: Reaction): Reaction => {
    ends[side] = reaction.end;
    taken[side].push(...reaction.taken);
    if (reaction.sends !== undefined) flying.push({ from: side, segment: reaction.sends });
    return reaction;
  };
  const deliverAll = (loses: Side | undefined): void => {
    for (let next = flying.shift(); next !== undefined; next = flying.shift()) {
      const { from, segment } = next;
      const lost = network === "down" || from === loses;
      const remark = lost ? undefined : apply(otherSide(from), arrive(ends[otherSide(from)], segment)).remark;
      const said = remark === undefined ? {} : { remark };
      steps.push({ kind: "segment", from, segment: segment.flags, lost, ...said, ...viewed() });
    }
  };
  const make = (at: Side, call: Call): void => {
    const before = ends[at];
    apply(at, callOn(before, call));
    steps.push({
      kind: "call",
      at,
      text: call === "close()" && before.held === "queue" ? "listener closes" : call,
      ...viewed(),
    });
  };

  for (const move of scenario.moves) {
    if ("network" in move) {
      network = move.network;
      steps.push({ kind: "network", text: network, ...viewed() });
    } else if ("both" in move) {
      make("client", move.both);
      make("server", move.both);
    } else if ("call" in move) make(move.at, move.call);
    else {
      const remark = goOff(move.at, move.timer);
      steps.push({
        kind: "timer",
        at: move.at,
        text: move.text,
        ...(remark === undefined ? {} : { remark }),
        ...viewed(),
      });
    }
    deliverAll("loses" in move ? move.loses : undefined);
  }
  return { start, steps, taken };

  function goOff(side: Side, timer: Timer): string | undefined {
    if (timer !== "retransmit") {
      const reaction = apply(side, happen(ends[side], timer));
      if (reaction.taken.length === 0) throw new Error(`${ends[side].state} knows no ${timer}`);
      return reaction.remark;
    }
    const segment = retransmitted(ends[side]);
    if (segment === undefined) throw new Error(`${ends[side].state} has nothing to send again`);
    flying.push({ from: side, segment });
    return undefined;
  }
}

function startOf({ begins, options }: Scenario): Record<Side, End> {
  const { client, server } = BEGINNINGS[begins];
  const lingersNot = options?.lingersNot ?? [];
  return {
    client: { ...client, lingersNot: lingersNot.includes("client") },
    server: { ...server, lingersNot: lingersNot.includes("server") },
  };
}

function viewOf({ state, held }: End): View {
  return state === "CLOSED" ? { state } : { state, held };
}
