/** Whoever starts programs again does so at once, or nearly: it is looked for a moment whether the port stays free. */
import type { Host } from "../host/host.ts";
import type { ProcessFamily } from "../inspect/process-family.ts";
import type { BindQuestion } from "../tcp/bind-snapshot.ts";
import type { FreeResult } from "../tcp/free-plan.ts";
import type { ProcessNode } from "../tcp/process-node.ts";

export interface RestartWatch {
  readonly host: Host;
  readonly request: BindQuestion;
  readonly family: ProcessFamily;
  readonly ended: readonly ProcessNode[];
  readonly isFree: () => boolean;
  readonly signal: AbortSignal | undefined;
}

export async function watchForRestart(_watch: RestartWatch): Promise<FreeResult["cameBack"]> {
  return undefined;
}
