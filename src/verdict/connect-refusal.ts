/** Why bind() or connect() fails whatever the local port: the address, the route, the family. Pure. */
import type { ConnectSnapshot } from "../tcp/connect-snapshot.ts";
import { isMulticast } from "../tcp/ip-address.ts";
import { isLoopbackAddress } from "./address-scope.ts";
import type { Refusal } from "./connect-ports.ts";
import { addressNotLocalText, isLinkLocalAlone, linkLocalText } from "./preconditions.ts";
import type { ConnectAdvice } from "./why-connect.ts";

export interface ExplainedRefusal {
  readonly reason: string;
  readonly advice: readonly ConnectAdvice[];
}

/** What the route and the checks of the addresses answer (ip_route_connect, ip6_dst_lookup_flow, __inet_bind). */
export function explainRefusal(snapshot: ConnectSnapshot, { errno, step }: Refusal): ExplainedRefusal {
  const { address: from, remote } = snapshot.question;
  const to = remote.address;
  switch (errno) {
    case "EADDRNOTAVAIL":
      return step === "bind" && from !== undefined
        ? { reason: addressNotLocalText(from), advice: ownAddresses(snapshot, from) }
        : { reason: `no address of this machine can be the local one of a connection to ${to}`, advice: [] };
    case "ENETUNREACH":
      return unreachable(snapshot);
    case "EHOSTUNREACH":
      return routed(snapshot, `the route to ${to} is of the type "unreachable"`);
    case "EACCES":
      return routed(snapshot, `the route to ${to} is of the type "prohibit", or a security module refuses`);
    case "EINVAL":
      return invalid(snapshot, step);
    case "EAFNOSUPPORT":
      return { reason: `this kernel does not speak the family of ${to} (IPv6 is switched off)`, advice: [] };
    case "EPERM":
      return { reason: "a program that is attached to the cgroup (BPF) refuses this (EPERM)", advice: [] };
    default:
      return { reason: `the kernel answers ${errno} whatever the local port`, advice: [] };
  }
}

function unreachable(snapshot: ConnectSnapshot): ExplainedRefusal {
  const { address: from, remote } = snapshot.question;
  const to = remote.address;
  if (isMulticast(to))
    return { reason: `${to} is the address of a group (multicast): TCP connects to one host only`, advice: [] };
  if (to === "255.255.255.255") return { reason: `${to} is for broadcasts: TCP connects to one host only`, advice: [] };
  const by = from === undefined ? "" : ` from ${from}`;
  const broadcast = to.includes(":") ? "" : ", or it is a broadcast address";
  return routed(snapshot, `no route leads to ${to}${by}${broadcast}`);
}

function invalid(snapshot: ConnectSnapshot, step: Refusal["step"]): ExplainedRefusal {
  const { address: from, remote } = snapshot.question;
  const scopeless = step === "bind" ? from : remote.address;
  if (scopeless !== undefined && isLinkLocalAlone({ address: scopeless }))
    return {
      reason: linkLocalText(scopeless),
      advice: [
        {
          text: step === "bind" ? `write --from ${scopeless}%DEVICE` : `write [${scopeless}%DEVICE]:${remote.port}`,
          costs: "nothing",
        },
      ],
    };
  if (from !== undefined && isLoopbackAddress(from) && !isLoopbackAddress(remote.address))
    return {
      reason: `${from} is a loopback address, and no connection from there leaves this machine`,
      advice: ownAddresses(snapshot, from),
    };
  return routed(
    snapshot,
    `the kernel refuses the address itself, or the route to ${remote.address} is of the type "blackhole"`,
  );
}

function routed(snapshot: ConnectSnapshot, reason: string): ExplainedRefusal {
  const { question, settings } = snapshot;
  const { address: from, remote } = question;
  const from6 = from === undefined ? "" : ` from ${from}`;
  // Anybody may ask for a route; only another network namespace takes root to enter.
  const prefix = settings.rootPrefix === "sudo " ? "" : settings.rootPrefix;
  return {
    reason,
    advice: [
      {
        text: "see which devices are up and which routes there are; `ip route add` adds one",
        command: `${prefix}ip${remote.address.includes(":") ? " -6" : ""} route get ${remote.address.split("%")[0]!}${from6}`,
        costs: "nothing",
      },
    ],
  };
}

function ownAddresses({ settings }: ConnectSnapshot, from: string): ConnectAdvice[] {
  const some = settings.localAddresses.filter((one) => one !== from && one.includes(":") === from.includes(":"));
  return some.length === 0
    ? []
    : [{ text: `this machine's addresses are ${some.slice(0, 4).join(", ")}`, costs: "nothing" }];
}
