/** How many local ports connect() could take for a connection to a peer, counted as `why --connect` does: before a drop, and after. */
import type { Host } from "../host/host.ts";
import { gatherConnectFacts } from "../inspect/connect-facts.ts";
import type { PeerPair } from "../inspect/peer-ports.ts";
import type { PeerPorts } from "../tcp/drop-result.ts";
import { classifyPorts } from "../verdict/connect-ports.ts";

/** `undefined` for a pair of which it cannot be told. */
export async function countLocalPorts(
  host: Host,
  pairs: readonly PeerPair[],
): Promise<readonly (PeerPorts | undefined)[]> {
  const counted: (PeerPorts | undefined)[] = [];
  for (const pair of pairs) counted.push(await countPorts(host, pair));
  return counted;
}

async function countPorts(host: Host, { localAddress, address, port }: PeerPair): Promise<PeerPorts | undefined> {
  const peer = { address, port };
  const snapshot = await gatherConnectFacts(host, {
    remote: peer,
    address: localAddress,
    reuseAddr: false,
    probe: false,
    withoutHolders: true,
  });
  const counts = classifyPorts(snapshot)?.counts;
  if (counts === undefined) return undefined;
  return { peer, localAddress, before: counts.usable, of: counts.total - counts.reserved };
}
