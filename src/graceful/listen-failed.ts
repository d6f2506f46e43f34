/** Why a server does not listen, and what to do about it. */
import { PortmortemError } from "../base/errors.ts";
import type { PortBind, PortHolders } from "./port-holders.ts";
import { PortTakenError } from "./port-taken-error.ts";

interface Place extends PortBind {
  readonly path?: string;
}

export function portTaken(
  code: "PM_PORT_TAKEN" | "PM_SHADOWED",
  place: Place,
  holders: PortHolders,
  cause?: unknown,
): PortTakenError {
  const texts = holders.blockers?.map(({ text }) => text) ?? [];
  const what = code === "PM_SHADOWED" ? "would be shadowed" : "is taken";
  const message = [`${placeText(place)} ${what}`, ...texts].join(": ");
  return new PortTakenError(code, message, { hint: takenHint(place), errno: "EADDRINUSE", cause }, holders);
}

function placeText({ port, host, path }: Place): string {
  return path ?? `port ${port}${host ? ` of ${host}` : ""}`;
}

function takenHint({ port, path }: Place): string {
  const { LISTEN_PID } = process.env;
  if (LISTEN_PID && Number(LISTEN_PID) !== process.pid)
    return `its listener was handed to pid ${LISTEN_PID} (LISTEN_PID): let that be node, not npm or a shell`;
  return path ? `remove ${path} if nobody listens on it` : `portmortem why ${port}`;
}

const HINTS: Readonly<Record<string, string>> = {
  EACCES:
    "a port below 1024 takes CAP_NET_BIND_SERVICE, net.ipv4.ip_unprivileged_port_start, or a listener from systemd; a path takes a folder that may be written",
  EADDRNOTAVAIL: "the address is none of this machine's: without host it is every address",
  ENOTFOUND: "the name has no address: give one, or leave host out for every address",
  EAFNOSUPPORT: "IPv6 is off here: give an IPv4 address, as 0.0.0.0",
};

/** All that waiting does not help against. */
export function refusal(place: Place, error: unknown): PortmortemError {
  if (error instanceof PortmortemError) return error;
  const { code: errno = "", message } = error as NodeJS.ErrnoException;
  const hint = HINTS[errno];
  const isUsage = errno.startsWith("ERR_");
  return new PortmortemError(isUsage ? "PM_USAGE" : "PM_LISTEN_REFUSED", `${placeText(place)}: ${message}`, {
    cause: error,
    ...(!isUsage && { errno }),
    ...(hint && { hint }),
  });
}
