/** What to type and which line of which file to change, for a setting. Pure. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { configuredLine } from "../audit-sysctls.ts";
import type { Advice } from "../why.ts";

/** As a word of a shell command: values have spaces, "32768 60999", and in a file whatever somebody wrote. */
export function quoted(value: string): string {
  return value === "" || /[^\w,.-]/.test(value) ? `"${value.replace(/["$`\\]/g, "\\$&")}"` : value;
}

/** Sets it now, and for the next boot where a file sets it. */
export function setAdvice(name: string, value: string, snapshot: HealthSnapshot, text: string): Advice[] {
  const line = configuredLine(name, snapshot);
  return [
    { text, command: `${snapshot.rootPrefix}sysctl -w ${name}=${quoted(value)}`, costs: "nothing" },
    ...(line === undefined
      ? []
      : [
          {
            text: `for the next boot, change line ${line.line} of ${line.path} to: ${name} = ${value}`,
            costs: "nothing" as const,
          },
        ]),
  ];
}

/** Where a setting comes from, as evidence. */
export function origin(name: string, snapshot: HealthSnapshot): { readonly file?: string; readonly line?: number } {
  const line = configuredLine(name, snapshot);
  return line === undefined ? {} : { file: line.path, line: line.line };
}

/** A long list of ports is no title. */
export function shortValue(value: string): string {
  return value.length > 24 ? `${value.slice(0, 21)}...` : value;
}
