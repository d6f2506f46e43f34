/** What the files of a fake machine's units say. */
import type { FakeHostDescription } from "./fake-description.ts";

export function restartOf({ units = {} }: FakeHostDescription, unit: string, user?: number): string | undefined {
  const found = Object.hasOwn(units, unit) ? units[unit] : undefined;
  return found === undefined || found.user !== user ? undefined : (found.restart ?? "no");
}

export function socketUnitsOf({ units = {} }: FakeHostDescription, port: number, user?: number): readonly string[] {
  return Object.entries(units)
    .filter(([, unit]) => unit.user === user && unit.ports?.includes(port) === true)
    .map(([name]) => name);
}
