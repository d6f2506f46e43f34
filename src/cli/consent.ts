/** A question on the terminal, and the line that is typed for an answer. */
import { read } from "node:fs";
import { isTerminal, writeError } from "./output.ts";

/** Somebody sits there who can see the question and answer it. */
export async function canAsk(): Promise<boolean> {
  return (await isTerminal(0)) && (await isTerminal(2));
}

/** "y" or "yes", in any case, is consent; anything else, the end of the input, a terminal that went away and an interruption are none. */
export async function askConsent(question: string, signal: AbortSignal): Promise<boolean> {
  writeError(`${question} [y/N] `);
  const answer = await Promise.race([readAnswer(), aborted(signal)]);
  return /^\s*y(es)?\s*$/i.test(answer);
}

function readAnswer(): Promise<string> {
  const buffer = Buffer.alloc(256);
  return new Promise((resolve) =>
    read(0, buffer, 0, buffer.length, null, (error, length) =>
      resolve(error === null ? buffer.toString("utf8", 0, length) : ""),
    ),
  );
}

function aborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve("");
    else signal.addEventListener("abort", () => resolve(""), { once: true });
  });
}
