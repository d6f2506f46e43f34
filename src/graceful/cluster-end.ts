/** The end of a node:cluster: the primary has all workers end, a worker leaves the primary. */

export interface ClusterEnd {
  /** It has come to this: in the primary for all workers, in a worker for itself. */
  tell(level: number, signal: NodeJS.Signals): void;
  /** Settles when no worker is left. Those that are after `withinMs` are killed. */
  endWorkers(withinMs: number): Promise<void>;
  /** A worker has nothing to do any more. */
  leave(): void;
  remove(): void;
}

/** `raise` is called in a worker that is told by its primary; signals do not reach all processes where they are sent to the primary alone. */
export async function clusterEnd(raise: (level: number, signal: NodeJS.Signals) => void): Promise<ClusterEnd> {
  const { default: cluster } = await import("node:cluster");
  const { worker } = cluster;
  if (worker !== undefined && worker !== null) {
    const onMessage = (message: unknown): void => {
      const { portmortem: told } = (message ?? {}) as { portmortem?: { level: number; signal: NodeJS.Signals } };
      if (told !== undefined) raise(told.level, told.signal);
    };
    process.on("message", onMessage);
    return {
      // Or Node would end this process, and its responses, as soon as the primary is gone: by itself, or because it cannot be written to.
      tell(level) {
        worker.exitedAfterDisconnect = true;
        if (level === 1) worker.on("error", () => {});
      },
      endWorkers: async () => {},
      leave: () => void (worker.isConnected() && worker.disconnect()),
      remove: () => void process.off("message", onMessage),
    };
  }
  const workers = () => Object.values(cluster.workers ?? {}).filter((one) => one !== undefined);
  return {
    tell(level, signal) {
      const told = { portmortem: { level, signal } };
      // One that has just gone needs no word.
      for (const one of workers()) if (one.isConnected()) one.send(told, () => {});
    },
    endWorkers: (withinMs) =>
      new Promise((resolve) => {
        const timer = setTimeout(() => {
          for (const { process: hung } of workers()) hung.kill("SIGKILL");
        }, withinMs);
        // The last of these two events comes when it is no longer in the list.
        const look = (): void => {
          if (workers().length > 0) return;
          clearTimeout(timer);
          cluster.off("exit", look).off("disconnect", look);
          resolve();
        };
        cluster.on("exit", look).on("disconnect", look);
        look();
      }),
    leave() {},
    remove() {},
  };
}
