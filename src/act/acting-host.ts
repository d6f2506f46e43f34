/** A host that can act, or the reason why this one cannot. */
import { PortmortemError } from "../base/errors.ts";
import type { HostActions } from "../host/actions.ts";
import type { Host } from "../host/host.ts";

/** Throws PM_REPLAY_READ_ONLY, PM_NO_NATIVE or PM_NETNS_FORBIDDEN. */
export function requireActions(host: Host): HostActions {
  const { actions } = host;
  if (!("unable" in actions)) return actions;
  const code = { recording: "PM_REPLAY_READ_ONLY", native: "PM_NO_NATIVE", right: "PM_NETNS_FORBIDDEN" } as const;
  throw new PortmortemError(code[actions.unable], `nothing can be done here: ${actions.why}`, { hint: actions.hint });
}

/** For what cannot be done to the past, before it is asked anything: it may not hold the answer. Throws PM_REPLAY_READ_ONLY. */
export function refuseRecording(host: Host | undefined): void {
  if (host !== undefined && "unable" in host.actions && host.actions.unable === "recording") requireActions(host);
}

/** Throws PM_NO_SOCK_DIAG: /proc/net has no cookies, and without one the request for a connection could hit another socket. */
export function requireCookies(host: Host): void {
  const source = host.socketSource();
  if (source.kind === "sock_diag") return;
  throw new PortmortemError("PM_NO_SOCK_DIAG", `connections cannot be told apart for certain here: ${source.why}`, {
    hint: "hint" in source ? source.hint : "a kernel with sock_diag is needed",
  });
}
