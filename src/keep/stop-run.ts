/**
 * Stops one run: its keeper is asked, which ends its program as `run` does on SIGTERM. Where the keeper is dead, or does not end, the program is
 * ended from here.
 */
import { durationText } from "../base/duration.ts";
import type { RunRecords } from "../host/run-records.ts";
import { gatherDescendants } from "../inspect/descendants.ts";
import type { RunNotStopped, RunProcess, RunRecord, StoppedRun } from "../tcp/run-record.ts";
import { programsOf } from "./list-runs.ts";
import { KILL_MS, Member, endProcessesOfRun, waitUntilEnded } from "./end-processes-of-run.ts";
import type { RunEnding, RunEndingTools } from "./end-processes-of-run.ts";

/** More than its grace: it needs some time itself. */
const KEEPER_MS = 2000;

export type RunStopAnswer = { readonly stopped: StoppedRun } | { readonly failed: RunNotStopped };

export async function stopRun(
  record: RunRecord,
  graceMs: number | undefined,
  records: RunRecords,
  tools: RunEndingTools,
): Promise<RunStopAnswer> {
  const grace = graceMs ?? record.graceMs;
  // Whoever ends the keeper gives the program what it was promised, unless told otherwise.
  const keeper = Member.hold(tools.actions, record.keeper);
  try {
    const asked = keeper === undefined ? "gone" : await askKeeper(keeper, grace + KEEPER_MS, tools);
    if (asked !== "gone" && asked !== "ended" && asked !== "late") return { failed: notStopped(record, asked) };
    const others = asked === "late" ? await killKeeper(keeper!, tools) : [];
    // The program may be another by now than when the record was read.
    const latest = records.read().records.find(({ id }) => id === record.id);
    const programs = [record, latest].flatMap((one) => (one === undefined ? [] : programsOf(one)));
    const ending = await endProcessesOfRun(programs, others, grace, tools);
    if (ending.result !== "ended") return { failed: notStopped(record, ending) };
    if (keeper?.hasEnded() === false) return { failed: notStopped(record, { result: "failed", left: [keeper.pid] }) };
    records.remove(record.id);
    return { stopped: stoppedRun(record, asked, ending, grace) };
  } finally {
    keeper?.close();
  }
}

async function askKeeper(
  keeper: Member,
  limitMs: number,
  tools: RunEndingTools,
): Promise<"ended" | "late" | (RunEnding & { readonly result: "failed" | "interrupted" })> {
  keeper.send("SIGTERM");
  if (keeper.errno !== undefined) return { result: "failed", left: [keeper.pid], errno: keeper.errno };
  await waitUntilEnded([keeper], limitMs, tools);
  if (keeper.hasEnded()) return "ended";
  return tools.signal?.aborted === true ? { result: "interrupted", left: [keeper.pid] } : "late";
}

/** Answers what was below it: nobody could tell afterwards that it was. */
async function killKeeper(keeper: Member, tools: RunEndingTools): Promise<readonly RunProcess[]> {
  const below = gatherDescendants(tools.host, [keeper.identity]);
  keeper.send("SIGKILL");
  await waitUntilEnded([keeper], KILL_MS, tools);
  return below;
}

function stoppedRun(
  record: RunRecord,
  keeperEnd: "gone" | "ended" | "late",
  { asked, killed }: { readonly asked: boolean; readonly killed: boolean },
  graceMs: number,
): StoppedRun {
  const { id, name, keeper, program } = record;
  const byHand = killed ? "by SIGKILL" : "by SIGTERM";
  const text = {
    ended: asked ? `its keeper ended and left it; it was ended ${byHand}` : "its keeper ended it",
    gone: asked ? `its keeper was dead; it was ended ${byHand}` : "it had ended",
    late: `its keeper (pid ${keeper.pid}) was still there ${durationText(KEEPER_MS)} after the grace of ${durationText(graceMs)}, and was killed`,
  }[keeperEnd];
  return {
    id,
    name,
    keeper: { pid: keeper.pid },
    ...(program === undefined ? {} : { program: { pid: program.pid } }),
    killed: killed || keeperEnd === "late",
    text,
  };
}

function notStopped(
  { id, name }: RunRecord,
  { result, left, errno }: Exclude<RunEnding, { readonly result: "ended" }>,
): RunNotStopped {
  const who = left.length === 1 ? `pid ${left[0]}` : `pids ${left.join(", ")}`;
  if (result === "interrupted")
    return { id, name, text: `${who}: SIGTERM was sent; whether it ends was not waited for` };
  if (errno === "EPERM")
    return { id, name, lacks: "right", errno, text: `${who}: another user's, this user may not signal it` };
  const text = errno ?? `still there ${durationText(KILL_MS)} after SIGKILL: it sleeps in the kernel (state D)`;
  return { id, name, ...(errno === undefined ? {} : { errno }), text: `${who}: ${text}` };
}
