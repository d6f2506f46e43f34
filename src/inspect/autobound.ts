/**
 * Who chose a socket's port, the kernel or its program? No dump says it; only the kernel's own filter can tell (INET_DIAG_BC_AUTO). So it is
 * asked twice, once for each answer, and a socket that is in neither answer is one of which nobody knows.
 */
import type { Host } from "../host/host.ts";
import { notOf } from "../tcp/filter/filter.ts";
import type { Socket } from "../tcp/socket.ts";
import type { StateMask } from "../tcp/states.ts";
import { dumpAll } from "./dump.ts";

/** Undefined for all where the kernel could not be asked. */
export function traceAutobound(host: Host, states: StateMask): ((socket: Socket) => boolean | undefined) | undefined {
  if (host.socketSource().kind !== "sock_diag") return undefined;
  const known = new Map<string, boolean>();
  const autobound = { kind: "autobound" } as const;
  for (const [filter, answer] of [
    [autobound, true],
    [notOf(autobound), false],
  ] as const) {
    const { exactFilter } = dumpAll(host, { protocol: "tcp", states, filter }, ({ cookie }) => {
      if (cookie !== undefined) known.set(cookie, answer);
    });
    if (!exactFilter) return undefined;
  }
  return ({ cookie }) => (cookie === undefined ? undefined : known.get(cookie));
}
