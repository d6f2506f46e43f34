/** `free` as a function: gather, plan, show and ask, carry out, prove. */
import { PortmortemError } from "../base/errors.ts";
import { requestFor } from "../ask/bind-request.ts";
import type { BindOptions, EndpointInput } from "../ask/bind-request.ts";
import { requireKnownOptions } from "../ask/known-options.ts";
import { bindAttempt } from "../inspect/bind-facts.ts";
import type { DoneStep, FreePlan, FreeResult } from "../tcp/free-plan.ts";
import { refuseRecording, requireActions } from "./acting-host.ts";
import { FreeOne } from "./free-one.ts";
import { isHarmless } from "./plan-free.ts";
import { giveWay } from "./sleep.ts";
import { GRACE_MS } from "./planned-step.ts";
import type { FreeWish } from "./planned-step.ts";

export interface PlanFreeOptions extends BindOptions {
  /** What ends by itself within this time is waited for rather than cleared; default 0. */
  readonly waitMs?: number;
  /** So long whoever is asked to end has for it; default 10 000. */
  readonly graceMs?: number;
  /** SIGKILL for whoever has not ended by then. */
  readonly force?: boolean;
  /** Consent to end outgoing connections that took the port as their own. */
  readonly dropClients?: boolean;
  /** End the whole program as it was started (npm, its shell, node, its workers), not only who holds the port. */
  readonly tree?: boolean;
  /** Stop the container whose port it is, through its engine's socket. */
  readonly container?: boolean;
}

export interface FreeOptions extends PlanFreeOptions {
  /** Plan only. */
  readonly dryRun?: boolean;
  /** Consent to end connections and processes. What only the kernel holds needs none. */
  readonly yes?: boolean;
  /** Asked in place of `yes`, with the plan, before anything is done, and again for what comes to light on the way; false: nothing is. */
  readonly confirm?: (plan: FreePlan) => Promise<boolean>;
  /** Called some times a second while something is waited for: for so long by now, and for so long at most. */
  readonly onWaiting?: (text: string, waitedMs: number, limitMs: number) => void;
}

const BIND = ["host", "netns", "reuseAddr", "reusePort", "user", "onProgress", "signal"];
const PLAN_OPTIONS = [...BIND, "waitMs", "graceMs", "force", "dropClients", "tree", "container"];
const OPTIONS = [...PLAN_OPTIONS, "dryRun", "yes", "confirm", "onWaiting"];

/** What free() would do. Throws what why() throws, PM_REPLAY_READ_ONLY, PM_NO_NATIVE, PM_NETNS_FORBIDDEN. */
export async function planFree(
  endpoints: EndpointInput | readonly EndpointInput[],
  options: PlanFreeOptions = {},
): Promise<FreePlan> {
  options.signal?.throwIfAborted();
  requireKnownOptions("planFree()", options, PLAN_OPTIONS);
  return withEach(endpoints, options, false, async (all) => planOf(all));
}

/**
 * Makes ports bindable, least destructive first, and proves it with real binds. Throws what planFree() throws and PM_NEEDS_CONSENT. What
 * cannot or must not be done is no error: it is in `refused` and `done`, and `bindable` is false.
 */
export async function free(
  endpoints: EndpointInput | readonly EndpointInput[],
  options: FreeOptions = {},
): Promise<FreeResult> {
  options.signal?.throwIfAborted();
  requireKnownOptions("free()", options, OPTIONS);
  const asks = options.yes !== true && options.confirm !== undefined;
  return withEach(endpoints, options, asks, (all) => freeAll(all, options));
}

