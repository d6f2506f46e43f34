/** A run writes down what it keeps, for `run --list` and `run --stop`. */
import { isPortmortemError } from "../base/errors.ts";
import type { Keeper } from "../keep/keep.ts";
import type { KeepNews } from "../keep/keep-news.ts";
import { openRunRecord } from "../keep/run-record.ts";
import type { RunChange, RunRecordFile } from "../keep/run-record.ts";
import { parseEndpoint } from "../tcp/endpoint.ts";
import type { RunPort, RunRecord } from "../tcp/run-record.ts";

const WRITE_AFTER_MS = 30;

export interface RunWords {
  readonly name?: string;
  readonly command: string;
  readonly args: readonly string[];
  /** What `--port` says. */
  readonly ports?: readonly string[];
}

/** Answers why nothing can be written down: the program is run all the same. Throws PM_RUN_NAME_TAKEN and PM_USAGE. */
export function recordRun(keeper: Keeper, { ports: named = [], ...words }: RunWords): RunRecordFile | string {
  let file: RunRecordFile;
  try {
    file = openRunRecord({ ...words, mode: "adopt", cwd: process.cwd(), graceMs: keeper.graceMs });
  } catch (error) {
    if (isPortmortemError(error) && error.code === "PM_RUN_RECORD") return error.message;
    throw error;
  }
  let pending: RunChange | undefined;
  const pidOfLife = new Map<number, number>();
  keeper.on("event", (news) => {
    if (news.kind === "started" || news.kind === "daemonized") pidOfLife.set(news.life, news.pid);
    else if (news.kind === "ended") pidOfLife.delete(news.life);
    const otherPids = [...pidOfLife.values()].filter((pid) => pid !== keeper.pid);
    const change = changeOf(news, keeper, { ...file.record, ...pending, named }, otherPids);
    if (change === undefined) return;
    // Writing takes a millisecond or two, in which a program that has just been started would wait for the answer to its bind.
    if (pending === undefined)
      setTimeout(() => {
        file.update(pending ?? {});
        pending = undefined;
      }, WRITE_AFTER_MS).unref();
    pending = { ...pending, ...change };
  });
  return file;
}

function changeOf(
  news: KeepNews,
  keeper: Keeper,
  record: Pick<RunRecord, "restarts" | "lastReload"> & { readonly named: readonly string[] },
  otherPids: readonly number[],
): RunChange | undefined {
  switch (news.kind) {
    case "mode":
      return { mode: news.mode, ports: news.mode === "plain" ? record.named.map(portNamed) : portsOf(keeper) };
    case "started":
      return { programPid: news.pid, otherPids };
    case "restarting":
      return { restarts: record.restarts + 1 };
    case "daemonized":
      return { programPid: news.pid };
    case "ended":
      return { otherPids, ...(keeper.pid === undefined ? { programPid: undefined } : {}) };
    case "kept":
    case "returned":
    case "released":
      return { ports: portsOf(keeper) };
    case "reloaded": {
      const why = "why" in news ? { why: news.why } : {};
      const lastReload = { number: (record.lastReload?.number ?? 0) + 1, result: news.result, ...why };
      return { lastReload, otherPids, ...(keeper.pid === undefined ? {} : { programPid: keeper.pid }) };
    }
    default:
      return undefined;
  }
}

function portsOf(keeper: Keeper): NonNullable<RunChange["ports"]> {
  return keeper.places.map(({ protocol, address, port }) => ({ protocol, address, port }));
}

/** In mode plain nothing is kept, and the run is all the same the one of its port. */
function portNamed(text: string): RunPort {
  const { address = "::", port } = parseEndpoint(text);
  return { protocol: "tcp", address, port };
}
