/** What findings about groups of sockets have in common: their evidence, how they grew, who their peers are. Pure. */
import { countText } from "../../base/duration.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { formatEndpoint } from "../../tcp/endpoint.ts";
import type { Evidence } from "./finding.ts";
import { watchedMs } from "./growth.ts";
import { holderEvidence } from "./holder-words.ts";

export function groupsOf(snapshot: HealthSnapshot, kind: SocketGroup["kind"]): readonly SocketGroup[] {
  return snapshot.now.groups.filter((group) => group.kind === kind);
}

/** How many more there are than at the earlier look; undefined with one look only. */
export function grownBy(snapshot: HealthSnapshot, group: SocketGroup): number | undefined {
  if (snapshot.before === undefined) return undefined;
  const same = snapshot.before.groups.find(
    ({ kind, state, owner, sample }) =>
      kind === group.kind &&
      state === group.state &&
      owner?.pid === group.owner?.pid &&
      (kind === "orphan" || owner !== undefined || sample.uid === group.sample.uid),
  );
  return group.count - (same?.count ?? 0);
}

export function groupEvidence(snapshot: HealthSnapshot, group: SocketGroup): { readonly [name: string]: Evidence } {
  const grown = grownBy(snapshot, group);
  const watched = watchedMs(snapshot);
  const { sample } = group;
  return {
    state: group.state,
    count: group.count,
    ...holderEvidence(group.owner),
    ...(group.longestSilentMs === undefined ? {} : { longestSilentMs: group.longestSilentMs }),
    ...(grown === undefined || watched === undefined ? {} : { grown, watchedMs: watched }),
    peers: group.peers.map(({ address, port, count }) => ({ address, ...(port === undefined ? {} : { port }), count })),
    sample: {
      local: formatEndpoint(sample.local),
      ...(sample.remote === undefined ? {} : { remote: formatEndpoint(sample.remote) }),
      ...(sample.cookie === undefined ? {} : { cookie: sample.cookie }),
    },
  };
}

/** " Most with 10.0.0.7 (1 200) and 10.0.0.9:5432 (4)." */
export function peersSentence({ peers, count }: SocketGroup): string {
  const named = peers
    .slice(0, 3)
    .map(
      ({ address, port, count: some }) =>
        `${port === undefined ? address : formatEndpoint({ address, port })} (${countText(some)})`,
    );
  if (named.length === 0) return "";
  const all = peers.slice(0, 3).reduce((sum, peer) => sum + peer.count, 0) >= count;
  return ` ${all ? "With" : "Most with"} ${named.join(", ")}.`;
}

/** " 12 more than 5 s ago." */
export function growthSentence(snapshot: HealthSnapshot, group: SocketGroup): string {
  const grown = grownBy(snapshot, group);
  const watched = watchedMs(snapshot);
  if (grown === undefined || watched === undefined || grown === 0) return "";
  return ` ${countText(Math.abs(grown))} ${grown > 0 ? "more" : "fewer"} than ${Math.round(watched / 1000)} s ago.`;
}
