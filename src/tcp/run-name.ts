/** What a run is called: by the user, or after its command. */

const LONGEST = 64;

/** Undefined: it is a good name. Else why not: --stop takes names and ports, and a name goes into a table. */
export function whyNoRunName(name: string): string | undefined {
  if (name === "") return "it is empty";
  if (name.length > LONGEST) return `it is longer than ${LONGEST} characters`;
  if (/^\d+$/.test(name)) return "it is a number, and numbers are ports";
  if (name.startsWith("-")) return "it starts with -, as options do";
  return /^[^\s\p{Cc}\p{Cf}\p{Cs}]+$/u.test(name) ? undefined : "it holds spaces or control characters";
}

/** The last part of the command's path; with a number behind it where that is taken. */
export function defaultRunName(command: string, taken: ReadonlySet<string>): string {
  const last = command.replace(/\/+$/, "").split("/").at(-1) ?? "";
  const clean = last
    .replace(/[\s\p{Cc}\p{Cf}\p{Cs}]+/gu, "-")
    .replace(/^-+/, "")
    .slice(0, LONGEST - 8);
  const base = clean === "" || whyNoRunName(clean) !== undefined ? `run${clean === "" ? "" : `-${clean}`}` : clean;
  if (!taken.has(base)) return base;
  for (let number = 2; ; number++) if (!taken.has(`${base}-${number}`)) return `${base}-${number}`;
}
