/** The counters of one network namespace. */
import { parseProtocolCounters, parseSocketStatistics } from "../../wire/procfs/counters.ts";
import { readText } from "./read-file.ts";

/** `netDirectory`: `/proc/thread-self/net`, or `/proc/PID/net` of a namespace that is only looked at. A file that is not there adds nothing. */
export function readCounters(netDirectory: string): Readonly<Record<string, number>> {
  const counters: Record<string, number> = {};
  for (const file of ["snmp", "netstat"]) parseProtocolCounters(readText(`${netDirectory}/${file}`) ?? "", counters);
  for (const file of ["sockstat", "sockstat6"] as const)
    parseSocketStatistics(readText(`${netDirectory}/${file}`) ?? "", file, counters);
  return counters;
}
