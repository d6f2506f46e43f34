/** Why a server does not listen, and what to do about it. */
import { PortmortemError } from "../base/errors.ts";
import type { PortBind, PortHolder, PortHolders } from "./port-holders.ts";

interface Place extends PortBind {
  readonly path?: string;
}

/** PM_PORT_TAKEN, or PM_SHADOWED. */
export class PortTakenError extends PortmortemError implements PortHolders {
  declare readonly blockers?: readonly PortHolder[];
  declare readonly blockersUnknown?: string;

  constructor(code: "PM_PORT_TAKEN" | "PM_SHADOWED", place: Place, holders: PortHolders, cause?: unknown) {
    const texts = holders.blockers?.map(({ text }) => text) ?? [];
    const what = code === "PM_SHADOWED" ? "would be shadowed" : "is taken";
    super(code, [`${placeText(place)} ${what}`, ...texts].join(": "), {
      hint: takenHint(place),
      errno: "EADDRINUSE",
      cause,
    });
    Object.assign(this, holders);
  }
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
  EACCES: "below 1024 it takes CAP_NET_BIND_SERVICE, or a listener from systemd",
  EADDRNOTAVAIL: "no address of this machine; without host it is every address",
};

/** All that waiting does not help against. */
export function refusal(place: Place, error: unknown): PortmortemError {
  const { code: errno = "", message } = error as NodeJS.ErrnoException;
  const hint = HINTS[errno];
  const isUsage = errno.startsWith("ERR_");
  return new PortmortemError(isUsage ? "PM_USAGE" : "PM_LISTEN_REFUSED", `${placeText(place)}: ${message}`, {
    cause: error,
    ...(!isUsage && { errno }),
    ...(hint && { hint }),
  });
}
