/** What a holder of a port is to a person: the rule's name, and one sentence about it. Pure. */
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { Owner, Socket } from "../tcp/socket.ts";
import type { BindSettings, PortHolder } from "../tcp/bind-snapshot.ts";
import type { BlockerRule } from "./why.ts";

/** Does somebody listen on the port that these hold? Asked once for a port, of which there can be tens of thousands of holders. */
export function isServed(holders: readonly PortHolder[]): boolean {
  return holders.some(({ socket }) => socket.state === "LISTEN");
}

/** Which rule a socket that shares the port falls under. `served`: the port has a listener. */
export function ruleOf(holder: PortHolder, served: boolean, settings: BindSettings): BlockerRule {
  const { socket } = holder;
  switch (socket.state) {
    case "LISTEN":
      return "listener";
    case "BOUND":
      return "bound";
    case "TIME-WAIT":
      return "time-wait";
    case "FIN-WAIT-2":
      return "fin-wait-2";
    case "CLOSE-WAIT":
      return socket.inode === undefined ? (served ? "unaccepted" : "orphan") : "close-wait";
    case "FIN-WAIT-1":
    case "LAST-ACK":
    case "CLOSING":
      return socket.inode === undefined ? "orphan" : "connection";
    case "ESTABLISHED":
    case "SYN-SENT":
    case "SYN-RECEIVED":
    case "CLOSED":
      if (socket.protocol === "udp") return "bound";
      if (socket.ownerless === "unaccepted" || (socket.inode === undefined && served)) return "unaccepted";
      return isClient(holder, served, settings) ? "client" : "connection";
  }
}

/**
 * Did this connection take the port as its own, going out? The kernel does not say who connected. A port with a listener serves; so does
 * one outside the range from which outgoing connections get theirs; inside it, a connection to a listening port of this machine, or to a
 * port outside the range, went out.
 */
export function isClient({ socket, peerListens }: PortHolder, served: boolean, settings: BindSettings): boolean {
  if (peerListens === true || socket.state === "SYN-SENT") return true;
  if (served) return false;
  return wentOut(socket, settings);
}

function wentOut({ local, remote }: Socket, settings: BindSettings): boolean {
  const range = settings.localPortRange ?? { first: 32_768, last: 60_999 };
  const isTakenFrom = (port: number): boolean => port >= range.first && port <= range.last;
  // Both ports inside it: a server on a high port whose listener is gone looks the same as a client of one.
  return isTakenFrom(local.port) && !isTakenFrom(remote?.port ?? 0);
}

/** UDP knows no listener: who has a peer outside the range, and is inside it, went out. */
export function isUdpClient(socket: Socket, settings: BindSettings): boolean {
  return socket.protocol === "udp" && socket.remote !== undefined && wentOut(socket, settings);
}

/** When this holder ends by itself, if it does. */
export function freeInMs(rule: BlockerRule, socket: Socket): number | undefined {
  if (socket.inode !== undefined || socket.timer === undefined) return undefined;
  if (rule === "time-wait") return socket.timer.remainingMs;
  // An orphan whose peer never closes: the minisock's own time-out, or what is left before it becomes one.
  if (rule === "fin-wait-2" && socket.timer.kind === "time-wait") return socket.timer.remainingMs;
  return undefined;
}

const TAKEN_AS_OWN = "took this port as its own local port";

/** One sentence a person understands, without the owner's name. */
export function describe(rule: BlockerRule, socket: Socket, count: number): string {
  const many = count > 1;
  const peer =
    socket.remote === undefined ? "" : ` ${many ? "such as the one with" : "with"} ${formatEndpoint(socket.remote)}`;
  switch (rule) {
    case "listener":
      return many
        ? `${count} listeners on ${formatEndpoint(socket.local)}`
        : `listens on ${formatEndpoint(socket.local)}`;
    case "time-wait":
      return many
        ? `${count} connections that this side closed first are in TIME-WAIT`
        : `a connection${peer} that this side closed first is in TIME-WAIT`;
    case "fin-wait-2":
      if (socket.inode !== undefined) {
        return `${many ? `${count} connections` : "a connection"}${peer} ${many ? "were" : "was"} half closed here (FIN-WAIT-2) and ${many ? "are" : "is"} still held by the program`;
      }
      return many
        ? `${count} closed connections wait for the other side's FIN (FIN-WAIT-2); no program holds them`
        : `a closed connection${peer} waits for the other side's FIN (FIN-WAIT-2); no program holds it`;
    case "orphan":
      return `${many ? `${count} closed connections` : "a closed connection"}${peer} still ${many ? "deliver" : "delivers"} what was sent (${socket.state}); no program holds ${many ? "them" : "it"}`;
    case "close-wait":
      return `${many ? `${count} connections` : "a connection"}${peer} ${many ? "were" : "was"} closed by the other side, and the program has not closed ${many ? "them" : "it"} (CLOSE-WAIT)`;
    case "bound":
      if (socket.protocol === "udp")
        return `${many ? `${count} UDP sockets are` : "a UDP socket is"} bound to ${formatEndpoint(socket.local)}`;
      return `${many ? `${count} sockets are` : "a socket is"} bound to ${formatEndpoint(socket.local)} and ${many ? "neither listen nor are" : "neither listens nor is"} connected`;
    case "client":
      return many
        ? `${count} outgoing connections, such as the one to ${remoteText(socket)}, ${TAKEN_AS_OWN}`
        : `an outgoing connection to ${remoteText(socket)} ${TAKEN_AS_OWN}`;
    case "connection":
      return `${many ? `${count} connections` : "a connection"}${peer} ${many ? "use" : "uses"} this port (${socket.state})`;
    case "unaccepted":
      return `${many ? `${count} connections wait` : "a connection waits"} to be accepted by the listener`;
    default:
      return rule;
  }
}

function remoteText(socket: Socket): string {
  return socket.remote === undefined ? "?" : formatEndpoint(socket.remote);
}

/** "node (pid 812)", "node (pid 812), worker (pid 813)" or "4 processes, such as nginx (pid 90)". */
export function ownersText(owners: readonly Owner[]): string {
  const byPid = [...new Map(owners.map((owner) => [owner.pid, owner])).values()];
  const name = (owner: Owner): string => `${owner.command} (pid ${owner.pid}${owner.state === "T" ? ", stopped" : ""})`;
  if (byPid.length > 3) return `${byPid.length} processes, such as ${name(byPid[0]!)}`;
  return byPid.map(name).join(", ");
}

const OWNERLESS_TEXT: Record<NonNullable<Socket["ownerless"]>, readonly [one: string, many: string]> = {
  kernel: ["no process holds it, only the kernel", "no process holds them, only the kernel"],
  unaccepted: ["in the listener's queue, not accepted yet", "in the listener's queue, not accepted yet"],
  "no-permission": ["its process may not be seen by this user", "their processes may not be seen by this user"],
  "other-namespace": [
    "its process is in another network namespace",
    "their processes are in another network namespace",
  ],
  "in-flight": [
    "its descriptor is on its way in a Unix socket or registered with io_uring",
    "their descriptors are on their way in a Unix socket or registered with io_uring",
  ],
  unknown: ["its process was not found", "their processes were not found"],
};

/** `count`: of so many sockets. */
export function ownerlessText(reason: NonNullable<Socket["ownerless"]>, count: number): string {
  return OWNERLESS_TEXT[reason][count > 1 ? 1 : 0];
}
