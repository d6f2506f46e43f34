/** JSON that another program wrote, looked at before it is believed: what is not as it should be is undefined, never an error. Pure. */

export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** The value under a key of its own; undefined where there is no such object. */
export function valueAt(value: unknown, ...keys: readonly string[]): unknown {
  let found = value;
  for (const key of keys) {
    if (typeof found !== "object" || found === null || !Object.hasOwn(found, key)) return undefined;
    found = (found as Record<string, unknown>)[key];
  }
  return found;
}

/** A text that is not empty. */
export function textAt(value: unknown, ...keys: readonly string[]): string | undefined {
  const text = valueAt(value, ...keys);
  return typeof text === "string" && text !== "" ? text : undefined;
}

export function listAt(value: unknown, ...keys: readonly string[]): readonly unknown[] {
  const list = valueAt(value, ...keys);
  return Array.isArray(list) ? list : [];
}

/** A name is a short text that is not empty. */
export function nameOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" && value.length <= 1024 ? value : undefined;
}
