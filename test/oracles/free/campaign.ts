/** Scene after scene, several at once on ports of their own, so that each is also an innocent of the others. */
import { free } from "../../../src/act/free.ts";
import type { FreeResult } from "../../../src/tcp/free-plan.ts";
import { Crowd } from "./crowd.ts";
import { callListeners, eachBystander, fdsOf, speakAfter, speakBefore } from "./exchange.ts";
import { enterGround } from "./ground.ts";
import type { Ground } from "./ground.ts";
import { isStubborn, judgeProcesses, judgeSockets, judgeWords } from "./judge.ts";
import type { Swap, Played, Verdict, World } from "./played.ts";
import { socketsOf } from "./process-life.ts";
import { randomScene } from "./random-scene.ts";
import type { FreeScene } from "./scene.ts";
import { Stage, emptyScene } from "./stage.ts";
import { swapOne } from "./swap.ts";
import { lookAround } from "./world.ts";

export interface Tally {
  scenes: number;
  /** The bind worked before anything was done. */
  freeBefore: number;
  freed: number;
  dryRuns: number;
  /** Nothing was done, since a part must not be. */
  refused: number;
  /** A program that keeps its port whatever happens to its connection. */
  stubborn: number;
  /** Somebody took the place of what was planned to be cleared. */
  swapped: number;
  /** Sockets that were there and to which nothing may happen. */
  innocents: number;
  /** Connections that had something to say afterwards. */
  talks: number;
  processes: number;
  /** Servers that still answered after they had let go of the port, and those that were killed instead: the machine was busy. */
  drained: number;
  drainedNot: number;
  readonly occupants: Map<string, number>;
  readonly steps: Map<string, number>;
}

export interface Harm {
  readonly scene: FreeScene;
  readonly problems: readonly string[];
  readonly told: readonly string[];
  readonly result?: FreeResult;
}

export const AT_ONCE = 10;
const SCENES_A_GROUND = 200;
const FIRST_PORT = 1013;
/** So that the ports of two scenes are not alike when a digit is added or taken away. */
const PORT_STEP = 11;
/** Whoever ends or lets go when asked to has this long; a busy machine may need some of it. */
const GRACE_MS = 3000;
/** Where it is waited for in vain: nobody hears, or what is still answered keeps the port. */
const SHORT_GRACE_MS = { deaf: 80, drains: 250 } as const;

export class Campaign {
  readonly tally: Tally = {
    scenes: 0,
    freeBefore: 0,
    freed: 0,
    dryRuns: 0,
    refused: 0,
    stubborn: 0,
    swapped: 0,
    innocents: 0,
    talks: 0,
    processes: 0,
    drained: 0,
    drainedNot: 0,
    occupants: new Map(),
    steps: new Map(),
  };
  readonly #users: boolean;
  #ground: Ground | undefined;
  #playedHere = 0;

  constructor(users: boolean) {
    this.#users = users;
  }

  /** Scenes from this seed on, until something is harmed. */
  async run(firstSeed: number, count: number): Promise<readonly Harm[]> {
    for (let done = 0; done < count; done += AT_ONCE) {
      const { means } = await this.#enter();
      const some = Array.from({ length: Math.min(AT_ONCE, count - done) }, (_, index) =>
        randomScene(firstSeed + done + index, means),
      );
      const harms = await this.play(some);
      this.tally.scenes += some.length;
      if (harms.length > 0) return harms;
    }
    return [];
  }

  async play(scenes: readonly FreeScene[]): Promise<readonly Harm[]> {
    const ground = await this.#enter();
    const batch = scenes.map((scene) => emptyScene(scene, this.#nextPort()));
    let harmed = true;
    try {
      const harms = await this.#playAll(ground, batch);
      harmed = harms.length > 0;
      return harms;
    } finally {
      await this.#clear(ground, batch);
      // Whoever was harmed does not stand by another time.
      if (harmed) await this.close();
    }
  }

  async #playAll(ground: Ground, batch: readonly Played[]): Promise<readonly Harm[]> {
    await build(ground, batch);
    const beyond = ground.host.enter({ pid: ground.bystanders.beyond.pid });
    const before = lookAround(ground.host, beyond);
    const holdings = new Map(
      batch
        .flatMap(({ owners }) => owners.flatMap(({ processes }) => processes))
        .map(({ pid }) => [pid, socketsOf(pid)] as const),
    );
    const verdicts = new Map<Played, Verdict>();
    await Promise.all(batch.map(async (played) => verdicts.set(played, await freeAndBind(ground, played, before))));
    ground.owners.listen();
    const after = lookAround(ground.host, beyond);
    const problems = new Map<Played | undefined, string[]>();
    const complain = (played: Played | undefined, problem: string): void => {
      const list = problems.get(played);
      if (list === undefined) problems.set(played, [problem]);
      else list.push(problem);
    };
    for (const [played, verdict] of verdicts) {
      for (const problem of judgeWords(played, verdict)) complain(played, problem);
      for (const problem of judgeProcesses(played, verdict, { before, after, holdings })) complain(played, problem);
      this.#count(played, verdict);
    }
    const scenes = new Map([...verdicts].map(([played, verdict]) => [played.port, { played, verdict }] as const));
    judgeSockets({ before, after, holdings }, scenes, complain);
    const harm = await Promise.all(Object.values(ground.bystanders).map((one) => one.harm()));
    for (const one of harm) if (one !== undefined) complain(undefined, one);
    // Where somebody was killed nobody answers.
    if (harm.every((one) => one === undefined)) {
      this.tally.talks += await speakAfter(batch, after, complain);
      await callListeners(ground, batch, complain);
      // Who was signalled late.
      for (const one of Object.values(ground.bystanders)) {
        const late = await one.harm();
        if (late !== undefined) complain(undefined, late);
      }
    }
    const shared = problems.get(undefined) ?? [];
    return batch
      .filter((played) => problems.has(played) || shared.length > 0)
      .map((played) => ({
        scene: played.scene,
        problems: [...(problems.get(played) ?? []), ...shared],
        told: played.told,
        result: verdicts.get(played)!.result,
      }));
  }

  async #clear({ calls }: Ground, batch: readonly Played[]): Promise<void> {
    for (const { kept } of batch) for (const fd of kept) calls.abandon(fd);
    await Promise.all(batch.flatMap(({ owners }) => owners.map((owner) => owner.end())));
    const given = batch.flatMap((played) => played.given);
    await eachBystander(
      given,
      (end) => end,
      (by, ends) => by.call("abandon", { fds: fdsOf(ends) }),
    ).catch(() => undefined);
  }

