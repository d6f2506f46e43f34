/** A question on the terminal, and the line that is typed for an answer. */
import { isTerminal, writeError } from "./output.ts";

/** Somebody sits there who can see the question and answer it. */
export async function canAsk(): Promise<boolean> {
  return (await isTerminal(0)) && (await isTerminal(2));
}

/** "y" or "yes", in any case, is consent; anything else, the end of the input, a terminal that went away and an interruption are none. */
export async function askConsent(question: string, signal: AbortSignal): Promise<boolean> {
  writeError(`${question} [y/N] `);
  const answer = await readAnswer(signal);
  return /^\s*y(es)?\s*$/i.test(answer);
}

/** By process.stdin, which waits for a terminal without a thread: one that hangs in read() would keep the program from ending. */
function readAnswer(signal: AbortSignal): Promise<string> {
  const { stdin } = process;
  return new Promise<string>((resolve) => {
    const nothing = (): void => resolve("");
    stdin.once("data", (typed: Buffer) => resolve(typed.toString("utf8")));
    for (const event of ["end", "close", "error"]) stdin.once(event, nothing);
    if (signal.aborted) nothing();
    else signal.addEventListener("abort", nothing, { once: true });
  }).finally(() => stdin.pause());
}
