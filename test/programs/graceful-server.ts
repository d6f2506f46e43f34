/**
 * An http server under portmortem/graceful, as one process or as a cluster. Its argument is a GracefulScene as JSON; each thing that happens is
 * a line of JSON. /held is answered when the line "finish" comes, /later after 200 ms, /never never, anything else at once.
 */
import cluster from "node:cluster";
import { createServer } from "node:http";
import { createInterface } from "node:readline";
import { listen, shutdownOnSignals, type ListenOptions, type ShutdownOptions } from "../../src/graceful/graceful.ts";

export interface GracefulScene {
  readonly listen?: readonly ListenOptions[];
  readonly cluster?: { readonly workers: number; readonly share?: boolean; readonly primary?: ShutdownOptions };
  readonly shutdown?: ShutdownOptions;
  /** `beforeDrain` never settles. */
  readonly hangs?: boolean;
  /** `afterDrain` throws. */
  readonly fails?: boolean;
  readonly exitCode?: number;
  /** Something else holds the event loop. */
  readonly isHeld?: boolean;
  readonly removes?: boolean;
  /** The worker of this number begins to listen so much later. */
  readonly staggerMs?: number;
}

const scene = JSON.parse(process.argv[2] ?? "{}") as GracefulScene;
const say = (event: string, about: object = {}): void => {
  process.stdout.write(`${JSON.stringify({ event, pid: process.pid, ...about })}\n`);
};
const held: (() => void)[] = [];

if (cluster.isPrimary && scene.cluster !== undefined) {
  if (scene.cluster.share === true) cluster.schedulingPolicy = cluster.SCHED_NONE;
  for (let number = 0; number < scene.cluster.workers; number++) cluster.fork({ NUMBER: String(number) });
  cluster.on("listening", () => say("worker listening"));
  cluster.on("exit", (_, code, signal) => say("worker ended", { code, signal }));
  if (scene.cluster.primary !== undefined) shutdownOnSignals([], scene.cluster.primary);
  process.on("exit", (code) => say("exit", { code }));
} else await serve();

async function serve(): Promise<void> {
  const lines = createInterface({ input: process.stdin });
  lines.on("line", () => {
    for (const finish of held.splice(0)) finish();
  });
  (process.stdin as { unref?: () => void }).unref?.();
  await new Promise((resolve) => setTimeout(resolve, (scene.staggerMs ?? 0) * Number(process.env["NUMBER"] ?? 0)));
  const servers = (scene.listen ?? []).map(() =>
    createServer((request, response) => {
      const answer = (): void => void response.end(`${process.pid} ${request.url}`);
      if (request.url === "/held") held.push(answer);
      else if (request.url === "/later") setTimeout(answer, 200);
      else if (request.url !== "/never") answer();
      if (request.url !== "/") say("asked", { url: request.url });
    }),
  );
  const shutdown = shutdownOnSignals(servers, {
    ...scene.shutdown,
    beforeDrain: (signal) => {
      say("begins", { signal });
      return scene.hangs === true ? new Promise(() => {}) : undefined;
    },
    afterDrain: ({ connections, aborted }) => {
      say("drained", { connections, aborted });
      if (scene.exitCode !== undefined) process.exitCode = scene.exitCode;
      if (scene.fails === true) throw new Error("the database does not close");
    },
  });
  void shutdown.done.then(({ hasty, signal, hookErrors }) =>
    say("done", { hasty, signal, hooks: hookErrors?.length ?? 0 }),
  );
  process.on("exit", (code) => say("exit", { code }));
  if (scene.removes === true) shutdown.remove();
  if (scene.isHeld === true) setInterval(() => {}, 1000);
  for (const [at, options] of (scene.listen ?? []).entries())
    try {
      const { port, address, inherited, waitedMs } = await listen(servers[at]!, options);
      const handlers = servers[at]!.listenerCount("listening") + servers[at]!.listenerCount("error");
      const variables = Object.keys(process.env).filter((name) => name.startsWith("LISTEN_"));
      say("listening", { port, address, inherited, waited: waitedMs > 0, handlers, variables });
    } catch (error) {
      const { code, hint } = error as { code?: string; hint?: string };
      say("failed", { code, hint });
    }
}
