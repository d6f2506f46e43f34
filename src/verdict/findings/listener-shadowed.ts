import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { isWildcardAddress } from "../address-scope.ts";
import { areOfDifferentPrograms, listenerText, nameOf, programEvidence, programsOf } from "../listening-program.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

export const LISTENER_SHADOWED: FindingDefinition = {
  code: "listener-shadowed",
  title: "a listener that another program takes connections from",
  about: {
    meaning: [
      "One program listens on all addresses, another on one of them with the same port. Connections to that address go to the second; the first never hears of them.",
      "Linux allows it for TCP only where both sockets set SO_REUSEPORT and were made by the same user. The user of the socket counts, not that of the process: services that start as root and change their user later can meet that way.",
      "Always a warning: what clients get hangs on the address by which they came.",
    ],
    remedy: [
      "End the one that should not be there, or give it a port of its own. A program that does not set SO_REUSEPORT is refused with EADDRINUSE instead of sharing.",
    ],
    sources: [
      "inet_lookup_listener: the address before the wildcard (net/ipv4/inet_hashtables.c)",
      "inet_bind_conflict",
      "docs/kernel/interception.md",
    ],
  },
  find: (snapshot) => findShadowed(snapshot),
};

function findShadowed({ listeners }: HealthSnapshot): Finding[] {
  return listeners.flatMap((wide) =>
    isWildcardAddress(wide.socket.local.address)
      ? listeners
          .filter((narrow) => takesFrom(narrow, wide) && areOfDifferentPrograms(narrow, wide))
          .map((narrow) => shadowFinding(narrow, wide))
      : [],
  );
}

/** Does a connection that would reach the wildcard go to the other listener? */
function takesFrom({ socket: narrow }: ListenerFacts, { socket: wide }: ListenerFacts): boolean {
  if (narrow.local.port !== wide.local.port || narrow.protocol !== wide.protocol || wide.protocol !== "tcp")
    return false;
  // Of a wildcard and the same wildcard on a device, the one that listened last wins (docs/kernel/interception.md): neither is named.
  if (narrow.local.interface !== wide.local.interface && wide.local.interface !== undefined) return false;
  const { address } = narrow.local;
  const isIpv4 = narrow.family === "ipv4" || address.startsWith("::ffff:");
  // v6only is told of every IPv6 listener; where it is not, nothing is claimed of the other family.
  const both = wide.family === "ipv6" && wide.v6only === false;
  if (!isWildcardAddress(address)) return isIpv4 ? wide.family === "ipv4" || both : wide.family === "ipv6";
  return both && isIpv4 && narrow.local.interface === wide.local.interface;
}

function shadowFinding(narrow: ListenerFacts, wide: ListenerFacts): Finding {
  const [taker, loser] = [programsOf(narrow), programsOf(wide)];
  const { port, address } = narrow.socket.local;
  const where = isWildcardAddress(address)
    ? `IPv4 connections to port ${port}`
    : `connections to ${listenerText(narrow)}`;
  const pids = [...new Set(taker.map(({ owner }) => owner.pid))].join(" ");
  return {
    code: LISTENER_SHADOWED.code,
    level: "warning",
    title: `${taker[0]?.command ?? "a program"} takes ${where} from ${loser[0]?.command ?? "another"}`,
    text: `${nameOf(loser)} listens on ${listenerText(wide)}, ${nameOf(taker)} on ${listenerText(narrow)}, which the kernel prefers: ${where} all go there.`,
    evidence: {
      port,
      wildcard: listenerText(wide),
      specific: listenerText(narrow),
      wildcardProgram: loser.map(programEvidence),
      specificProgram: taker.map(programEvidence),
    },
    advice: [
      { text: `end ${nameOf(taker)}, if it should not be there`, command: `kill ${pids}`, costs: "downtime" },
      { text: `or give one of them another port than ${port}`, costs: "nothing" },
    ],
  };
}
