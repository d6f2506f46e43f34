/** A length of time as people write it: "90s", "500ms", "2m", "1h", "1.5h"; a number alone is seconds, as for sleep(1) and timeout(1). */
const UNITS: Readonly<Record<string, number>> = { ms: 1, "": 1000, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 };

/** Milliseconds; undefined for what is no length of time. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s?(ms|s|m|min|h)?$/.exec(text);
  if (match === null) return undefined;
  return Math.round(Number(match[1]) * UNITS[match[2] ?? ""]!);
}
