/** `why` as a function: gather, then judge. */
import { gatherBindFacts } from "../inspect/bind-facts.ts";
import { judgeBindClosely } from "../verdict/judge-bind.ts";
import type { CloseVerdict } from "../verdict/judge-bind.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Host } from "../host/host.ts";
import type { BindRequest } from "../inspect/bind-facts.ts";
import type { Why } from "../verdict/why.ts";
import { requestFor } from "./bind-request.ts";
import type { BindOptions, EndpointInput } from "./bind-request.ts";
import { requireKnownOptions } from "./known-options.ts";

export interface WhyOptions extends BindOptions {
  /** Make a real bind, closed at once (default). False: judge by the rules alone and take nothing. */
  readonly probe?: boolean;
}

/** Why a port cannot be bound, or that it can. Throws PM_BAD_PORT, PM_BAD_ADDRESS, PM_AMBIGUOUS_ADDRESS, PM_USAGE, PM_UNKNOWN_USER, PM_UNKNOWN_DEVICE. */
export async function why(endpoint: EndpointInput, options: WhyOptions = {}): Promise<Why> {
  options.signal?.throwIfAborted();
  requireKnownOptions("why()", options, OPTIONS);
  const { host, request } = requestFor(endpoint, options, options.probe ?? true);
  return (await askClosely(host, request, options.signal)).verdict.why;
}

const OPTIONS = ["host", "netns", "reuseAddr", "reusePort", "user", "probe", "onProgress", "signal"];

/** The same for whoever acts on the answer. */
export async function askClosely(
  host: Host,
  request: BindRequest,
  signal?: AbortSignal,
): Promise<{ readonly snapshot: BindSnapshot; readonly verdict: CloseVerdict }> {
  for (let round = 1; ; round++) {
    const snapshot = await gatherBindFacts(host, request, signal);
    const verdict = judgeBindClosely(snapshot);
    if (round === MOST_ROUNDS || !verdict.why.blockers.some(({ rule }) => rule === "unseen"))
      return { snapshot, verdict };
  }
}

/**
 * The bind and the dump are two looks at a machine that does not stand still. Where the kernel refused and nothing is found that it refused
 * for, it may have gone in between: look again, a few times.
 */
const MOST_ROUNDS = 3;
