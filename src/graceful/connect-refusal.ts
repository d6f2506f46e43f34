/** What went wrong with a connect(), and what to do. */
import { type ErrorCode, PortmortemError } from "../base/errors.ts";

type Refusals = Readonly<Record<string, readonly [ErrorCode, hint: string]>>;

/** By the name that the kernel or the resolver gave. */
const REFUSALS: Refusals = {
  ECONNREFUSED: ["PM_CONNECT_REFUSED", "nothing listens there; if it will soon: retries"],
  ETIMEDOUT: ["PM_CONNECT_TIMEOUT", "a packet filter that drops, a host that is down, or a full accept queue"],
  ENOTFOUND: ["PM_UNKNOWN_HOST", "correct the name, or give the address"],
  EAI_AGAIN: ["PM_NAME_LOOKUP", "the name server does not answer: retries, or give the address"],
};
const BIND_REFUSALS: Refusals = {
  EACCES: ["PM_LOCAL_PORT_FORBIDDEN", "ports below 1024 need CAP_NET_BIND_SERVICE"],
  EADDRNOTAVAIL: ["PM_LOCAL_ADDRESS", "no device here has this localAddress"],
};

/** `where`: host and port. */
export function refusal(error: unknown, where: string): PortmortemError {
  if (error instanceof PortmortemError) return error;
  // Of several addresses, the last: what was tried after the others had failed.
  const cause = ((error as AggregateError).errors?.at(-1) ?? error) as NodeJS.ErrnoException;
  const { code: errno = "", syscall } = cause;
  const [code, hint] = isNoPort(cause)
    ? (["PM_NO_LOCAL_PORT", `portmortem why --connect ${where}`] as const)
    : ((syscall === "bind" ? BIND_REFUSALS : REFUSALS)[errno] ?? (["PM_CONNECT_FAILED", undefined] as const));
  return new PortmortemError(code, `${where}: ${cause.message}`, {
    cause,
    ...(hint && { hint }),
    ...(/^E(?!RR_)/.test(errno) && { errno }),
  });
}

/**
 * The port is taken, as far as this connection goes. libuv sets SO_REUSEADDR where a port is asked for, so a TIME-WAIT of another program of
 * libuv passes bind(); connect() then takes it again if it has timestamps, or says EADDRNOTAVAIL (docs/kernel/connect.md).
 */
export function isNoPort({ code, syscall }: NodeJS.ErrnoException): boolean {
  return code === "EADDRINUSE" || (code === "EADDRNOTAVAIL" && syscall === "connect");
}

/** None of `ports` could be had; `cause` is what the last one got. */
export function noPortOf(
  ports: readonly number[],
  kept: ReadonlyMap<number, number | undefined> | undefined,
  where: string,
  cause: NodeJS.ErrnoException,
): PortmortemError {
  const waits = ports.flatMap((port) => kept?.get(port) ?? []);
  const seconds = Math.ceil(Math.min(...waits) / 1000);
  const counted = kept
    ? `: ${waits.length} in TIME-WAIT to it${waits.length > 0 ? ` (${seconds} s until the first is free)` : ""}, ${ports.length - waits.length} in use`
    : "";
  return new PortmortemError(
    "PM_NO_LOCAL_PORT",
    `no local port of ${ports[0]}-${ports.at(-1)} is left for ${where}${counted}`,
    {
      cause,
      ...(cause.code && { errno: cause.code }),
      hint: "keep connections for more than one request, let the peer close first (closeLast), or widen localPorts",
    },
  );
}

/** It may go better next time: all that the kernel or a resolver said, except for what is plainly a mistake. */
export function mayPass({ code, errno, category }: PortmortemError): boolean {
  return errno !== undefined && category === "system" && code !== "PM_UNKNOWN_HOST";
}
