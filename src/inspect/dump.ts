/** Dumps through a host, filtered to the letter: what the kernel could not filter is filtered here. */
import { PortmortemError } from "../base/errors.ts";
import type { DumpRequest, DumpSummary, Host } from "../host/host.ts";
import { createMatcher } from "../tcp/filter/match-filter.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { maskOf } from "../tcp/states.ts";

/** Calls `visit` for each socket that the request asks for. Throws PM_NO_SOCKET_SOURCE when this machine shows no sockets at all. */
export function dumpAll(host: Host, request: DumpRequest, visit: (socket: Socket) => void): DumpSummary {
  const dump = openDump(host, request);
  const matches = request.filter === undefined ? undefined : createMatcher(request.filter);
  for (const batch of dump) {
    for (let index = 0; index < batch.length; index++) {
      const socket = batch.socketAt(index);
      if (matches === undefined || dump.summary.exactFilter || matches(socket)) visit(socket);
    }
  }
  return dump.summary;
}

export function openDump(host: Host, request: DumpRequest): ReturnType<Host["dumpSockets"]> {
  const source = host.socketSource();
  if (source.kind === "none") {
    throw new PortmortemError("PM_NO_SOCKET_SOURCE", `this machine shows no sockets: ${source.why}`, {
      hint: "a Linux kernel with sock_diag or /proc/net is needed",
    });
  }
  return host.dumpSockets(request);
}

/** The ports that TCP listeners have: a dump of 50 µs. */
export function listeningPorts(host: Host): ReadonlySet<number> {
  const ports = new Set<number>();
  dumpAll(host, { protocol: "tcp", states: maskOf("LISTEN") }, ({ local }) => ports.add(local.port));
  return ports;
}

/** What the dump could not show, and why. */
export function describeDump(host: Host, summary: DumpSummary): Incomplete[] {
  const incomplete: Incomplete[] = [];
  const source = host.socketSource();
  if (source.kind === "procfs") {
    incomplete.push({
      what: "cookies, devices, backlogs, bound-only sockets",
      why: `read from /proc/net, which does not show them: ${source.why}`,
      hint: source.hint,
    });
  } else if (summary.blind.length > 0) {
    incomplete.push({
      what: `sockets in state ${summary.blind.join(", ")}`,
      why: `Linux ${host.system().kernelRelease} does not show them`,
      hint: "6.8 and later do",
    });
  }
  for (const { family, errno } of summary.failed) {
    // A kernel without IPv6 has no handler for its sockets, and no such sockets.
    if (family === "ipv6" && (errno === "ENOENT" || errno === "EAFNOSUPPORT")) continue;
    incomplete.push({ what: `${family} sockets`, why: `the kernel answered ${errno}` });
  }
  if (summary.interrupted)
    incomplete.push({
      what: "some sockets",
      why: "the kernel's table changed while it was read (NLM_F_DUMP_INTR)",
      hint: "ask again",
    });
  if (summary.malformed > 0)
    incomplete.push({
      what: `${summary.malformed} answers of the kernel`,
      why: "they were cut short or of an unknown kind",
    });
  return incomplete;
}
