/** Which runs are meant by names and ports. */
import { nearestWord } from "../base/nearest-word.ts";
import type { RunNotFound } from "../tcp/run-record.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { textOfRun } from "../verdict/judge-run.ts";
import type { JudgedRun } from "./list-runs.ts";

export interface WantedRuns {
  readonly names: readonly string[];
  readonly ports: readonly number[];
  readonly all: boolean;
}

export function chooseRuns(
  runs: readonly JudgedRun[],
  { names, ports, all }: WantedRuns,
): { readonly chosen: readonly JudgedRun[]; readonly notFound: RunNotFound[]; readonly passedOver: Incomplete[] } {
  const chosen = new Set<JudgedRun>();
  const notFound: RunNotFound[] = [];
  for (const name of names) {
    const found = runs.filter(({ record }) => record.name === name || record.id === name);
    for (const run of found) chosen.add(run);
    if (found.length === 0) notFound.push(unknownName(name, runs));
  }
  for (const port of ports) {
    const found = runs.filter(({ record }) => record.ports.some((one) => one.port === port));
    for (const run of found) chosen.add(run);
    if (found.length === 0) notFound.push({ port, text: `no run keeps port ${port}` });
  }
  const passedOver: Incomplete[] = [];
  for (const run of all ? runs : []) {
    // All means all of this place: a container's are its own.
    if (run.state !== "elsewhere") chosen.add(run);
    else if (!chosen.has(run)) passedOver.push({ what: run.record.name, why: textOfRun(run.record, run.state)! });
  }
  return { chosen: [...chosen], notFound, passedOver };
}

function unknownName(name: string, runs: readonly JudgedRun[]): RunNotFound {
  const nearest = nearestWord(
    name,
    runs.map(({ record }) => record.name),
  );
  const text = `no run is called ${name}`;
  return nearest === undefined ? { name, text } : { name, nearest, text: `${text}; did you mean ${nearest}?` };
}
