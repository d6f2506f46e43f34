/** Which option of the new socket lets it share the port as it is. Pure. */
import type { Attempt, BindSnapshot } from "../tcp/bind-snapshot.ts";
import { predictBind } from "./predict-bind.ts";
import type { Advice, Blocker } from "./why.ts";

export interface AdviceInput {
  readonly snapshot: BindSnapshot;
  readonly bindable: boolean;
  readonly attempts: readonly Attempt[];
  readonly blockers: readonly Blocker[];
  readonly withoutReuseAddr: readonly Blocker[];
  readonly withoutReusePort: readonly Blocker[];
}

export function sharingAdvice(input: AdviceInput): Advice[] {
  const advice: Advice[] = [];
  if (doesReuseAddrHelp(input))
    advice.push({
      text: input.snapshot.question.reusePort
        ? "set SO_REUSEADDR before bind(), as well as SO_REUSEPORT: with both this bind works now"
        : "set SO_REUSEADDR before bind(): with it this bind works now (Node, nginx and most servers set it)",
      costs: "nothing",
    });
  if (input.withoutReusePort.length > 0)
    advice.push({ text: `set SO_REUSEPORT before bind(): with it this bind works now${SAME_USER}`, costs: "nothing" });
  else if (mayShareByReusePort(input))
    advice.push({
      text: `set SO_REUSEPORT before bind() to share the port: what holds it has set it too${SAME_USER}`,
      costs: "nothing",
    });
  return advice;
}

const SAME_USER = ", and the user is the same";

/** Real binds, or the rules where none was made, with everything else as it was asked. */
function doesReuseAddrHelp({ attempts, bindable, withoutReuseAddr }: AdviceInput): boolean {
  const plain = attempts.find((attempt) => !attempt.reuseAddr);
  const reused = attempts.find((attempt) => attempt.reuseAddr);
  const differ = reused?.result === "ok" && plain !== undefined && plain.result !== "ok";
  return differ && (!bindable || withoutReuseAddr.length > 0);
}

/** Only where the rules are sure: the options of all that hold the port are known, and their user. */
function mayShareByReusePort({ snapshot, attempts }: AdviceInput): boolean {
  const { question } = snapshot;
  if (question.reusePort || attempts.some(({ result }) => result !== "EADDRINUSE")) return false;
  return predictBind(snapshot, { ...question, reusePort: true }).bind === "ok";
}
