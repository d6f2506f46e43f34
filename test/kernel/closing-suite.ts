/** Tests that play scenarios with real sockets and compare with the model: states and holders by sock_diag, transitions by the tracepoint. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { otherSide, playScenario } from "../../src/tcp/closing-play.ts";
import type { Scenario } from "../../src/tcp/closing-play.ts";
import type { Move, Side, Step } from "../../src/tcp/closing-simulation.ts";
import { TIME_WAIT_MS } from "../../src/tcp/closing.ts";
import type { SocketState } from "../../src/tcp/states.ts";
import { ADDRESS, ClosingStage, SLOW_DEVICE, changesSeen } from "./closing-stage.ts";
import type { Change, Ports } from "./closing-stage.ts";
import { IP, SS } from "./needs.ts";
import { STATE_TRACE, StateTrace } from "./state-trace.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const SIDES = ["client", "server"] as const;

/** What an earlier test left behind may still be traced: ports of its own for each, below those that the kernel gives away. */
function portsOf(at: number): Ports {
  const first = 20_000 + 2 * at;
  return { client: first, server: first + 1 };
}

export function testScenarios(scenarios: Readonly<Record<string, Scenario>>): void {
  /** What the tracepoint showed while the states were looked at. */
  const traced = new Map<string, Readonly<Record<Side, readonly Change[]>>>();

  describe("the states after each move are those of the model", () => {
    for (const [at, [name, scenario]] of Object.entries(scenarios).entries()) {
      const needs = scenario.moves.some((move) => "both" in move || "loses" in move) ? [IP, SS, SLOW_DEVICE] : [IP, SS];
      test(
        name,
        story(
          async (own) => {
            const ports = portsOf(at);
            const trace = STATE_TRACE() === undefined ? new StateTrace([ports.client, ports.server]) : undefined;
            if (trace !== undefined) own.atEnd(() => trace.end());
            await playOn(own, scenario, ports, trace);
            if (trace !== undefined) traced.set(name, await changesOf(trace, scenario, ports));
          },
          ...needs,
        ),
      );
    }
  });

  describe("every transition that the kernel makes is one of the model, and none is missing", () => {
    for (const [name, scenario] of Object.entries(scenarios))
      test(name, (context) => {
        const why = STATE_TRACE();
        const seen = traced.get(name);
        if (why !== undefined || seen === undefined) return context.skip(why ?? "the scenario could not be played");
        const { taken } = playScenario(scenario);
        for (const side of sidesOf(scenario)) assert.deepEqual(seen[side], changesSeen(taken[side]), side);
      });
  });
}

async function playOn(own: Story, scenario: Scenario, ports: Ports, trace: StateTrace | undefined): Promise<void> {
  const stage = new ClosingStage(own, scenario, ports);
  await stage.begin();
  trace?.clear();
  for (const [at, move] of scenario.moves.entries()) {
    const steps = stepsOf(scenario, at);
    // Nobody waits a minute here: that it is this timer, and no longer than 60 s, is seen.
    if ("timer" in move && move.timer === "TIME-WAIT timer") return showsTimeWait(own, ports[move.at]);
    await stage.make(move, steps.at(-1)!, scenario.moves[at + 1]);
    for (const step of steps) {
      if (!("remark" in step) || step.remark === undefined) continue;
      await stage.notices(step.kind === "timer" ? step.at : otherSide(step.from), step.remark);
    }
  }
}

/** The steps that a move causes in the model. */
function stepsOf(scenario: Scenario, at: number): readonly Step[] {
  const played = (moves: readonly Move[]): readonly Step[] => playScenario({ ...scenario, moves }).steps;
  return played(scenario.moves.slice(0, at + 1)).slice(played(scenario.moves.slice(0, at)).length);
}

async function showsTimeWait(own: Story, port: number): Promise<void> {
  const { timer } = await own.socket(`sport = :${port} and state time-wait`);
  assert.equal(timer?.kind, "time-wait");
  assert.ok(timer.remainingMs <= TIME_WAIT_MS, `${timer.remainingMs} ms`);
}

/** Of a machine without power nobody can tell what it did. */
function sidesOf({ moves }: Scenario): readonly Side[] {
  return SIDES.filter((side) => !moves.some((move) => "call" in move && move.call === "power cut" && move.at === side));
}

/** The tracepoint's events may come a moment after the state is seen: as many are waited for as the model has. */
async function changesOf(
  trace: StateTrace,
  scenario: Scenario,
  ports: Ports,
): Promise<Record<Side, readonly Change[]>> {
  // A listener that was there before is no end of the connection.
  const isEndOfListener = (from: SocketState, to: SocketState): boolean =>
    scenario.begins !== "nothing" && from === "LISTEN" && to === "CLOSED";
  const changes = { client: [] as readonly Change[], server: [] as readonly Change[] };
  for (const side of sidesOf(scenario)) {
    const expected = changesSeen(playScenario(scenario).taken[side]);
    await until(`${side}'s transitions`, () => {
      changes[side] = trace
        .changes()
        .filter(
          ({ localAddress, localPort, from, to }) =>
            localAddress === ADDRESS[side] && localPort === ports[side] && from !== to && !isEndOfListener(from, to),
        )
        .map(({ from, to }): Change => [from, to]);
      return changes[side].length >= expected.length;
    }).catch(() => undefined);
  }
  return changes;
}
