import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { areOfDifferentPrograms, listenerText, nameOf, programEvidence, programsOf } from "../listening-program.ts";
import { endListenersCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

export const PORT_SPLIT: FindingDefinition = {
  code: "port-split",
  title: "two programs on one port, one for IPv4 and one for IPv6",
  about: {
    meaning: [
      "One program listens on a port of IPv4, another on the same port of IPv6, and both are reached as localhost. Which one a client gets hangs on the address that it tries first: RFC 6724 puts ::1 first, and some programs only know 127.0.0.1.",
      "The second program got no error when it started, as the families do not exclude each other unless one of them listens on :: for both.",
      "Always a warning: the typical case is a second development server, or an ssh tunnel, beside a forgotten first.",
    ],
    remedy: ["End one of the two, or give it another port."],
    sources: [
      "inet_rcv_saddr_equal (net/ipv4/inet_connection_sock.c)",
      "RFC 6724 section 6: which address comes first",
      "ipv6(7): IPV6_V6ONLY",
    ],
  },
  find: findSplit,
};

function findSplit(snapshot: HealthSnapshot): Finding[] {
  const { listeners } = snapshot;
  const ipv6 = listeners.filter(isLocalhost6);
  return listeners.filter(isLocalhost4).flatMap((four) => {
    const six = ipv6.find(
      (other) => other.socket.local.port === four.socket.local.port && areOfDifferentPrograms(four, other),
    );
    return six === undefined ? [] : [splitFinding(snapshot, four, six)];
  });
}

function isLocalhost4({ socket: { protocol, local } }: ListenerFacts): boolean {
  return (
    protocol === "tcp" &&
    isOnLoopback(local.interface) &&
    /^(?:::ffff:)?(?:0\.0\.0\.0|127\.0\.0\.1)$/.test(local.address)
  );
}

/** Of `::` for both families, IPv4 is taken away, not split: listener-shadowed. */
function isLocalhost6({ socket: { protocol, local, v6only } }: ListenerFacts): boolean {
  if (protocol !== "tcp" || !isOnLoopback(local.interface)) return false;
  return local.address === "::1" || (local.address === "::" && v6only === true);
}

function isOnLoopback(device: string | undefined): boolean {
  return device === undefined || device === "lo";
}

function splitFinding(snapshot: HealthSnapshot, four: ListenerFacts, six: ListenerFacts): Finding {
  const { port } = four.socket.local;
  const [ipv4, ipv6] = [programsOf(four), programsOf(six)];
  return {
    code: PORT_SPLIT.code,
    level: "warning",
    title: `port ${port} is ${ipv4[0]?.name ?? "one program"} by IPv4 and ${ipv6[0]?.name ?? "another"} by IPv6`,
    text: `${nameOf(ipv4)} listens on ${listenerText(four)}, ${nameOf(ipv6)} on ${listenerText(six)}. Who connects to localhost:${port} gets one or the other.`,
    evidence: {
      port,
      ipv4: listenerText(four),
      ipv6: listenerText(six),
      ipv4Program: ipv4.map(programEvidence),
      ipv6Program: ipv6.map(programEvidence),
    },
    advice: [
      {
        text: `see which of the two a name leads to: curl -4 and curl -6 ask one each`,
        command: `curl -4 -sI localhost:${port}; curl -6 -sI localhost:${port}`,
        costs: "nothing",
      },
      ...[four, six].flatMap((listener) => {
        const command = endListenersCommand(snapshot, [listener], listener.socket.owners ?? []);
        return command === undefined
          ? []
          : [{ text: `end ${nameOf(programsOf(listener))}, if nobody needs it`, command, costs: "downtime" as const }];
      }),
      { text: "or give one of them another port", costs: "nothing" },
    ],
  };
}
