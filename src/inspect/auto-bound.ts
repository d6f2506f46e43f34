/** Which sockets have a port that the kernel chose for them. Only the kernel's own filter can tell (INET_DIAG_BC_AUTO). */
import type { DumpRequest, Host } from "../host/host.ts";
import type { Filter } from "../tcp/filter/filter.ts";
import { dumpAll } from "./dump.ts";

/** Their cookies; undefined where the kernel was not asked by sock_diag, or could not filter. */
export function autoBoundCookies(
  host: Host,
  states: DumpRequest["states"],
  filter: Filter,
): ReadonlySet<string> | undefined {
  if (host.socketSource().kind !== "sock_diag") return undefined;
  const cookies = new Set<string>();
  const { exactFilter } = dumpAll(host, { protocol: "tcp", states, filter }, ({ cookie }) => {
    if (cookie !== undefined) cookies.add(cookie);
  });
  return exactFilter ? cookies : undefined;
}
