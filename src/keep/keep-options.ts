/** What keep() is told, checked and made whole. */
import { PortmortemError } from "../base/errors.ts";
import { requireKnownOptions } from "../ask/known-options.ts";
import type { Host } from "../host/host.ts";
import { parseEndpoint } from "../tcp/endpoint.ts";
import type { ParsedEndpoint } from "../tcp/endpoint.ts";
import type { RestartPolicy } from "./restart-policy.ts";
import { DEFAULT_RESTARTS } from "./restart-policy.ts";

export type KeepMode = "adopt" | "activate" | "plain";

export interface KeepOptions {
  /** A file, or a name to be searched for in PATH. */
  readonly command: string;
  readonly args?: readonly string[];
  /** What the program is told that it is called; default: `command`. */
  readonly argv0?: string;
  readonly cwd?: string;
  /** Default: this process' own. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  /** Default "inherit"; or stdin, and this process' descriptors for stdout and stderr. */
  readonly stdio?: "inherit" | "ignore" | readonly ["ignore" | "inherit", number, number];
  /** The ports to keep, `[ADDRESS:]PORT` or a number; default: whatever it binds. */
  readonly ports?: readonly (number | string)[];
  /**
   * `adopt`: the program's own sockets are held, whatever program it is. `activate`: it is handed listening sockets (LISTEN_FDS). `plain`:
   * nothing is kept, the port is made bindable before each start. Default "auto": the first of these that can be.
   */
  readonly mode?: KeepMode | "auto";
  /** Default "on-failure": unless it ends with status 0. */
  readonly restart?: RestartPolicy["restart"];
  /** The waits before restarts: the first, twice as long each time, at most the last. Default 100 ms to 30 s. */
  readonly backoff?: { readonly firstMs: number; readonly mostMs: number };
  /** A program that lived for so long was well: it is started again at once. Default 10 000. */
  readonly healthyMs?: number;
  /** More restarts than this within the period end it. */
  readonly maxRestarts?: { readonly count: number; readonly periodMs: number };
  /** What clients find while it is down: a queue (default), or nobody. */
  readonly whileDown?: "queue" | "refuse";
  /** For so long they wait; then they are refused until it is back. Default 10 000. */
  readonly holdMs?: number;
  /** Between SIGTERM and SIGKILL. Default 10 000. */
  readonly graceMs?: number;
  /** Programs that have the ports already are ended. Default: they are named, and start() fails. */
  readonly take?: boolean;
  /** Who is asked what is in the way of the ports. Default: this machine. */
  readonly host?: Host;
  /** Its abort is stop(). */
  readonly signal?: AbortSignal;
}

export interface SettledKeepOptions {
  readonly program: {
    readonly command: string;
    readonly args: readonly string[];
    readonly argv0?: string;
    readonly cwd?: string;
    readonly env?: Readonly<Record<string, string | undefined>>;
    readonly stdio?: NonNullable<KeepOptions["stdio"]>;
  };
  readonly ports: readonly ParsedEndpoint[];
  readonly mode: KeepMode | "auto";
  readonly restarts: RestartPolicy;
  readonly whileDown: "queue" | "refuse";
  readonly holdMs: number;
  readonly graceMs: number;
  readonly take: boolean;
  readonly host: Host | undefined;
}

const OPTIONS: readonly (keyof KeepOptions)[] = [
  "command",
  "args",
  "argv0",
  "cwd",
  "env",
  "stdio",
  "ports",
  "mode",
  "restart",
  "backoff",
  "healthyMs",
  "maxRestarts",
  "whileDown",
  "holdMs",
  "graceMs",
  "take",
  "host",
  "signal",
];

const CHOICES = {
  mode: ["auto", "adopt", "activate", "plain"],
  restart: ["on-failure", "always", "never"],
  whileDown: ["queue", "refuse"],
} as const;

/** Throws PM_USAGE, PM_BAD_PORT, PM_BAD_ADDRESS, PM_AMBIGUOUS_ADDRESS. */
export function settleKeepOptions(options: KeepOptions): SettledKeepOptions {
  requireKnownOptions("keep()", options, OPTIONS);
  const { command, args = [], argv0, cwd, env, stdio, mode = "auto", ports = [], maxRestarts } = options;
  if (typeof command !== "string" || command === "") throw usage("there is no command", "say what is to be run");
  for (const name of ["mode", "restart", "whileDown"] as const) {
    const value: string | undefined = options[name];
    if (value !== undefined && !(CHOICES[name] as readonly string[]).includes(value))
      throw usage(`${name} of ${JSON.stringify(value)} is none`, `one of ${CHOICES[name].join(", ")}`);
  }
  const backoff = options.backoff ?? { firstMs: DEFAULT_RESTARTS.firstMs, mostMs: DEFAULT_RESTARTS.mostMs };
  const { healthyMs = DEFAULT_RESTARTS.healthyMs, holdMs = 10_000, graceMs = 10_000 } = options;
  const lengths = { firstMs: backoff.firstMs, mostMs: backoff.mostMs, healthyMs, holdMs, graceMs };
  for (const [name, ms] of Object.entries({ ...lengths, periodMs: maxRestarts?.periodMs ?? 0 }))
    if (!(ms >= 0)) throw usage(`${name} of ${ms} is none`, "milliseconds, from 0 on");
  if (backoff.mostMs < backoff.firstMs)
    throw usage(`waits from ${backoff.firstMs} to ${backoff.mostMs} ms`, "the first is the shortest");
  if (maxRestarts !== undefined && !(Number.isInteger(maxRestarts.count) && maxRestarts.count >= 0))
    throw usage(`${maxRestarts.count} restarts are no number of restarts`, "a whole number from 0 on");
  const endpoints = ports.map((port) => parseEndpoint(String(port)));
  if (mode === "activate" && endpoints.length === 0)
    throw usage("mode activate without a port", "name what the program is to be handed: ports, or --port");
  return {
    program: {
      command,
      args,
      ...(argv0 === undefined ? {} : { argv0 }),
      ...(cwd === undefined ? {} : { cwd }),
      ...(env === undefined ? {} : { env }),
      ...(stdio === undefined ? {} : { stdio }),
    },
    ports: endpoints,
    mode,
    restarts: {
      restart: options.restart ?? DEFAULT_RESTARTS.restart,
      ...backoff,
      healthyMs,
      ...(maxRestarts === undefined ? {} : { most: maxRestarts }),
    },
    whileDown: options.whileDown ?? "queue",
    holdMs,
    graceMs,
    take: options.take ?? false,
    host: options.host,
  };
}

function usage(message: string, hint: string): PortmortemError {
  return new PortmortemError("PM_USAGE", message, { hint });
}
