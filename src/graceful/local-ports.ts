/** The local ports that a client may have, and the order in which it asks the kernel for them. */
import { PortmortemError } from "../base/errors.ts";

/** "600-1023", 700, or the lowest and the highest. */
export type LocalPorts = string | number | readonly [low: number, high: number];

/** @throws PortmortemError PM_BAD_PORT */
export function portsOf(ports: LocalPorts): readonly number[] {
  const [low = 0, high = low, ...more] = typeof ports === "object" ? ports : `${ports}`.split("-").map(Number);
  if (!(isPort(low) && isPort(high) && low <= high && more.length === 0))
    throw new PortmortemError("PM_BAD_PORT", `localPorts: ${String(ports)} is no range like "600-1023"`);
  return Array.from({ length: high - low + 1 }, (_, index) => low + index);
}

export function isPort(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value < 65_536;
}

/**
 * From a place further on each time, so that a port has long been left alone when its turn comes again, and that who asks at the same time
 * asks for another one. Those that have a socket to the peer come last.
 */
export function inTurn(ports: readonly number[], kept: ReadonlyMap<number, unknown> | undefined): number[] {
  const first = turn++ % ports.length;
  return [...ports.slice(first), ...ports.slice(0, first)].sort(
    (a, b) => Number(kept?.has(a) ?? 0) - Number(kept?.has(b) ?? 0),
  );
}

/** Another run of the same program has begun elsewhere. */
let turn = Math.floor(Math.random() * 65_536);
