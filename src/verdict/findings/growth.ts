/** What a counter of the kernel did: since boot, and between two looks. Pure. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";

export interface Growth {
  /** Since the network namespace was made; that of the machine itself: since boot. */
  readonly soFar: number;
  /** Left out with one look only. */
  readonly grown?: number;
}

/** Undefined where this kernel does not count it, or it was not read. */
export function growthOf({ now, before }: HealthSnapshot, counter: string): Growth | undefined {
  const soFar = now.counters[counter];
  if (soFar === undefined) return undefined;
  const earlier = before?.counters[counter];
  return { soFar, ...(earlier === undefined ? {} : { grown: Math.max(0, soFar - earlier) }) };
}

/** Between the two looks; undefined with one only. */
export function watchedMs({ now, before }: HealthSnapshot): number | undefined {
  return before === undefined || now.atMs <= before.atMs ? undefined : now.atMs - before.atMs;
}
