import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { parseSysctlPortList, parseSysctlPortRange } from "../../tcp/sysctl-values.ts";
import { programsOf } from "../listening-program.ts";
import { isInRanges, mergeReservedPorts } from "../reserved-ports.ts";
import { setAdvice } from "../sysctls/remedy.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

const RANGE = "net.ipv4.ip_local_port_range";
const RESERVED = "net.ipv4.ip_local_reserved_ports";
/** So many are named in the title. */
const NAMED = 3;

export const LISTENER_IN_PORT_RANGE: FindingDefinition = {
  code: "listener-in-port-range",
  title: "a listening port that outgoing connections may take",
  about: {
    meaning: [
      "The port lies in ip_local_port_range and is not reserved. As long as the program listens, the kernel gives it to nobody. While it is down, for a restart for instance, the port can become the local port of any outgoing connection, and the program then cannot bind it until that connection ends.",
      "Information: nothing is wrong until that happens. Listeners whose port the kernel chose are left out, as nobody relies on theirs.",
    ],
    remedy: [
      "Reserve the ports with ip_local_reserved_ports: the list given here has what is reserved already. It keeps nobody from binding them, and takes effect at once. Or take a port outside of the range.",
    ],
    sources: ["__inet_hash_connect (net/ipv4/inet_hashtables.c)", "Documentation/networking/ip-sysctl.rst"],
  },
  find: (snapshot) => findInRange(snapshot),
};

function findInRange(snapshot: HealthSnapshot): Finding[] {
  const range = parseSysctlPortRange(snapshot.settings[RANGE]);
  if (range === undefined) return [];
  const setting = snapshot.settings[RESERVED];
  const reserved = parseSysctlPortList(setting) ?? [];
  const listeners = snapshot.listeners.filter(
    ({ socket: { local, protocol }, autoBound }) =>
      protocol === "tcp" && autoBound !== true && isInRanges(local.port, [range]) && !isInRanges(local.port, reserved),
  );
  const ports = [...new Set(listeners.map(({ socket }) => socket.local.port))].sort((a, b) => a - b);
  if (ports.length === 0) return [];
  const value = mergeReservedPorts(setting, ports);
  const named = ports.slice(0, NAMED).map((port) => `${commandOn(port, listeners)} on ${port}`);
  const more = ports.length > NAMED ? ` and ${ports.length - NAMED} more` : "";
  const one = ports.length === 1;
  return [
    {
      code: LISTENER_IN_PORT_RANGE.code,
      level: "info",
      title: `outgoing connections may take the port${one ? "" : "s"} of ${named.join(", ")}${more}`,
      text: `${one ? "The port is" : `These ${ports.length} ports are`} in ip_local_port_range (${range.first} to ${range.last}) and not reserved. While the program is down, an outgoing connection can get its port, and it cannot start until that connection ends.`,
      evidence: {
        ports,
        rangeFirst: range.first,
        rangeLast: range.last,
        ...(reserved.length === 0 ? {} : { reserved: setting ?? "" }),
      },
      advice:
        value === undefined
          ? []
          : setAdvice(
              RESERVED,
              value,
              snapshot,
              "keep outgoing connections away from these ports; it changes nothing else",
            ),
    },
  ];
}

function commandOn(port: number, listeners: readonly ListenerFacts[]): string {
  const listener = listeners.find(({ socket }) => socket.local.port === port);
  return (listener === undefined ? undefined : programsOf(listener)[0]?.name) ?? "somebody";
}