async function freeAll(all: readonly FreeOne[], options: FreeOptions): Promise<FreeResult> {
  const { dryRun = false, yes = false, confirm, onWaiting } = options;
  await giveWay();
  options.signal?.throwIfAborted();
  const plan = planOf(all);
  if (dryRun) return { ...plan, done: [], dryRun: true };
  // A part of what is in the way is not worth anybody's end.
  const able = all.filter((one) => one.isPlanned);
  if (able.length === 0) return { ...plan, done: [] };
  if (!yes) {
    if (confirm !== undefined) {
      if (!(await confirm(plan))) return { ...plan, done: [], declined: true };
    } else if (!able.every((one) => isHarmless(one.steps))) throw needsConsent(able);
  }
  const done: DoneStep[] = [];
  for (const one of able) {
    done.push(
      ...(await one.run({
        // What is done by now is not asked about again.
        consent: async () => {
          const next = { ...planOf([one]), plan: one.steps.map(({ step }) => step) };
          return yes || (confirm === undefined ? one.isHarmless : confirm(next));
        },
        ...(onWaiting === undefined ? {} : { onWaiting }),
      })),
    );
  }
  // Of several ports, the one that a person has to see to first.
  const cameBack = able.flatMap((one) => one.cameBack ?? [])[0];
  return {
    ...planOf(all),
    done,
    ...(cameBack === undefined ? {} : { cameBack }),
    ...(options.signal?.aborted === true && !all.every(({ bindable }) => bindable)
      ? { interrupted: true as const }
      : {}),
  };
}

/** Looks at each port, then does the work. `asks`: what takes a consent of its own is planned, and the question is that consent. */
async function withEach<T>(
  endpoints: EndpointInput | readonly EndpointInput[],
  options: FreeOptions,
  asks: boolean,
  work: (all: readonly FreeOne[]) => Promise<T>,
): Promise<T> {
  const list = isList(endpoints) ? endpoints : [endpoints];
  const { waitMs = 0, graceMs = GRACE_MS, force = false, tree = false, container = false, dropClients } = options;
  for (const [name, ms] of Object.entries({ waitMs, graceMs })) {
    if (!(ms >= 0))
      throw new PortmortemError("PM_USAGE", `${name} of ${ms} is none`, { hint: "milliseconds, from 0 on" });
  }
  refuseRecording(options.host);
  const all: FreeOne[] = [];
  try {
    for (const endpoint of list) {
      const { host, request } = requestFor(endpoint, options, true);
      const actions = requireActions(host);
      const wish: Omit<FreeWish, "command"> = {
        waitMs,
        graceMs,
        force,
        tree,
        container,
        clients: dropClients === true ? "drop" : asks && dropClients === undefined ? "ask" : "leave",
      };
      const one = new FreeOne({ host, actions, request, attemptOf: bindAttempt, wish, signal: options.signal });
      all.push(one);
      await one.look();
    }
    return await work(all);
  } finally {
    for (const one of all) one.close();
  }
}

function isList(endpoints: EndpointInput | readonly EndpointInput[]): endpoints is readonly EndpointInput[] {
  return Array.isArray(endpoints);
}

function planOf(all: readonly FreeOne[]): FreePlan {
  return {
    endpoints: all.map(({ endpoint, bindable }) => ({ ...endpoint, bindable })),
    bindable: all.every(({ bindable }) => bindable),
    plan: all.flatMap(({ planned }) => planned),
    refused: all.flatMap(({ refused }) => refused),
    spared: all.flatMap(({ spared }) => spared),
    tree: all.flatMap(({ tree }) => tree),
    supervisors: all.flatMap(({ supervisors }) => supervisors),
    incomplete: all.flatMap(({ incomplete }) => incomplete),
  };
}

function needsConsent(all: readonly FreeOne[]): PortmortemError {
  const [first, ...more] = all
    .flatMap(({ steps }) => steps)
    .filter(({ kind }) => kind !== "wait" && kind !== "destroy");
  const others = more.length === 0 ? "" : `; and ${more.length} more`;
  return new PortmortemError(
    "PM_NEEDS_CONSENT",
    `nobody is here to be asked about this: ${first?.step.text}${others}`,
    {
      hint: "look at all of it with --dry-run, then say --yes",
    },
  );
}
