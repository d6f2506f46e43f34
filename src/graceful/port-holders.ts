/** Who holds a port: the answer of portmortem's own `why`, if that can be had here. */

/** A socket, or a group of them, in the way of a bind: what a program can use of the blockers of `why` (docs/cli.md). */
export interface PortHolder {
  /** "listener", "time-wait", "close-wait", "bound" … */
  readonly rule: string;
  /** "node (pid 4711) listens on 127.0.0.1:8080" */
  readonly text: string;
  readonly count: number;
  /** When the last of them ends by itself. */
  readonly freeInMs?: number;
  readonly socket?: {
    readonly state: string;
    readonly local: { readonly address: string; readonly port: number };
    readonly owners?: readonly { readonly pid: number; readonly command: string }[];
  };
}

export interface PortHolders {
  /** Left out where it cannot be told who they are. */
  readonly blockers?: readonly PortHolder[];
  /** Why it cannot. */
  readonly blockersUnknown?: string;
}

/** What is asked about: a bind of this port. Without `host`: of every address. */
export interface PortBind {
  readonly port?: number;
  readonly host?: string;
  readonly ipv6Only?: boolean;
  readonly reusePort?: boolean;
}

interface Portmortem {
  why(this: void, endpoint: object, options: object): Promise<{ readonly blockers: readonly PortHolder[] }>;
  listSockets(this: void, options: object): Promise<{ readonly sockets: readonly NonNullable<PortHolder["socket"]>[] }>;
}

/** Who looks longer has no answer. */
const LOOK_MS = 2000;
/** In a variable, so that nobody who bundles a program puts it into the bundle, with its native part. */
const MAIN: string = "portmortem";

/** Nothing is bound to find it out: somebody else may be waiting for the port too. */
export function holdersOf({ port, host, ipv6Only, reusePort }: PortBind): Promise<PortHolders> {
  const endpoint = { port, ...(host && { address: host }), ...(ipv6Only && { v6only: true }) };
  return ask(
    async ({ why }, signal) => (await why(endpoint, { reusePort: !!reusePort, probe: false, signal })).blockers,
  );
}

/** Listeners of one address, which get what comes to it in place of a listener of every address. */
export async function shadowsOf({ port, host, ipv6Only }: PortBind): Promise<PortHolders> {
  if (!port || (host && host !== "::" && host !== IPV4_ANY)) return {};
  return ask(async ({ listSockets }, signal) => {
    const { sockets } = await listSockets({ filter: `sport = :${port} and state listening`, signal });
    return sockets.flatMap((socket) => {
      const { address } = socket.local;
      const isBeside = address.includes(":") ? host === IPV4_ANY : ipv6Only;
      // For IPv4 a listener of 0.0.0.0 is nearer than a dual-stack one (compute_score() in net/ipv4/inet_hashtables.c).
      if (isBeside || address === "::" || address === host) return [];
      const { command = "", pid = "" } = socket.owners?.[0] ?? {};
      return [{ rule: "listener", count: 1, socket, text: `${command} (pid ${pid}) listens on ${address}` }];
    });
  });
}

const IPV4_ANY = "0.0.0.0";

async function ask(
  question: (portmortem: Portmortem, signal: AbortSignal) => Promise<readonly PortHolder[]>,
): Promise<PortHolders> {
  try {
    const loaded = (await import(/* webpackIgnore: true */ /* @vite-ignore */ MAIN)) as Portmortem;
    return { blockers: await question(loaded, AbortSignal.timeout(LOOK_MS)) };
  } catch (error) {
    return { blockersUnknown: String(error) };
  }
}
