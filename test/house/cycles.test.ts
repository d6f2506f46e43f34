import { test } from "node:test";
import { expectNone, sourceFiles } from "./repository.ts";
import { importsOf } from "./syntax.ts";

test("no file of src/ imports itself by a way round, types included", () => {
  const graph = new Map(sourceFiles().map((path) => [path, importsOf(path).map(({ to }) => to)]));
  expectNone(
    findCycles(graph).map((cycle) => cycle.join(" → ")),
    "cycles",
  );
});

/** Each cycle that a depth-first walk closes, once. */
function findCycles(graph: ReadonlyMap<string, readonly string[]>): string[][] {
  const cycles: string[][] = [];
  const done = new Set<string>();
  const path: string[] = [];
  const visit = (file: string): void => {
    const at = path.indexOf(file);
    if (at >= 0) cycles.push([...path.slice(at), file]);
    if (at >= 0 || done.has(file)) return;
    path.push(file);
    for (const next of graph.get(file) ?? []) visit(next);
    path.pop();
    done.add(file);
  };
  for (const file of graph.keys()) visit(file);
  return cycles;
}
