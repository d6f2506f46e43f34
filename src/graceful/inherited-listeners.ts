/**
 * Listeners that somebody opened for us before we were started: LISTEN_FDS, as systemd hands them over (sd_listen_fds(3)), and
 * `portmortem run`. Each is given out once.
 */
export interface InheritedListener {
  readonly fd: number;
  readonly name: string;
  /** Where it listens, from the tables of /proc/net; undefined where they do not show it. */
  readonly at: { readonly port: number; readonly isV6: boolean } | undefined;
  taken: boolean;
}

/** What somebody who wants to listen says of the listener that would be right. */
export interface InheritedWish {
  readonly port?: number;
  readonly host?: string;
  readonly path?: string;
  readonly inherited?: string | number | false;
}

/** SD_LISTEN_FDS_START */
const FIRST_FD = 3;

let known: Promise<InheritedListener[]> | undefined;

/**
 * The listener for this wish: by `inherited`, a name or a place in the order; else the one of the port that is asked for; else, if none is
 * asked for or nobody can tell where they listen, the next one. Undefined: there is none, and the port is bound as ever.
 *
 * The workers of a cluster (`isWorker`) have the primary open the listener, so it is the primary's descriptors that count for them.
 */
export async function takeInherited(wish: InheritedWish, isWorker: boolean): Promise<InheritedListener | undefined> {
  const { port, host = "::", inherited } = wish;
  const pid = isWorker ? process.ppid : process.pid;
  if (inherited === false || (!known && Number(process.env["LISTEN_PID"]) !== pid)) return undefined;
  const all = await (known ??= listenersOf(pid));
  const left = all.filter(({ taken }) => !taken);
  const ofPort = left.filter(({ at }) => at?.port === port);
  const found =
    typeof inherited === "number"
      ? left.find((one) => one === all[inherited])
      : typeof inherited === "string"
        ? left.find(({ name }) => name === inherited)
        : port || wish.path
          ? (ofPort.find(({ at }) => at?.isV6 === host.includes(":")) ?? ofPort[0] ?? left.find(({ at }) => !at))
          : left[0];
  if (found) found.taken = true;
  return found;
}

/** Children are not meant by the variables; the workers of a cluster may be, as long as a listener is left. */
export async function forgetInherited(): Promise<void> {
  if ((await known)?.every(({ taken }) => taken))
    for (const name of ["FDS", "PID", "FDNAMES", "PIDFDID"]) delete process.env[`LISTEN_${name}`];
}

async function listenersOf(pid: number): Promise<InheritedListener[]> {
  const { readFile, readlink } = await import("node:fs/promises");
  const { LISTEN_FDS, LISTEN_FDNAMES = "" } = process.env;
  const places = new Map<string, InheritedListener["at"]>();
  for (const table of ["tcp", "tcp6"]) {
    const text = await readFile(`/proc/net/${table}`, "latin1").catch(() => "");
    // local address and port, peer, state LISTEN (include/net/tcp_states.h), queues, timer, retransmits, uid, timeout, inode: proc(5)
    for (const [, port = "", inode = ""] of text.matchAll(/:(\w+) \S+ 0A (?:\S+ +){5}(\d+)/g))
      places.set(`socket:[${inode}]`, { port: Number.parseInt(port, 16), isV6: table > "tcp" });
  }
  const names = LISTEN_FDNAMES.split(":");
  return Promise.all(
    Array.from({ length: Number(LISTEN_FDS) || 0 }, async (_, at) => ({
      fd: FIRST_FD + at,
      name: names[at] ?? "",
      at: places.get(await readlink(`/proc/${pid}/fd/${FIRST_FD + at}`).catch(() => "")),
      taken: false,
    })),
  );
}
