/** What is asked about a bind, and what was seen of the machine: inspect/ gathers it, verdict/ judges it. */
import type { Asker } from "./asker.ts";
import type { PortRange } from "./sysctl-values.ts";
import type { Incomplete, Owner, Protocol, Socket } from "./socket.ts";

/** The bind that a program will make. */
export interface BindQuestion {
  readonly protocol: Protocol;
  readonly address: string;
  readonly port: number;
  readonly v6only: boolean;
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  /** The program's user; left out: unknown. */
  readonly uid?: number;
  readonly device?: string;
}

/** One way to try the bind, and what came of it. `by`: a real bind, or the rules alone. */
export interface Attempt {
  readonly reuseAddr: boolean;
  readonly reusePort: boolean;
  /** "ok", an errno's name, or "unknown" where the rules need a fact that nobody may see. */
  readonly result: string;
  readonly by: "probe" | "rules";
  /** What listen() would answer right after, by the rules: nothing listens here. Left out for UDP, and where the bind fails. */
  readonly listen?: string;
}

/**
 * Where SO_REUSEADDR and SO_REUSEPORT of another's socket are known from: `held`, a duplicate of its descriptor was asked; `inherited`, a
 * connection has its listener's; `inferred`, two listeners share one address; `probe`, real binds with and without left no other choice.
 */
export type OptionsBy = "held" | "inherited" | "inferred" | "probe";

/** The bind that is asked for, and the same with the other SO_REUSEADDR: the difference tells what the holders have set. */
export function attemptOptions(question: BindQuestion): readonly Pick<Attempt, "reuseAddr" | "reusePort">[] {
  return [
    { reuseAddr: question.reuseAddr, reusePort: question.reusePort },
    { reuseAddr: !question.reuseAddr, reusePort: question.reusePort },
  ];
}

/** A socket that shares the port, with what is known of the options that no dump shows. */
export interface PortHolder {
  readonly socket: Socket;
  readonly reuseAddr?: boolean;
  readonly reusePort?: boolean;
  readonly optionsBy?: OptionsBy;
  /** IPV6_V6ONLY of a connection, which a dump does not tell. */
  readonly v6only?: boolean;
  /** The kernel chose the port; false: somebody asked for it in bind(), and has it until close(). */
  readonly autoBound?: boolean;
  /** The other end is a listening port of this machine: whoever has this socket went there. */
  readonly peerListens?: boolean;
}

/** A listener on the same port in another network namespace. */
export interface ElsewhereListener {
  readonly socket: Socket;
  readonly netns: number;
  readonly names: readonly string[];
  readonly pid?: number;
}

/** All that the judgement may use. The same snapshot gives the same answer on any machine. */
export interface BindSnapshot {
  readonly question: BindQuestion;
  /** Real binds that were made; empty where none could or should be made. */
  readonly probed: readonly Attempt[];
  /** Every socket whose local port is the port in question. */
  readonly holders: readonly PortHolder[];
  /** Sockets connected TO this port number from another local port. */
  readonly connectedTo: readonly SparedGroup[];
  readonly elsewhere: readonly ElsewhereListener[];
  readonly settings: BindSettings;
  readonly incomplete: readonly Incomplete[];
}

export interface BindSettings {
  readonly kernelRelease: string;
  /** net.ipv4.ip_unprivileged_port_start; left out when it could not be read. */
  readonly unprivilegedPortStart?: number;
  readonly nonlocalBind?: boolean;
  readonly localPortRange?: PortRange;
  readonly reservedPorts?: string;
  readonly localAddresses: readonly string[];
  /** Networks that are local as a whole, "127.0.0.0/8", and addresses for broadcast, which can be bound as well. */
  readonly localNetworks?: readonly string[];
  readonly broadcasts?: readonly string[];
  /** The addresses of the device that is asked for; left out where none is. */
  readonly deviceAddresses?: readonly string[];
  /** The devices that exist here. */
  readonly interfaces: readonly string[];
  /** The user in question may bind ports below the limit; left out when unknown. */
  readonly mayBindPrivileged?: boolean;
  /** This kernel can destroy sockets, whoever asks; left out when nobody needed to know or it could not be tried. */
  readonly kernelDestroys?: boolean;
  /** What to write before a command that needs root in this network namespace: "", "sudo ", "sudo ip netns exec web ". */
  readonly rootPrefix: string;
  readonly asker: Asker;
}

export interface SparedGroup {
  /** One of them. */
  readonly socket: Socket;
  readonly count: number;
  /** The programs of those that were traced, where not all of the group were. */
  readonly someOwners?: readonly Owner[];
}
