/** How many local ports connect() can choose from. Pure. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { parseSysctlPortList, parseSysctlPortRange } from "../../tcp/sysctl-values.ts";
import { isInRanges, portsLeft } from "../reserved-ports.ts";

/**
 * Those of ip_local_port_range that are neither reserved nor bound by a listener: connect() passes over every port that was asked for in
 * a bind(), on whichever address (__inet_hash_connect()). Undefined where the range was not told.
 */
export function usableLocalPorts({ settings, listeners }: HealthSnapshot): number | undefined {
  const range = parseSysctlPortRange(settings["net.ipv4.ip_local_port_range"]);
  if (range === undefined) return undefined;
  const reserved = parseSysctlPortList(settings["net.ipv4.ip_local_reserved_ports"]) ?? [];
  const listening = new Set(
    listeners
      .map(({ socket }) => socket.local.port)
      .filter((port) => isInRanges(port, [range]) && !isInRanges(port, reserved)),
  );
  return portsLeft(range, reserved) - listening.size;
}
