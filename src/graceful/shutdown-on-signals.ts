/** What a signal asks for: once, that all ends in order; twice, that it hurries; three times, that it ends. */
import type { Server } from "node:net";
import { type DrainOptions, type DrainReport, patienceOf, requireMs } from "./drain-options.ts";
import { drain } from "./drain.ts";
import { serverList } from "./server-list.ts";
import { type ClusterEnd, clusterEnd } from "./cluster-end.ts";
import { watch } from "./watch.ts";

export interface ShutdownOptions extends Omit<DrainOptions, "signal"> {
  /** Default SIGTERM and SIGINT. */
  readonly signals?: readonly NodeJS.Signals[];
  /** First of all, while clients still come: to say to a load balancer that this server is about to go. Waited for. */
  readonly beforeDrain?: (signal: NodeJS.Signals) => unknown;
  /** How long clients are still accepted after `beforeDrain`, for load balancers to notice. Default 0. */
  readonly readinessMs?: number;
  /** When the last connection is closed: to close databases. Waited for. */
  readonly afterDrain?: (report: DrainReport) => unknown;
  /** As long as each of the two is waited for. Default 5000. */
  readonly hookMs?: number;
  /** When all is done and something still keeps the process: process.exit() after so long. Default 500; false: never. */
  readonly exitMs?: number | false;
  /** A line when it begins, hurries and ends. */
  readonly log?: (line: string) => void;
}

export interface ShutdownReport extends DrainReport {
  readonly signal: NodeJS.Signals;
  /** A second signal came. */
  readonly hasty: boolean;
}

export interface Shutdown {
  /** Settles after `afterDrain`; never rejects. What hooks threw is in `hookErrors`. */
  readonly done: Promise<ShutdownReport>;
  /** A signal has come. Whoever starts workers again asks this first. */
  readonly begun: boolean;
  /** The signals do what they did before. A shutdown that has begun goes on. */
  remove(): void;
}

/** npm and other parents pass on a Ctrl-C that the terminal has sent to this process too. */
const SAME_SIGNAL_MS = 50;

/**
 * The first signal drains the servers, with the options of drain(); the second makes that hasty (`hastyGraceMs`); the third ends the process at once,
 * by that signal. Nothing else ends a process that owes a response: when the drain and `afterDrain` are done, the process ends by
 * itself, or after `exitMs` by process.exit(). Its status is process.exitCode where that is set, 1 where a hook failed, else 0: what
 * container engines and systemd take for an orderly end.
 *
 * In a worker of a cluster it disconnects from the primary at the end. In the primary (whose list of servers is mostly empty) it has the
 * workers do the same, also those that the signal did not reach, and waits for them.
 *
 * @throws PortmortemError PM_USAGE for what is no server of Node, or no number of milliseconds.
 */
export function shutdownOnSignals(servers: Server | readonly Server[], options: ShutdownOptions = {}): Shutdown {
  const list = serverList("shutdownOnSignals()", servers);
  const { signals = ["SIGTERM", "SIGINT"], exitMs = 500, log } = options;
  const hookMs = requireMs("hookMs", options.hookMs ?? 5000);
  const readinessMs = requireMs("readinessMs", options.readinessMs ?? 0);
  if (exitMs !== false) requireMs("exitMs", exitMs);
  const { graceMs } = patienceOf(options);
  for (const server of list) watch(server);

  const haste = new AbortController();
  const hookErrors: unknown[] = [];
  let level = 0;
  let lastAt = 0;
  let cluster: ClusterEnd | undefined;
  let begin: (report: Promise<ShutdownReport>) => void;
  const done = new Promise<ShutdownReport>((resolve) => (begin = resolve));

  const say = (line: string): void => {
    try {
      log?.(line);
    } catch (error) {
      hookErrors.push(error);
    }
  };

  /** The second cuts short what only waits for others; nobody waits longer than `ms`. */
  const pause = (ms: number, signal: AbortSignal | undefined, until?: Promise<unknown>): Promise<unknown> =>
    new Promise<void>((resolve) => {
      const timer = setTimeout(() => resolve(), signal?.aborted === true ? 0 : ms);
      const end = (): void => {
        clearTimeout(timer);
        resolve();
      };
      signal?.addEventListener("abort", end, { once: true });
      void until?.then(end);
    });
  const hook = async (work: () => unknown, signal?: AbortSignal): Promise<unknown> => {
    const working = (async () => work())().catch((error: unknown) => {
      hookErrors.push(error);
    });
    return pause(hookMs, signal, working);
  };

  const run = async (name: NodeJS.Signals): Promise<ShutdownReport> => {
    say(`${name}: ending in order, a second signal hurries`);
    await hook(() => options.beforeDrain?.(name), haste.signal);
    if (readinessMs > 0) await pause(readinessMs, haste.signal);
    const longestMs = 2 * hookMs + readinessMs + graceMs;
    const [drained] = await Promise.all([
      drain(list, { ...options, signal: haste.signal }),
      cluster?.endWorkers(longestMs),
    ]);
    await hook(() => options.afterDrain?.(drained));
    const errors = [...(drained.hookErrors ?? []), ...hookErrors];
    if (errors.length > 0) process.exitCode ??= 1;
    const report = {
      ...drained,
      signal: name,
      hasty: haste.signal.aborted,
      ...(errors.length > 0 && { hookErrors: errors }),
    };
    say(`${name}: ended in ${report.durationMs} ms, ${report.aborted} of ${report.connections} connections aborted`);
    cluster?.leave();
    if (exitMs !== false) setTimeout(() => process.exit(), exitMs).unref();
    return report;
  };

  const raise = (to: number, name: NodeJS.Signals): void => {
    for (; level < to; level++) {
      cluster?.tell(level + 1, name);
      if (level === 0) begin(run(name));
      else if (level === 1) {
        say(`${name}: hurrying, a third signal ends at once`);
        haste.abort();
      } else {
        process.removeAllListeners(name);
        process.kill(process.pid, name);
        // The first process of a container gets no signal that it does not handle (signal(7), pid_namespaces(7)).
        setTimeout(() => process.exit(1), SAME_SIGNAL_MS);
      }
    }
  };
  // Of a Ctrl-C a worker hears twice, from the terminal and from its primary: each is counted for itself.
  let heard = 0;
  const onSignal = (name: NodeJS.Signals): void => {
    const now = performance.now();
    if (heard > 0 && now - lastAt < SAME_SIGNAL_MS) return;
    lastAt = now;
    raise(++heard, name);
  };

  for (const name of signals) process.on(name, onSignal);
  const joining = clusterEnd(raise);
  void joining.then((joined) => (cluster = joined));
  return {
    done,
    get begun() {
      return level > 0;
    },
    remove() {
      for (const name of signals) process.off(name, onSignal);
      void joining.then((joined) => joined.remove());
    },
  };
}
