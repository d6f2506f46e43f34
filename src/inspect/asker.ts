/** Who asks, and whether he may do what an answer advises. */
import { isPortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import type { Asker } from "../tcp/asker.ts";

const CAP_NET_ADMIN = 12;

/** `advised`: commands will be advised that may take a right; otherwise none is looked for. */
export function askerOf(host: Host, netns: string | undefined, advised: boolean): Asker {
  const { uid } = host.system();
  const netAdmin = uid === 0 || !advised ? undefined : mayDestroy(host);
  return { uid, ...(netAdmin === undefined ? {} : { netAdmin }), ...(netns === undefined ? {} : { netns }) };
}

/** A recording of an earlier version was not asked; then it is not known. */
function mayDestroy(host: Host): boolean | undefined {
  try {
    return host.hasCapability(CAP_NET_ADMIN);
  } catch (error) {
    if (!isPortmortemError(error) || error.code !== "PM_REPLAY_MISSING") throw error;
    return undefined;
  }
}
