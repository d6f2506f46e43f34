/**
 * `portmortem/graceful`: servers of Node that leave nothing behind. Works on any system, and loads no native code but for a `guard()` that needs it.
 *
 * @example
 * ```ts
 * import { createServer } from "node:http";
 * import { listen, shutdownOnSignals } from "portmortem/graceful";
 *
 * const server = createServer((_, response) => response.end("hello"));
 * shutdownOnSignals(server, { graceMs: 10_000 });
 * await listen(server, { port: 8080 });
 * ```
 */
export { abort } from "./abort.ts";
export { agent } from "./agent.ts";
export { closeLast } from "./close-last.ts";
export { connect } from "./connect.ts";
export { drain } from "./drain.ts";
export { guard } from "./guard.ts";
export { retryable } from "./retryable.ts";
export { listen } from "./listen.ts";
export { PortTakenError } from "./port-taken-error.ts";
export { shutdownOnSignals } from "./shutdown-on-signals.ts";
export { watch } from "./watch.ts";
export { isPortmortemError, PortmortemError } from "../base/errors.ts";
export type { AgentOptions, Agents } from "./agent.ts";
export type { CloseLastOptions, CloseLastReport } from "./close-last.ts";
export type { ConnectOptions } from "./connect-options.ts";
export type { ConnectionKind } from "./draining.ts";
export type { Listenable } from "./listen-attempt.ts";
export type { Listening, ListenOptions, PortWait } from "./listen-options.ts";
export type { PortHolder } from "./port-holders.ts";
export type { Shutdown, ShutdownOptions, ShutdownReport } from "./shutdown-on-signals.ts";
export type { Guard, Guarded } from "./guard.ts";
export type { GuardBound, GuardOption, GuardOptions, GuardReport, GuardSetting } from "./guard-options.ts";
export type { DrainOptions, DrainProgress, DrainReport } from "./drain-options.ts";
export type { LocalPorts } from "./local-ports.ts";
