// The contract of src/host/host.ts: one suite for the fake, the real and the replaying host. A host that is without something says so by
// name, and is then held to what it has to say instead.
import { test } from "node:test";
import type { Host } from "../../src/host/host.ts";
import { CONTAINER_CASES } from "./container-cases.ts";
import { DUMP_CASES } from "./dump-cases.ts";
import { HEALTH_CASES } from "./health-cases.ts";
import { MACHINE_CASES } from "./machine-cases.ts";
import { SOCKET_CASES } from "./socket-cases.ts";
import type { ContractCase, Lacks, Scene } from "./scene.ts";

const CASES: readonly ContractCase[] = [
  ...DUMP_CASES,
  ...SOCKET_CASES,
  ...MACHINE_CASES,
  ...HEALTH_CASES,
  ...CONTAINER_CASES,
];

export interface CaseResult {
  readonly title: string;
  /** The stack of what went wrong. */
  readonly error?: string;
}

function titleOf({ title, needs }: ContractCase, lacks: Lacks): string {
  const reason = needs === undefined ? undefined : lacks[needs];
  return reason === undefined ? title : `${title} (left out, no ${needs} here: ${reason})`;
}

async function runCase(one: ContractCase, host: Host, scene: Scene, lacks: Lacks): Promise<void> {
  if (one.needs !== undefined && lacks[one.needs] !== undefined) await one.without?.(host, scene);
  else await one.run(host, scene);
}

/** Registers every case as a test. */
export function testContract(name: string, host: Host, scene: Scene, lacks: Lacks = {}): void {
  for (const one of CASES) test(`${name}: ${titleOf(one, lacks)}`, () => runCase(one, host, scene, lacks));
}

/** Runs every case and answers what came of it: for a host that lives in another process than its tests. */
export async function runContract(host: Host, scene: Scene, lacks: Lacks = {}): Promise<CaseResult[]> {
  const results: CaseResult[] = [];
  for (const one of CASES) {
    const title = titleOf(one, lacks);
    try {
      await runCase(one, host, scene, lacks);
      results.push({ title });
    } catch (error) {
      results.push({ title, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  }
  return results;
}
