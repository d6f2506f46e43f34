/**
 * Suspects by what they are and who holds them. Whoever piles up sockets has a large table of descriptors, so the large ones are read first,
 * and the search ends when nothing is wanted any more.
 */
import type { Host, ProcessSummary } from "../host/host.ts";
import type { SocketGroup } from "../tcp/health-snapshot.ts";
import type { Incomplete, Owner, Ownerless } from "../tcp/socket.ts";
import { describeOwner } from "./describe-owners.ts";
import type { Progress } from "./progress.ts";
import type { Suspect } from "./socket-census.ts";
import { TopCounts } from "./top-counts.ts";

const MOST_PEERS = 5;
const HOUR_MS = 3_600_000;

export interface Groups {
  readonly groups: readonly SocketGroup[];
  readonly incomplete: readonly Incomplete[];
}

interface Holder {
  readonly pid: number;
  readonly fd: number;
}

export async function groupSuspects(host: Host, seen: readonly Suspect[], progress?: Progress): Promise<Groups> {
  const wanted = new Set(seen.flatMap(({ socket }) => socket.inode ?? []));
  const { holders, denied } = findHolders(host, wanted, progress);
  const suspects = withoutPassing(host, seen, holders);
  const byKey = new Map<string, { readonly members: Suspect[]; readonly holder: Holder | undefined }>();
  for (const suspect of suspects) {
    const { inode, state, uid } = suspect.socket;
    const holder = inode === undefined ? undefined : holders.get(inode);
    // Of holders that cannot be seen the user is known: a few of everybody's are no pile of anybody's.
    const held = suspect.kind === "orphan" ? "" : `uid ${uid ?? "?"}`;
    const key = `${suspect.kind} ${state} ${holder?.pid ?? held}`;
    const known = byKey.get(key);
    if (known === undefined) byKey.set(key, { members: [suspect], holder });
    else known.members.push(suspect);
  }
  const groups: SocketGroup[] = [];
  for (const { members, holder } of byKey.values()) {
    const owner = holder === undefined ? undefined : await describeOwner(host, holder.pid, holder.fd);
    groups.push(groupOf(members, owner, denied > 0 ? "no-permission" : "unknown"));
  }
  const unseen = suspects.filter(({ socket: { inode } }) => inode !== undefined && !holders.has(inode)).length;
  return {
    groups: groups.sort((a, b) => b.count - a.count),
    incomplete:
      unseen === 0 || denied === 0
        ? []
        : [
            {
              what: `the holders of ${unseen} connection${unseen > 1 ? "s" : ""} that ${unseen > 1 ? "are" : "is"} half closed or silent`,
              why: `the descriptors of ${denied} process${denied > 1 ? "es" : ""} may not be read`,
              hint: "run it with sudo (CAP_SYS_PTRACE shows them)",
            },
          ],
  };
}

/** So many are looked at again; more than that do not all pass. */
const MOST_LOOKED_AT_AGAIN = 256;

/**
 * A busy server closes connections all the time: one that nobody holds any more was closed while its holder was searched for. Those that are
 * gone, or have gone on to another state, are no suspects.
 */
function withoutPassing(
  host: Host,
  suspects: readonly Suspect[],
  holders: ReadonlyMap<number, Holder>,
): readonly Suspect[] {
  const isUnheld = ({ socket: { inode, cookie } }: Suspect): boolean =>
    inode !== undefined && cookie !== undefined && !holders.has(inode);
  if (suspects.filter(isUnheld).length > MOST_LOOKED_AT_AGAIN) return suspects;
  return suspects.filter((suspect) => {
    if (!isUnheld(suspect)) return true;
    const { protocol, family, local, remote, cookie = "", state } = suspect.socket;
    const id = { protocol, family, local, ...(remote === undefined ? {} : { remote }), cookie };
    return host.getSocket(id)?.state === state;
  });
}

function groupOf(members: readonly Suspect[], owner: Owner | undefined, reason: Ownerless): SocketGroup {
  const [first] = members as readonly [Suspect, ...Suspect[]];
  const { kind, socket } = first;
  const peers = new TopCounts<string>();
  let oldest: Suspect | undefined;
  let silentAnHour = 0;
  let retransmits = 0;
  let zeroWindow = 0;
  for (const suspect of members) {
    const { remote, timer } = suspect.socket;
    if (remote !== undefined) peers.add(remote.address);
    if ((suspect.silentMs ?? -1) > (oldest?.silentMs ?? -1)) oldest = suspect;
    if ((suspect.silentMs ?? 0) >= HOUR_MS) silentAnHour++;
    retransmits = Math.max(retransmits, timer?.retransmits ?? 0);
    if (timer?.kind === "zero-window-probe") zeroWindow++;
  }
  return {
    kind,
    state: socket.state,
    count: members.length,
    ...(owner === undefined ? {} : { owner }),
    ...(owner !== undefined ? {} : { ownerless: kind === "orphan" ? "kernel" : reason }),
    ...(oldest?.silentMs === undefined ? {} : { longestSilentMs: oldest.silentMs, silentAnHour }),
    ...(retransmits === 0 ? {} : { retransmits }),
    ...(zeroWindow === 0 ? {} : { zeroWindow }),
    peers: peers.top(MOST_PEERS).map(({ key, count }) => peerOf(members, key, count)),
    sample: (oldest ?? first).socket,
  };
}

/** With the port where all of them are connected to the same one. */
function peerOf(members: readonly Suspect[], address: string, count: number): SocketGroup["peers"][number] {
  const ports = new Set(members.flatMap(({ socket: { remote } }) => (remote?.address === address ? remote.port : [])));
  const [port] = ports;
  return ports.size === 1 && port !== undefined ? { address, port, count } : { address, count };
}

function findHolders(
  host: Host,
  wanted: ReadonlySet<number>,
  progress: Progress | undefined,
): { readonly holders: ReadonlyMap<number, Holder>; readonly denied: number } {
  const holders = new Map<number, Holder>();
  let denied = 0;
  if (wanted.size === 0) return { holders, denied };
  const netns = host.netns().inode;
  const isNear = (process: ProcessSummary): boolean => process.netns === undefined || process.netns === netns;
  const ordered = host
    .processes()
    .filter(({ fdCount }) => fdCount !== 0)
    .sort((a, b) => Number(isNear(b)) - Number(isNear(a)) || (b.fdCount ?? 0) - (a.fdCount ?? 0) || a.pid - b.pid);
  for (const [index, { pid }] of ordered.entries()) {
    if (holders.size === wanted.size) break;
    progress?.(index, "processes");
    const answer = host.socketFds(pid);
    if ("errno" in answer) {
      if (answer.errno === "EACCES" || answer.errno === "EPERM") denied++;
      continue;
    }
    for (const { fd, inode } of answer.fds)
      if (wanted.has(inode) && !holders.has(inode)) holders.set(inode, { pid, fd });
  }
  return { holders, denied };
}
