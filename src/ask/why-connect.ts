/** `why --connect` as a function: look the name up, gather, judge. */
import { PortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { gatherConnectFacts } from "../inspect/connect-facts.ts";
import { requireDevice } from "../inspect/known-names.ts";
import { parseLocal, parseRemote, plainAddress } from "../tcp/connect-endpoints.ts";
import type { LocalEnd } from "../tcp/connect-endpoints.ts";
import { judgeConnect } from "../verdict/judge-connect.ts";
import type { WhyConnect } from "../verdict/why-connect.ts";
import { enterCommand, hostFor } from "./hosts.ts";
import type { HostOptions } from "./hosts.ts";
import { requireKnownOptions } from "./known-options.ts";

export interface WhyConnectOptions extends HostOptions {
  /** ADDRESS, ADDRESS:PORT or ADDRESS:LOW-HIGH; the address may be left out. Default: the kernel chooses both. */
  readonly from?: string;
  /** As a program that sets SO_REUSEADDR before it binds a port of its own choice (default false, as clients are). */
  readonly reuseAddr?: boolean;
  /** For one port of the program's own choice: make a real bind, closed at once (default). */
  readonly probe?: boolean;
  /** Called while processes are searched for who holds ports. */
  readonly onProgress?: (done: number, what: "sockets" | "processes") => void;
  readonly signal?: AbortSignal;
}

/**
 * Why a connect() to `remote` ("db.example:5432", "10.0.0.5:5432", "[::1]:80") gets no local port, or soon will not. Nothing is sent to
 * the peer. Throws PM_BAD_PORT, PM_BAD_ADDRESS, PM_AMBIGUOUS_ADDRESS, PM_UNKNOWN_HOST, PM_NAME_LOOKUP, PM_UNKNOWN_DEVICE,
 * PM_USAGE.
 */
export async function whyConnect(remote: string, options: WhyConnectOptions = {}): Promise<WhyConnect> {
  options.signal?.throwIfAborted();
  requireKnownOptions("whyConnect()", options, ["host", "netns", "from", "reuseAddr", "probe", "onProgress", "signal"]);
  const from = options.from === undefined ? {} : parseLocal(options.from);
  const end = parseRemote(remote);
  if (options.reuseAddr === true && from.ports === undefined)
    throw new PortmortemError("PM_USAGE", "SO_REUSEADDR matters only to a bind() of a port", {
      hint: "name the port as well: --from ADDRESS:PORT",
    });
  const host = hostFor(options);
  const there = "name" in end ? await lookUp(options.host ?? host, end.name, from) : { address: end.address };
  const scope = there.address.split("%")[1];
  if (scope !== undefined) requireDevice(host, scope);
  requireOneFamily(there.address, from);
  const snapshot = await gatherConnectFacts(
    host,
    {
      remote: { address: there.address, port: end.port },
      ...("name" in end ? { name: end.name } : {}),
      ...(there.others === undefined ? {} : { otherAddresses: there.others }),
      ...(isWildcard(from.address) ? {} : { address: from.address! }),
      ...(from.ports === undefined ? {} : { ports: from.ports }),
      reuseAddr: options.reuseAddr ?? false,
      probe: options.probe ?? true,
      ...(options.onProgress === undefined ? {} : { progress: options.onProgress }),
      ...(options.netns === undefined
        ? {}
        : { enterCommand: enterCommand(options.netns), netns: String(options.netns) }),
    },
    options.signal,
  );
  return judgeConnect(snapshot);
}

/** The first address of the family that the connection is to come from. */
async function lookUp(
  host: Host,
  name: string,
  { address }: LocalEnd,
): Promise<{ readonly address: string; readonly others?: readonly string[] }> {
  const answer = await host.resolveName(name);
  if ("errno" in answer)
    throw isUnknown(answer.errno)
      ? new PortmortemError("PM_UNKNOWN_HOST", `the name ${name} could not be looked up: ${answer.errno}`, {
          errno: answer.errno,
          hint: "write the address instead, or see what `getent ahosts` says",
        })
      : new PortmortemError("PM_NAME_LOOKUP", `the name ${name} could not be looked up now: ${answer.errno}`, {
          errno: answer.errno,
          hint: "try it again, write the address instead, or see whether the name servers of /etc/resolv.conf answer",
        });
  const addresses = [...new Set(answer.addresses.map(plainAddress))];
  const first =
    address === undefined || isWildcard(address)
      ? addresses[0]
      : addresses.find((one) => one.includes(":") === address.includes(":"));
  if (first === undefined)
    throw new PortmortemError(
      "PM_UNKNOWN_HOST",
      `the name ${name} has no address of the family of ${address ?? "any"}`,
      { hint: addresses.length === 0 ? "it has none at all" : `it has: ${addresses.join(", ")}` },
    );
  const others = addresses.filter((one) => one !== first);
  return others.length === 0 ? { address: first } : { address: first, others };
}

/** The name itself is at fault (Node's ENOTFOUND is EAI_NONAME and EAI_NODATA); all else says nothing about it. */
function isUnknown(errno: string): boolean {
  return ["ENOTFOUND", "ENODATA", "EAI_NONAME", "EAI_NODATA", "EAI_ADDRFAMILY"].includes(errno);
}

function requireOneFamily(remote: string, { address }: LocalEnd): void {
  if (address === undefined || isWildcard(address) || address.includes(":") === remote.includes(":")) return;
  throw new PortmortemError("PM_USAGE", `a socket of ${address} cannot connect to ${remote}`, {
    hint: "both ends have to be IPv4, or both IPv6",
  });
}

/** Naming it is as naming none. */
function isWildcard(address: string | undefined): boolean {
  return address === undefined || address === "0.0.0.0" || address === "::";
}
