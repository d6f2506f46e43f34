/**
 * How a worker of a cluster asks its primary for a listener, more than once. Node has no public name for it; without it, plain Node's behaviour
 * is what is left.
 */
import type { Server } from "node:net";

/** node:cluster as net.Server uses it in a worker: asks the primary for a listener. Servers with the same query and `index` share one. */
interface WorkerCluster {
  readonly isWorker: boolean;
  readonly _getServer?: (
    server: object,
    query: ClusterQuery,
    answer: (error: unknown, handle: ClosableHandle | null) => void,
  ) => void;
}

interface ClusterQuery {
  readonly address: unknown;
  readonly port: unknown;
  readonly addressType: unknown;
  readonly fd: unknown;
  readonly index?: unknown;
}

interface ClosableHandle {
  close(...args: unknown[]): unknown;
}

const joined = new WeakSet<object>();
let isPatched = false;

/**
 * Whether this is a worker of a cluster. If so, this server may ask the primary again after a refusal: each query of a worker for the same port
 * has a new `index`, also after one that was refused, so workers that asked a different number of times would not share one listener but each
 * want its own, and get EADDRINUSE for ever; and each leaves a handler of 'listening' behind. Here the index is the lowest that is not in use.
 */
export async function joinCluster(server: Server | undefined): Promise<boolean> {
  const { default: cluster } = (await import("node:cluster")) as unknown as { default: WorkerCluster };
  if (cluster.isWorker && server !== undefined) joined.add(server);
  if (cluster.isWorker && !isPatched) countAgain(cluster);
  isPatched = true;
  return cluster.isWorker;
}

function countAgain(cluster: WorkerCluster): void {
  const { _getServer: original } = cluster;
  if (original === undefined) return;
  const inUse = new Set<string>();
  const ask: typeof original = (server, query, answer) => {
    if (!joined.has(server)) return original(server, query, answer);
    let index = 0;
    const key = (): string => [query.address, query.port, query.addressType, query.fd, index].join();
    while (inUse.has(key())) index++;
    inUse.add(key());
    let onListening = (): void => {};
    const once = { value: (_: string, on: () => void) => (onListening = on) };
    // What Node counts itself are numbers, of servers that are none of ours.
    original(Object.create(server, { once }) as object, { ...query, index: `pm${index}` }, (error, handle) => {
      const close = handle?.close.bind(handle);
      const end = (...args: unknown[]): unknown => {
        inUse.delete(key());
        (server as Server).off("listening", onListening);
        return close?.(...args);
      };
      if (handle) {
        handle.close = end;
        (server as Server).once("listening", onListening);
      }
      answer(error, handle);
      // Not taken: refused, or it turned out to be bound to another port (checkBindError() in lib/net.js), and then nobody closes it.
      const { _handle: taken } = server as { _handle?: unknown };
      if (inUse.has(key()) && (!handle || taken !== handle)) end();
    });
  };
  Object.assign(cluster, { _getServer: ask });
}
