/** What must not leave the machine with a recording. Environments are never read; command lines are cleaned here. Pure. */

const SECRET_WORD =
  /pass(word|wd|phrase)?|secret|token|api[-_]?key|access[-_]?key|private[-_]?key|credential|auth|bearer|cookie|session/i;
const HIDDEN = "<hidden>";

/** Values of options that sound like secrets, and passwords inside URLs, are replaced. */
export function withoutSecrets(args: readonly string[]): string[] {
  let hideNext = false;
  return args.map((arg) => {
    if (hideNext) {
      hideNext = false;
      if (!arg.startsWith("-")) return HIDDEN;
    }
    const assignment = /^(-{0,2}[\w.-]+)[=:](.*)$/s.exec(arg);
    if (assignment !== null && SECRET_WORD.test(assignment[1]!) && assignment[2] !== "")
      return arg.slice(0, assignment[1]!.length + 1) + HIDDEN;
    if (/^--?[\w.-]+$/.test(arg) && SECRET_WORD.test(arg)) hideNext = true;
    return withoutUrlPasswords(arg);
  });
}

function withoutUrlPasswords(arg: string): string {
  return arg
    .replace(/(\w+:\/\/[^\s/:@]*:)[^\s@/]+@/g, `$1${HIDDEN}@`)
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${HIDDEN}`)
    .replace(/([?&;\s](?:[\w-]*)(?:password|secret|token|key)=)[^&;\s]+/gi, `$1${HIDDEN}`);
}

/** --redact: the program's name, the names of options, numbers and addresses (docker-proxy's are part of a verdict); nothing else. */
export function redacted(args: readonly string[]): string[] {
  return args.map((arg, index) => {
    if (
      index === 0 ||
      /^-{1,2}[A-Za-z][\w-]*$/.test(arg) ||
      /^\d{1,5}$/.test(arg) ||
      /^[\d.]{7,15}$/.test(arg) ||
      /^[\da-fA-F:]*:[\da-fA-F:.]*$/.test(arg)
    )
      return arg;
    return "…";
  });
}
