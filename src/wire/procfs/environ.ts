/** /proc/PID/environ, proc_pid_environ(5): `NAME=value`, each ended by a NUL, as they were when the program was started (execve(2)). */

/**
 * The values of the names that are asked for; the first of a name counts, as for getenv(3). `NAME.MEMBER` is a member of a JSON object in
 * NAME, where that is a text or a number.
 */
export function parseEnviron(text: string, names: readonly string[]): Record<string, string> {
  const variables = new Map<string, string>();
  for (const line of text.split("\0")) {
    const at = line.indexOf("=");
    if (at > 0 && !variables.has(line.slice(0, at))) variables.set(line.slice(0, at), line.slice(at + 1));
  }
  const found: Record<string, string> = {};
  for (const name of names) {
    const value = variables.get(name) ?? memberOf(variables, name);
    if (value !== undefined) found[name] = value;
  }
  return found;
}

function memberOf(variables: ReadonlyMap<string, string>, name: string): string | undefined {
  const [variable, member] = name.split(".", 2);
  const json = member === undefined ? undefined : variables.get(variable!);
  if (json === undefined) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    const found: unknown =
      typeof value === "object" && value !== null
        ? Object.entries(value).find(([key]) => key === member)?.[1]
        : undefined;
    return typeof found === "string" || typeof found === "number" ? String(found) : undefined;
  } catch {
    return undefined;
  }
}
