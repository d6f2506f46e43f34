// The world that every host of the contract suite shows: described once, made of plain data for the fake, of real sockets for Linux.
import type { Host } from "../../src/host/host.ts";
import type { Container, Endpoint, Protocol, Socket } from "../../src/tcp/socket.ts";
import type { SocketState } from "../../src/tcp/states.ts";

export interface Shown {
  readonly local: Endpoint;
  readonly remote?: Endpoint;
}

export interface Held extends Shown {
  readonly fd: number;
  readonly inode: number;
}

/** Nothing else is in the scene's network namespace. */
export interface Scene {
  /** The process that holds the sockets, and its user. */
  readonly pid: number;
  readonly uid: number;
  readonly userName: string;
  readonly netns: number;
  /** On 127.0.0.1, with SO_REUSEADDR. */
  readonly listener: Held;
  /** On ::1. */
  readonly listener6: Held;
  /** On 127.0.0.1, bound to the device lo. */
  readonly onDevice: Held;
  /** Two ends of an open connection to `listener`. */
  readonly server: Held;
  readonly client: Held;
  /** A connection that `listener` has not accepted; `waiting` is its end there, which no descriptor has. */
  readonly knocking: Held;
  readonly waiting: Shown;
  /** A client's, on a port that nobody else has. */
  readonly timeWait: Shown;
  /** On 127.0.0.1, without SO_REUSEADDR; neither listens nor is connected. */
  readonly bound: Held;
  readonly udp: Held;
  readonly udpConnected: Held;
  /** Of a process that is gone. */
  readonly deadPid: number;
  /** Nobody has this port. */
  readonly freePort: number;
  /** A docker container that runs, with the restart policy "always"; it publishes tcp port 8088 of 127.0.0.1. */
  readonly container: Container;
}

/** What a host may be without, if it says so: each case that needs it checks then what the host says instead. */
export type Ability =
  | "cookies"
  | "bound-only sockets"
  | "devices"
  | "details"
  | "kernel filters"
  | "real binds"
  | "options of held sockets";

export type Lacks = Partial<Record<Ability, string>>;

export interface ContractCase {
  /** `<thing> <does what> [when …]` */
  readonly title: string;
  readonly needs?: Ability;
  readonly run: (host: Host, scene: Scene) => void | Promise<void>;
  /** What must be true of a host that is without what the case needs. */
  readonly without?: (host: Host, scene: Scene) => void | Promise<void>;
}

/** The scene's sockets as lines of text: protocol, state, both ends, inode. */
export function linesOfScene(scene: Scene, protocol: Protocol): { state: SocketState; ipv6: boolean; line: string }[] {
  const line = (state: SocketState, { local, remote, inode }: Shown & { inode?: number }) => ({
    state,
    ipv6: local.address.includes(":"),
    line: lineOf(protocol, state, local, remote, inode),
  });
  if (protocol === "udp") return [line("BOUND", scene.udp), line("ESTABLISHED", scene.udpConnected)];
  return [
    line("LISTEN", scene.listener),
    line("LISTEN", scene.listener6),
    line("LISTEN", scene.onDevice),
    line("ESTABLISHED", scene.server),
    line("ESTABLISHED", scene.client),
    line("ESTABLISHED", scene.knocking),
    line("ESTABLISHED", scene.waiting),
    line("TIME-WAIT", scene.timeWait),
    line("BOUND", scene.bound),
  ];
}

export function lineOfSocket({ protocol, state, local, remote, inode }: Socket): string {
  return lineOf(protocol, state, local, remote, inode);
}

function lineOf(
  protocol: Protocol,
  state: SocketState,
  local: Endpoint,
  remote: Endpoint | undefined,
  inode: number | undefined,
): string {
  const far = remote === undefined ? "-" : `${remote.address}|${remote.port}`;
  return `${protocol} ${state} ${local.address}|${local.port} ${far} inode ${inode ?? "none"}`;
}
