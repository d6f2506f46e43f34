/** A question on the terminal, and the line that is typed for an answer. */
import { isTerminal, writeError, writeOut } from "./output.ts";

/** Somebody sits there who can see the question and answer it. */
export async function canAsk(): Promise<boolean> {
  return (await isTerminal(0)) && (await isTerminal(2));
}

/**
 * What is asked about has to be seen: where the answer goes into a file or a pipe, it stands beside the question. Answers whether it stands in
 * front of the answer.
 */
export function showPlan(text: string, { width }: { readonly width: number | undefined }): boolean {
  const isAnswerSeen = width !== undefined;
  if (isAnswerSeen) writeOut(text);
  else writeError(text);
  return isAnswerSeen;
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
  const ends = ["end", "close", "error"] as const;
  let hear: (typed?: unknown) => void = () => undefined;
  return new Promise<string>((resolve) => {
    hear = (typed) => resolve(Buffer.isBuffer(typed) ? typed.toString("utf8") : "");
    for (const event of ["data", ...ends]) stdin.on(event, hear);
    if (signal.aborted) hear();
    else signal.addEventListener("abort", hear, { once: true });
    // After a first question it is paused, and stays so by itself.
    stdin.resume();
  }).finally(() => {
    stdin.pause();
    for (const event of ["data", ...ends]) stdin.off(event, hear);
    signal.removeEventListener("abort", hear);
  });
}
