/** A server on its port. What it takes is loaded when it is called first: drain and its like are needed to the end, this is not. */
import type { Listenable } from "./listen-attempt.ts";
import type { Listening, ListenOptions } from "./listen-options.ts";

/**
 * Resolves when the server listens: on a listener that was inherited, or on the very port that is asked for, for which it waits up to `retryMs`
 * while another has it. Handlers of 'error' on the server are not told meanwhile. After a failure nothing is left behind, and the same
 * server can be given again.
 *
 * In workers of a cluster it waits in the same way. On Linux it says who holds the port, with portmortem's own `why()`, which is loaded
 * then only.
 *
 * @throws PortTakenError PM_PORT_TAKEN with `blockers`, PM_SHADOWED; PortmortemError PM_LISTEN_REFUSED for all that waiting does not help
 * against, PM_NO_REUSEPORT, PM_USAGE; the reason of `signal`.
 */
export async function listen(target: Listenable, options: ListenOptions = {}): Promise<Listening> {
  const { listenOn } = await import("./later.ts");
  return listenOn(target, options);
}
