/** The command that ends a group's connections with its most frequent peer. Pure. */
import { olderThan } from "../../base/kernel-release.ts";
import { needsRootToDestroy } from "../../tcp/asker.ts";
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { TIME_WAIT_SINCE } from "../../tcp/sock-destroy.ts";
import type { Endpoint } from "../../tcp/socket.ts";
import { STATES } from "../../tcp/states.ts";
import { hostWord } from "../../tcp/filter/host-word.ts";
import { typedCommand } from "../../tcp/typed-command.ts";
import type { Advice } from "../why.ts";

/** Of one peer and one program only: what names neither would meet healthy connections as well. Undefined where no peer is known. */
export function dropGroup(
  snapshot: HealthSnapshot,
  { state, peers, owner }: SocketGroup,
): { readonly address: string; readonly command: string } | undefined {
  const peer = peers[0];
  if (peer === undefined) return undefined;
  const word = STATES.find(({ name }) => name === state)?.ss ?? state.toLowerCase();
  const whose = owner === undefined ? "" : ` pid = ${owner.pid}`;
  const port = peer.port === undefined ? "" : ` dport = :${peer.port}`;
  const filter = `state ${word}${whose} dst ${hostWord(peer.address)}${port}`;
  return { address: peer.address, command: dropCommand(snapshot, filter) };
}

/** The local ports of a client at once, not after a minute; where this kernel can. */
export function clearTimeWait(snapshot: HealthSnapshot, { address, port }: Endpoint, localAddress?: string): Advice[] {
  if (olderThan(snapshot.system.kernelRelease, ...TIME_WAIT_SINCE)) return [];
  const from = localAddress === undefined ? "" : ` src ${hostWord(localAddress)}`;
  return [
    {
      text: "for the moment: clear them, and their local ports are back",
      command: dropCommand(snapshot, `state time-wait${from} dst ${hostWord(address)} dport = :${port}`),
      costs: "nothing",
    },
  ];
}

export function dropCommand({ asker }: Pick<HealthSnapshot, "asker">, filter: string): string {
  return typedCommand(["drop", filter], { netns: asker.netns, asRoot: needsRootToDestroy(asker) });
}
