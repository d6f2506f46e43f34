/** Which ports are kept: those that were named, or whatever the program binds on purpose. Pure. */
import type { Protocol } from "../tcp/socket.ts";

export interface WantedPort {
  readonly port: number;
  /** Left out: whatever address. */
  readonly address?: string;
}

export interface PortRange {
  readonly from: number;
  readonly to: number;
}

export interface WantedPorts {
  /** Is it one that is kept? Port 0 never is: the kernel chooses another each time. */
  readonly wants: (place: { readonly protocol: Protocol; readonly address: string; readonly port: number }) => boolean;
  /** Undefined: whatever is bound. */
  readonly named: readonly WantedPort[] | undefined;
}

/**
 * `named` empty: whatever is bound, but for UDP ports in the range of local ports: those that resolvers and the like take for one question
 * each, thousands of them, and close at once.
 */
export function wantedPorts(named: readonly WantedPort[], localPorts: PortRange): WantedPorts {
  if (named.length === 0)
    return {
      named: undefined,
      wants: ({ protocol, port }) =>
        port !== 0 && (protocol === "tcp" || port < localPorts.from || port > localPorts.to),
    };
  return {
    named,
    wants: ({ address, port }) =>
      port !== 0 && named.some((one) => one.port === port && (one.address === undefined || one.address === address)),
  };
}
