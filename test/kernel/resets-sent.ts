/** Resets, as the kernel has counted them. */
import { readFileSync } from "node:fs";

/** By all of this namespace, since it was made: OutRsts of /proc/net/snmp. */
export function resetsSent(): number {
  const [names, values] = readFileSync("/proc/thread-self/net/snmp", "utf8")
    .split("\n")
    .filter((line) => line.startsWith("Tcp:"))
    .map((line) => line.split(" "));
  return Number(values?.[names?.indexOf("OutRsts") ?? -1]);
}
