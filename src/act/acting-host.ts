/** A host that can act, or the reason why this one cannot. */
import { PortmortemError } from "../base/errors.ts";
import type { HostActions } from "../host/actions.ts";
import type { Host } from "../host/host.ts";
import { dumpAll } from "../inspect/dump.ts";
import { maskOf } from "../tcp/states.ts";

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

/**
 * Throws PM_NO_SOCK_DIAG: /proc/net has no cookies, and without one the request for a connection could hit another socket. Whether sock_diag
 * answers is known only once it was asked: for the listeners, which are few.
 */
export function requireCookies(host: Host): void {
  const { failed } = dumpAll(host, { protocol: "tcp", states: maskOf("LISTEN") }, () => undefined);
  const source = host.socketSource();
  const unanswered = failed.find(({ family }) => family === "ipv4");
  if (source.kind === "sock_diag" && unanswered === undefined) return;
  const why = source.kind === "sock_diag" ? `sock_diag was answered with ${unanswered?.errno}` : source.why;
  throw new PortmortemError("PM_NO_SOCK_DIAG", `connections cannot be told apart for certain here: ${why}`, {
    hint: "hint" in source ? source.hint : "look for a seccomp filter or a security module that refuses netlink",
    ...(unanswered === undefined ? {} : { errno: unanswered.errno }),
  });
}
