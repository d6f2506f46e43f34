/** How many local ports connect() can choose from. Pure. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { parseSysctlPortList, parseSysctlPortRange } from "../../tcp/sysctl-values.ts";

/**
 * Those of ip_local_port_range that are neither reserved nor bound by a listener: connect() passes over every port that was asked for in
 * a bind(), on whichever address (__inet_hash_connect()). Undefined where the range was not told.
 */
export function usableLocalPorts({ settings, listeners }: HealthSnapshot): number | undefined {
  const range = parseSysctlPortRange(settings["net.ipv4.ip_local_port_range"]);
  if (range === undefined) return undefined;
  const skipped = new Set<number>();
  const skip = (port: number): unknown => port >= range.first && port <= range.last && skipped.add(port);
  for (const reserved of parseSysctlPortList(settings["net.ipv4.ip_local_reserved_ports"]) ?? [])
    for (let port = Math.max(reserved.first, range.first); port <= Math.min(reserved.last, range.last); port++)
      skip(port);
  for (const { socket } of listeners) skip(socket.local.port);
  return range.last - range.first + 1 - skipped.size;
}
