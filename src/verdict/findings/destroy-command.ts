/** The command that ends a group's connections with its most frequent peer. Pure. */
import type { HealthSnapshot, SocketGroup } from "../../tcp/health-snapshot.ts";
import { STATES } from "../../tcp/states.ts";

/** Of one peer only: a command that names no peer would meet healthy connections as well. Undefined where no peer is known. */
export function destroyCommand(
  { rootPrefix }: HealthSnapshot,
  { state, peers }: SocketGroup,
): { readonly address: string; readonly command: string } | undefined {
  const peer = peers[0];
  if (peer === undefined) return undefined;
  const word = STATES.find(({ name }) => name === state)?.ss ?? state.toLowerCase();
  // Brackets are a pattern to a shell.
  const address = peer.address.includes(":") ? `'[${peer.address}]'` : peer.address;
  const port = peer.port === undefined ? "" : ` dport = :${peer.port}`;
  return { address: peer.address, command: `${rootPrefix}ss -K -t state ${word} dst ${address}${port}` };
}
