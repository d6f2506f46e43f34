/** Scenario after scenario, each on a port of its own, in namespaces that are thrown away before they fill up. */
import { check, disagreement, questionOf } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { askForgetful } from "./forgetting.ts";
import { listenAfterRivals } from "./rivals.ts";
import { removeBlockers } from "./removal.ts";
import { randomScenario } from "./random-scenario.ts";
import type { Scenario } from "./scenario.ts";
import { FIRST_PORT, FIRST_PRIVILEGED, LAST_PORT, enterScene } from "./scene.ts";
import type { Scene } from "./scene.ts";
import { Stage } from "./stage.ts";

export interface Tally {
  scenarios: number;
  checks: number;
  /** The scene changed by itself, three times in a row. */
  moved: number;
  refused: number;
  /** The rules could not tell, with all options known. */
  unknown: number;
  /** …and the kernel allowed it: its memory of SO_REUSEPORT, or UDP's order. */
  unknownAllowed: number;
  /** …and had nothing to say any more once its memory was wiped. */
  forgotten: number;
  /** A listen() that failed after a bind that worked, because another listened in between. */
  outrun: number;
  /** The rules could tell although the options were hidden. */
  seen: number;
  blockersRemoved: number;
  readonly states: Map<string, number>;
}

export interface Failure {
  readonly scenario: Scenario;
  readonly problem: string;
  readonly checkpoint: Checkpoint;
  readonly told: readonly { readonly owner: number; readonly text: string }[];
}

const SCENARIOS_A_NAMESPACE = 10_000;

export class Campaign {
  readonly tally: Tally = {
    scenarios: 0,
    checks: 0,
    moved: 0,
    refused: 0,
    unknown: 0,
    unknownAllowed: 0,
    forgotten: 0,
    outrun: 0,
    seen: 0,
    blockersRemoved: 0,
    states: new Map(),
  };
  readonly #users: boolean;
  #scene: Scene | undefined;
  #played = 0;
  #privileged = 0;

  constructor(users: boolean) {
    this.#users = users;
  }

  /** Scenarios from this seed on, until one fails. */
  run(firstSeed: number, count: number): Failure | undefined {
    for (let seed = firstSeed; seed < firstSeed + count; seed++) {
      const failure = this.play(randomScenario(seed, this.#enter().means));
      this.tally.scenarios++;
      if (failure !== undefined) return failure;
    }
    return undefined;
  }

  play(scenario: Scenario): Failure | undefined {
    for (let attempt = 1; ; attempt++) {
      const scene = this.#enter();
      const port = this.#nextPort(scenario.privilegedPort);
      const stage = new Stage(scene.calls, scene.helper, port);
      try {
        scene.allowNonlocal(scenario.nonlocal);
        stage.play(scenario);
        const first = check(scene, stage, questionOf(scenario, port));
        if (!first.moved || attempt === 3) {
          this.#count(first);
          const failed = (checkpoint: Checkpoint, problem: string): Failure => ({
            scenario,
            problem,
            checkpoint,
            told: stage.told,
          });
          if (first.moved) this.tally.moved++;
          else {
            const problem = disagreement(first);
            if (problem !== undefined) return failed(first, problem);
            const forgetful = askForgetful(scene, first);
            if (forgetful.kernel !== undefined) this.tally.forgotten++;
            if (forgetful.problem !== undefined) return failed(first, forgetful.problem);
            const rival = listenAfterRivals(scene, stage, first);
            if (rival.kernel !== undefined) this.tally.checks++;
            if (rival.kernel === "EADDRINUSE") this.tally.outrun++;
            if (rival.problem !== undefined) return failed(first, rival.problem);
            const removal = removeBlockers(scene, stage, first, scenario.seed);
            this.tally.checks += removal.checks;
            this.tally.blockersRemoved += removal.removed;
            if (removal.problem !== undefined) return failed(removal.checkpoint ?? first, removal.problem);
          }
          return undefined;
        }
      } finally {
        stage.close();
      }
    }
  }

  close(): void {
    this.#scene?.leave();
    this.#scene = undefined;
  }

  #enter(): Scene {
    if (this.#scene !== undefined && this.#played >= SCENARIOS_A_NAMESPACE) this.close();
    if (this.#scene === undefined) {
      this.#scene = enterScene(this.#users);
      this.#played = 0;
      this.#privileged = 0;
    }
    return this.#scene;
  }

  #nextPort(privileged: boolean): number {
    this.#played++;
    const span = LAST_PORT - FIRST_PORT;
    return privileged
      ? FIRST_PRIVILEGED + (this.#privileged++ % (FIRST_PORT - FIRST_PRIVILEGED))
      : FIRST_PORT + (this.#played % span);
  }

  #count(point: Checkpoint): void {
    const { tally } = this;
    tally.checks++;
    if (point.kernel.bind !== "ok") tally.refused++;
    if (point.known.bind === "unknown") {
      tally.unknown++;
      if (point.kernel.bind === "ok") tally.unknownAllowed++;
    }
    if (point.seen.bind !== "unknown") tally.seen++;
    for (const { protocol, state, inode } of point.sockets) {
      const key = `${protocol} ${state}${inode === undefined && protocol === "tcp" ? " without a descriptor" : ""}`;
      tally.states.set(key, (tally.states.get(key) ?? 0) + 1);
    }
  }
}
