// Examples of the command line in Markdown that are run and compared. A block is run if the line before its fence is a marker:
//
//   <!-- run -->                                as it is
//   <!-- run netns -->                          in a network namespace of its own, with only the loopback interface up
//   <!-- run netns setup="node build/test/programs/victim.js 49200" -->   after this, in the same namespace
//   <!-- run any="59,34076" -->                 these numbers of the text stand for any number
//
// `$ command` lines are typed into one shell after another, so that `$ echo $?` works; what follows is the expected standard output.
// Compared line by line, exactly, except: `…` stands for anything within a line, alone on a line for any lines; a number after "in ", "pid "
// or "pid=" is any number; two or more spaces are as many as the columns need.

export interface ConsoleBlock {
  readonly file: string;
  readonly line: number;
  readonly netns: boolean;
  readonly setup: string | undefined;
  /** Numbers of the text that stand for any number. */
  readonly any: readonly string[];
  readonly steps: readonly { readonly command: string; readonly expected: readonly string[] }[];
}

export function consoleBlocks(file: string, markdown: string): ConsoleBlock[] {
  return [...markdown.matchAll(/^<!-- run\b(.*?)-->\n+```console\n([^]*?)^```/gm)].map((match) => {
    const options = match[1] ?? "";
    const option = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(options)?.[1];
    return {
      file,
      line: markdown.slice(0, match.index).split("\n").length,
      netns: /\bnetns\b/.test(options),
      setup: option("setup"),
      any: option("any")?.split(",") ?? [],
      steps: stepsOf(match[2] ?? ""),
    };
  });
}

function stepsOf(text: string): { command: string; expected: string[] }[] {
  const steps: { command: string; expected: string[] }[] = [];
  for (const line of text.replace(/\n$/, "").split("\n")) {
    if (line.startsWith("$ ")) steps.push({ command: line.slice(2), expected: [] });
    else steps.at(-1)?.expected.push(line);
  }
  return steps;
}

/** A pattern for the whole of a command's output. */
export function patternOf(expected: readonly string[], any: readonly string[]): RegExp {
  const lines = trimEmpty(expected).map((line) =>
    line.trim() === "…" ? "(?:[^\\n]*\\n)*" : `${linePattern(line, any)}[ ]*\\n`,
  );
  return new RegExp(`^${lines.join("")}$`);
}

function linePattern(line: string, any: readonly string[]): string {
  const tokens = line.trimEnd().split(/(…| {2,}|\d+(?:\.\d+)?)/);
  return tokens
    .map((token, at) => {
      if (token === "…") return "[^\\n]*";
      if (/^ {2,}$/.test(token)) return at === 1 && tokens[0] === "" ? token : " +";
      if (/^\d/.test(token) && (any.includes(token) || /\b(in |pid[ =])$/i.test(tokens[at - 1] ?? "")))
        return "\\d+(?:\\.\\d+)?";
      return token.replace(/[.*+?^${}()|[\]\\/-]/g, "\\$&");
    })
    .join("");
}

/** Blank lines at the end of a step only part it from the next one. */
export function trimEmpty(lines: readonly string[]): string[] {
  const text = lines.join("\n").replace(/\n+$/, "");
  return text === "" ? [] : text.split("\n");
}
