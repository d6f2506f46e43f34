/** Settings of a story's own network namespace, and what its kernel counts. */
import { readFileSync } from "node:fs";
import type { Story } from "./story.ts";

export function setSysctl(story: Story, name: string, value: string | number): void {
  story.system("sysctl", "-qw", `${name}=${value}`);
}

/** A counter of /proc/net/snmp ("Tcp") or /proc/net/netstat ("TcpExt"), of the namespace that this thread is in. */
export function kernelCounter(group: "Tcp" | "TcpExt", name: string): number {
  const text = readFileSync(`/proc/thread-self/net/${group === "Tcp" ? "snmp" : "netstat"}`, "utf8");
  const [names, values] = text
    .split("\n")
    .filter((line) => line.startsWith(`${group}: `))
    .map((line) => line.split(" "));
  const at = names?.indexOf(name) ?? -1;
  if (at < 0) throw new Error(`the kernel does not count ${group}.${name}`);
  return Number(values?.[at]);
}
