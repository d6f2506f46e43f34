/** Before a start: what stands in the way of a port and belongs to nobody is cleared; what lives is named, and ended only if asked. */
import { PortmortemError } from "../base/errors.ts";
import { free } from "../act/free.ts";
import { sleep } from "../act/sleep.ts";
import { hostFor } from "../ask/hosts.ts";
import { why } from "../ask/why.ts";
import { durationText } from "../base/duration.ts";
import type { Host } from "../host/host.ts";
import { gatherFamily } from "../inspect/process-family.ts";
import type { DoneStep } from "../tcp/free-plan.ts";
import { formatEndpoint, scopedAddress } from "../tcp/endpoint.ts";
import type { ParsedEndpoint } from "../tcp/endpoint.ts";
import type { Blocker } from "../verdict/why.ts";

export interface ClearOptions {
  readonly host: Host | undefined;
  /** Is the bind made as by a program that sets SO_REUSEADDR? */
  readonly reuseAddr: boolean;
  /** End programs that have it. */
  readonly take: boolean;
  readonly graceMs: number;
  readonly signal: AbortSignal;
  /** `cleared`: what was in the way, or a program ended. `taking`: somebody is asked to end, and takes a while. */
  readonly tell: (news: { readonly kind: "cleared" | "taking"; readonly port: number; readonly text: string }) => void;
}

/** Throws PM_PORT_TAKEN with the blockers, and what why() and free() throw. */
export async function clearTheWay(ports: readonly ParsedEndpoint[], options: ClearOptions): Promise<void> {
  for (const port of ports) {
    const taken = await clearOne(port, options);
    if (taken !== undefined) throw taken;
  }
}

/** Waits for what lives, too: a program that is started again has been kept out by somebody who may go. */
export async function waitForTheWay(
  ports: readonly ParsedEndpoint[],
  options: ClearOptions,
  onTaken: (error: PortTaken) => void,
): Promise<void> {
  for (const port of ports) {
    let told = false;
    for (;;) {
      const taken = await clearOne(port, options);
      if (taken === undefined) break;
      if (!told) onTaken(taken);
      told = true;
      await sleep(LOOK_AGAIN_MS, options.signal);
    }
  }
}

const LOOK_AGAIN_MS = 500;
/** Whoever has not ended by then is waited for in so many words. */
const SILENT_MS = 500;

async function clearOne(port: ParsedEndpoint, options: ClearOptions): Promise<PortTaken | undefined> {
  const { host, reuseAddr, take, graceMs, signal, tell } = options;
  const address = scopedAddress(port);
  const endpoint = { port: port.port, ...(address === undefined ? {} : { address }) };
  const asked = { reuseAddr, signal, ...(host === undefined ? {} : { host }) };
  const verdict = await why(endpoint, asked);
  if (verdict.bindable || isKeptAbove(verdict.blockers, host)) return undefined;
  let isWaitTold = false;
  const onWaiting = (what: string, waitedMs: number, limitMs: number): void => {
    if (isWaitTold || waitedMs < SILENT_MS) return;
    isWaitTold = true;
    tell({ kind: "taking", port: port.port, text: `waiting for ${what}, at most ${durationText(limitMs)}` });
  };
  const result = await free(endpoint, {
    ...asked,
    graceMs,
    onWaiting,
    ...(take
      ? { yes: true, force: true, dropClients: true }
      : { confirm: async ({ plan }) => plan.every(({ kind }) => kind === "destroy") }),
  });
  for (const step of result.done)
    if (step.result === "ok") tell({ kind: "cleared", port: port.port, text: whatWasDone(step, graceMs) });
  // What was cut short has no answer.
  if (!result.bindable) signal.throwIfAborted();
  return result.bindable ? undefined : new PortTaken(port, verdict.blockers, take);
}

/**
 * Whoever started this program keeps the port for it (`run` within `run`): what it holds is what the program is to get. Waiting for it to end
 * would have it believe that nobody uses the port any more. What nobody holds is no matter: the program gets the very socket that listens.
 */
function isKeptAbove(blockers: readonly Blocker[], host: Host | undefined): boolean {
  const owners = blockers.flatMap(({ socket }) => socket?.owners ?? []);
  if (owners.length === 0 || !blockers.some(({ rule }) => rule === "listener")) return false;
  const { ancestors } = gatherFamily(hostFor(host === undefined ? {} : { host }), []).self;
  return owners.every(({ pid }) => pid !== 1 && ancestors.includes(pid));
}

function whatWasDone(step: DoneStep, graceMs: number): string {
  return step.kind === "signal" && step.signal === "SIGKILL"
    ? `pid ${step.pid} has not ended within ${durationText(graceMs)} and is killed`
    : step.text;
}

/** PM_PORT_TAKEN. */
export class PortTaken extends PortmortemError {
  readonly blockers: readonly Blocker[];

  constructor(port: ParsedEndpoint, blockers: readonly Blocker[], take: boolean) {
    const [first] = blockers;
    const more = blockers.length > 1 ? `; and ${blockers.length - 1} more` : "";
    const name = formatEndpoint(port).replace(/^:/, "");
    const narrower = port.address === undefined ? "; if the program binds one address only, name it" : "";
    // Nobody has it: there is nobody to end either.
    const isForbidden = first?.rule === "privileged-port";
    const text = first?.text ?? "the kernel refuses the bind";
    const ending = isForbidden ? "" : `; --take ends who has it${narrower}`;
    super("PM_PORT_TAKEN", `port ${name} ${isForbidden ? "cannot be bound" : "is taken"}: ${text}${more}`, {
      hint: take ? `portmortem why ${name} tells what is left` : `portmortem why ${name} tells more${ending}`,
      errno: isForbidden ? "EACCES" : "EADDRINUSE",
    });
    this.blockers = blockers;
  }
}
