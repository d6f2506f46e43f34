/** UDP sockets of which another may take what is meant for them: on a port with a wildcard and with a single address. */
import type { Host } from "../host/host.ts";
import type { Socket } from "../tcp/socket.ts";
import { maskOf } from "../tcp/states.ts";
import { dumpAll } from "./dump.ts";

const WILDCARD = /^(?:0\.0\.0\.0|::|::ffff:0\.0\.0\.0)$/;
/** Each socket gets a copy of these (__udp4_lib_mcast_deliver): nothing is taken. */
const MANY = /^(?:22[4-9]\.|23\d\.|255\.255\.255\.255$|ff)/i;
/**
 * Ports of discovery: SSDP, WS-Discovery, mDNS, LLMNR. What comes there is multicast, and each program of a machine has a socket of its own for
 * it (RFC 6762 section 15.1).
 */
const DISCOVERY: ReadonlySet<number> = new Set([1900, 3702, 5353, 5355]);

/** Without a peer; a machine has a few dozen of them, and seldom any that share a port so. */
export function sharedUdpPorts(host: Host): Socket[] {
  const byPort = new Map<number, Socket[]>();
  dumpAll(host, { protocol: "udp", states: maskOf("BOUND") }, (socket) => {
    if (MANY.test(socket.local.address) || DISCOVERY.has(socket.local.port)) return;
    const others = byPort.get(socket.local.port);
    if (others === undefined) byPort.set(socket.local.port, [socket]);
    else others.push(socket);
  });
  return [...byPort.values()].flatMap((sockets) => {
    const wild = sockets.filter(({ local }) => WILDCARD.test(local.address)).length;
    return wild > 0 && wild < sockets.length ? sockets : [];
  });
}