  async close(): Promise<void> {
    const ground = this.#ground;
    this.#ground = undefined;
    await ground?.leave();
  }

  async #enter(): Promise<Ground> {
    if (this.#playedHere >= SCENES_A_GROUND) await this.close();
    if (this.#ground === undefined) {
      this.#ground = enterGround(this.#users);
      this.#playedHere = 0;
    }
    return this.#ground;
  }

  #nextPort(): number {
    return FIRST_PORT + PORT_STEP * this.#playedHere++;
  }

  #count(played: Played, { result, swap }: Verdict): void {
    const { tally } = this;
    if (swap?.server !== undefined) tally.swapped++;
    if (result.plan.length === 0 && result.bindable) tally.freeBefore++;
    else if (played.scene.wish.dryRun) tally.dryRuns++;
    else if (result.bindable) tally.freed++;
    else if (result.done.length === 0) tally.refused++;
    else if (isStubborn(played)) tally.stubborn++;
    tally.innocents += played.innocent.size;
    for (const owner of played.owners) {
      tally.processes += owner.processes.length;
      if (owner.isDraining()) tally.drained++;
      else if (
        owner.conduct === "drains" &&
        result.done.some(
          (step) =>
            step.kind === "signal" &&
            step.signal === "SIGKILL" &&
            step.result === "ok" &&
            step.pid === owner.processes[0]?.pid,
        )
      )
        tally.drainedNot++;
    }
    for (const { occupant } of played.pieces.values()) {
      const more = "conduct" in occupant ? occupant.conduct : occupant.ending;
      countOne(tally.occupants, `${occupant.kind} ${more}`);
    }
    for (const step of result.done) countOne(tally.steps, `${step.kind} ${step.result}`);
  }
}

function countOne(counts: Map<string, number>, key: string): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

async function build(ground: Ground, batch: readonly Played[]): Promise<void> {
  for (const played of batch) {
    new Stage(ground, played).play();
    new Crowd(ground, played).gather();
  }
  await eachBystander(
    batch.flatMap(({ given }) => given),
    (end) => end,
    async (by, ends) => {
      const taken = await by.call("take", { fds: fdsOf(ends) });
      for (const [index, end] of ends.entries()) {
        ground.calls.close(end.fd);
        end.fd = taken[index]!;
      }
    },
  );
  await eachBystander(
    batch.flatMap(({ tidy }) => tidy),
    (end) => end,
    (by, ends) => by.call("tidy", { fds: fdsOf(ends) }),
  );
  await ground.owners.ready(batch.flatMap(({ owners }) => owners));
  await speakBefore(batch);
}

async function freeAndBind(ground: Ground, played: Played, before: World): Promise<Verdict> {
  const { calls } = ground;
  const { scene, port, owners } = played;
  const { protocol, address, v6only, reuseAddr, reusePort, device } = scene.question;
  const graces = owners.map(({ conduct }) =>
    conduct === "deaf" || conduct === "drains" ? SHORT_GRACE_MS[conduct] : GRACE_MS,
  );
  let swap: Swap | undefined;
  let asked = 0;
  const confirm = async (): Promise<boolean> => {
    // What comes to light on the way is left there.
    if (++asked > 1) return false;
    swap = await swapOne(ground, played, before);
    return true;
  };
  const consent = scene.swapped ? { confirm } : { yes: true };
  const result = await free(
    { protocol, address, port, v6only, ...(device === undefined ? {} : { device }) },
    { reuseAddr, reusePort, ...consent, ...scene.wish, graceMs: Math.min(GRACE_MS, ...graces) },
  );
  const fd = calls.open(protocol, address, scene.question);
  let answer = calls.bind(fd, address, port);
  if (answer >= 0 && protocol === "tcp") answer = calls.listen(fd);
  calls.close(fd);
  return { ...(swap === undefined ? {} : { swap }), result, bind: answer >= 0 ? "ok" : String(answer) };
}
