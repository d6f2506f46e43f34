/** What must not leave the machine with a recording. Of environments only a few variables are read; they and command lines are cleaned here. Pure. */

const WORD =
  "pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth|bearer|cookie|session";
const SECRET_WORD = new RegExp(WORD, "i");
const NAME = `[\\w.-]*(?:${WORD})[\\w.-]*`;
const QUOTED = `"(?:[^"\\\\]|\\\\.)*"|'[^']*'`;
const HIDDEN = "<hidden>";

/** Inside one argument: a URL, a line of a shell, JSON, a header. In this order. */
const INSIDE: readonly (readonly [pattern: RegExp, replacement: string])[] = [
  // Up to the last @: a password can hold one, and a slash too.
  [/(\w+:\/\/[^\s/:@]*:)\S+@/g, `$1${HIDDEN}@`],
  [/(\w+:\/\/)[^\s/:@]+@/g, `$1${HIDDEN}@`],
  [/\b(Bearer|Basic)\s+[^\s"']+/gi, `$1 ${HIDDEN}`],
  [/(\bauthorization\s*:\s*)[^"'\n]+/gi, `$1${HIDDEN}`],
  [new RegExp(`(${NAME}["']?\\s*[=:]\\s*)(?:${QUOTED}|[^\\s&"'}]+)`, "gi"), `$1${HIDDEN}`],
  [new RegExp(`((?:^|\\s)--?${NAME}\\s+)(?!--?[a-z])(?:${QUOTED}|\\S+)`, "gi"), `$1${HIDDEN}`],
];

/** Programs whose short option is a secret: its value is the next argument, or stands right behind it. */
const SHORT: readonly (readonly [program: RegExp, option: string, next: boolean])[] = [
  [/^(mysql|mariadb)/, "-p", false],
  [/^sshpass$/, "-p", true],
  [/^redis-cli$/, "-a", true],
];
/** Programs that take user:password behind -u. */
const WITH_USER = /^(curl|wget|http|https)$/;

/** Values of options that sound like secrets, and passwords inside URLs, are replaced. */
export function withoutSecrets(args: readonly string[]): string[] {
  const program = (args[0] ?? "").replace(/^.*\//, "");
  const short = SHORT.find(([programs]) => programs.test(program));
  const clean: string[] = [];
  for (const [at, arg] of args.entries()) {
    const before = at === 0 ? "" : args[at - 1]!;
    const isOption = /^--?[a-z][\w.-]*(=|$)/i.test(arg);
    if (isSecretOption(before) && !isOption) clean.push(HIDDEN);
    else if (short?.[2] === true && before === short[1]) clean.push(HIDDEN);
    else if (short !== undefined && arg.startsWith(short[1]) && arg.length > 2) clean.push(short[1] + HIDDEN);
    else if (WITH_USER.test(program) && /^(-u|--user)$/.test(before)) clean.push(arg.replace(/:.*$/s, `:${HIDDEN}`));
    else clean.push(cleaned(arg));
  }
  return clean;
}

function isSecretOption(arg: string): boolean {
  return /^--?[\w.-]+$/.test(arg) && SECRET_WORD.test(arg);
}

function cleaned(arg: string): string {
  const assignment = /^(-{0,2}[\w.-]+)[=:](.*)$/s.exec(arg);
  // To the end: a password can hold spaces.
  if (assignment !== null && SECRET_WORD.test(assignment[1]!) && assignment[2] !== "")
    return arg.slice(0, assignment[1]!.length + 1) + HIDDEN;
  return INSIDE.reduce((text, [pattern, replacement]) => text.replace(pattern, replacement), arg);
}

/** --redact: the program's name, the names of options, numbers and addresses (docker-proxy's are part of a verdict); nothing else. */
export function redacted(args: readonly string[]): string[] {
  const [name = ""] = (args[0] ?? "").split(/\s/, 1);
  // Elsewhere what stands behind one dash can be a letter and its value (mysql -psecret).
  const optionName = name.endsWith("docker-proxy") ? /^-{1,2}[a-z][\w-]*$/i : /^(-[a-z]|--[a-z][\w-]*)$/i;
  return withoutSecrets(args).map((arg, at) => {
    // A program can write its whole command line into its name.
    if (at === 0) return name;
    const kept =
      optionName.test(arg) || /^\d{1,5}$/.test(arg) || /^[\d.]{7,15}$/.test(arg) || /^[\da-f:]*:[\da-f:.]*$/i.test(arg);
    return kept ? arg : "…";
  });
}

/** Values of environment variables, by their names. With --redact only numbers stay. */
export function withoutSecretValues(values: Readonly<Record<string, string>>, redact: boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(values).map(([name, value]) => [
      name,
      redact && !/^\d{1,5}$/.test(value) ? "…" : cleaned(`${name}=${value}`).slice(name.length + 1),
    ]),
  );
}
