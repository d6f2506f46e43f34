import type { Asker } from "../../tcp/asker.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { isWildcardAddress } from "../address-scope.ts";
import { areOfDifferentPrograms, listenerText, nameOf, programEvidence, programsOf } from "../listening-program.ts";
import { endCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

export const LISTENER_SHADOWED: FindingDefinition = {
  code: "listener-shadowed",
  title: "a listener that another program takes connections from",
  about: {
    meaning: [
      "One program listens on all addresses, another on one of them with the same port. What comes to that address goes to the second; the first never hears of it.",
      "For TCP, Linux allows it only where both sockets set SO_REUSEPORT and were made by one user (the user of the socket, who may have changed since). For UDP, SO_REUSEADDR on both is enough, and any user can do it.",
      "A warning; information where both are UDP sockets of one user, who may mean it so.",
    ],
    remedy: [
      "End the one that should not be there, or give it a port of its own. A program that sets neither option is safe: whoever wants its port gets EADDRINUSE.",
    ],
    sources: [
      "inet_lookup_listener: the address before the wildcard (net/ipv4/inet_hashtables.c)",
      "inet_bind_conflict",
      "docs/kernel/interception.md",
    ],
  },
  find: (snapshot) => findShadowed(snapshot),
};

function findShadowed({ listeners: tcp, udpSharers = [], asker }: HealthSnapshot): Finding[] {
  const listeners = [...tcp, ...udpSharers];
  return listeners.flatMap((wide) =>
    isWildcardAddress(wide.socket.local.address)
      ? listeners
          .filter((narrow) => takesFrom(narrow, wide) && areOfDifferentPrograms(narrow, wide))
          .map((narrow) => shadowFinding(narrow, wide, asker))
      : [],
  );
}

/** Does a connection that would reach the wildcard go to the other listener? */
function takesFrom({ socket: narrow }: ListenerFacts, { socket: wide }: ListenerFacts): boolean {
  if (narrow.local.port !== wide.local.port || narrow.protocol !== wide.protocol) return false;
  // Of a wildcard and the same wildcard on a device, the one that listened last wins (docs/kernel/interception.md): neither is named.
  if (narrow.local.interface !== wide.local.interface && wide.local.interface !== undefined) return false;
  const { address } = narrow.local;
  const isIpv4 = narrow.family === "ipv4" || address.startsWith("::ffff:");
  // v6only is told of every IPv6 listener; where it is not, nothing is claimed of the other family.
  const both = wide.family === "ipv6" && wide.v6only === false;
  if (!isWildcardAddress(address)) return isIpv4 ? wide.family === "ipv4" || both : wide.family === "ipv6";
  return both && isIpv4 && narrow.local.interface === wide.local.interface;
}

function shadowFinding(narrow: ListenerFacts, wide: ListenerFacts, asker: Asker): Finding {
  const [taker, loser] = [programsOf(narrow), programsOf(wide)];
  const { local, protocol, uid } = narrow.socket;
  const what = protocol === "udp" ? "datagrams" : "connections";
  const where = isWildcardAddress(local.address)
    ? `IPv4 ${what} to port ${local.port}`
    : `${what} to ${listenerText(narrow)}`;
  return {
    code: LISTENER_SHADOWED.code,
    level: protocol === "udp" && uid !== undefined && uid === wide.socket.uid ? "info" : "warning",
    title: `${taker[0]?.name ?? "a program"} takes ${where} from ${loser[0]?.name ?? "another"}`,
    text: `${nameOf(loser)} has ${protocol} ${listenerText(wide)}, ${nameOf(taker)} ${listenerText(narrow)}, which the kernel prefers: ${where} all go there.`,
    evidence: {
      protocol,
      port: local.port,
      wildcard: listenerText(wide),
      specific: listenerText(narrow),
      ...(wide.socket.uid === undefined ? {} : { wildcardUid: wide.socket.uid }),
      ...(uid === undefined ? {} : { specificUid: uid }),
      wildcardProgram: loser.map(programEvidence),
      specificProgram: taker.map(programEvidence),
    },
    advice: [
      // Not `free`: a bind to that address meets both of them.
      {
        text: `end ${nameOf(taker)}, if it should not be there`,
        ...(taker.length === 0 ? {} : { command: endCommand(asker, taker) }),
        costs: "downtime",
      },
      { text: `or give one of them another port than ${local.port}`, costs: "nothing" },
    ],
  };
}
