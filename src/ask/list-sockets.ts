/** `ls` as a function. */
import { parseFilter } from "../tcp/filter/parse-filter.ts";
import type { Incomplete, Protocol, Socket } from "../tcp/socket.ts";
import { listSockets as gather } from "../inspect/list-sockets.ts";
import type { ListRequest } from "../inspect/list-sockets.ts";
import { hostFor } from "./hosts.ts";
import { requireKnownOptions } from "./known-options.ts";
import type { HostOptions } from "./hosts.ts";

export interface ListSocketsOptions extends HostOptions {
  /** ss's filter language, "state time-wait sport = :8080". Throws PM_BAD_FILTER. */
  readonly filter?: string;
  /** Find the processes (default). Costs a walk of /proc. */
  readonly owners?: boolean;
  /** UDP instead of TCP. */
  readonly udp?: boolean;
  /** tcp_info, memory, congestion control. */
  readonly info?: boolean;
  readonly signal?: AbortSignal;
}

export interface SocketListing {
  readonly sockets: Socket[];
  readonly incomplete: readonly Incomplete[];
}

/** The sockets of this machine. Needs no right; what an ordinary user cannot see is in `incomplete`. */
export async function listSockets(options: ListSocketsOptions = {}): Promise<SocketListing> {
  options.signal?.throwIfAborted();
  requireKnownOptions("listSockets()", options, ["host", "netns", "filter", "owners", "udp", "info", "signal"]);
  return gather(hostFor(options), { ...listRequest(options), cgroupPaths: true }, options.signal);
}

export function listRequest(
  options: Omit<ListSocketsOptions, "signal"> & {
    readonly listening?: boolean;
    readonly protocols?: readonly Protocol[];
  },
): ListRequest {
  const filter = options.filter === undefined || options.filter.trim() === "" ? undefined : parseFilter(options.filter);
  return {
    protocols: options.protocols ?? [options.udp === true ? "udp" : "tcp"],
    ...(filter === undefined ? {} : { filter }),
    ...(options.listening === true ? { listening: true } : {}),
    owners: options.owners ?? true,
    details: options.info ?? false,
  };
}
