/** Listeners in other network namespaces that explain a confusion. Pure. */
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import type { ElsewhereListener } from "../tcp/bind-snapshot.ts";
import type { Blocker } from "./why.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import { ownersText } from "./holder-rule.ts";

/** The name of the namespace for a person. */
export function namespaceText(listener: Pick<ElsewhereListener, "netns" | "names" | "pid" | "socket">): string {
  const container = listener.socket.owners?.find((owner) => owner.container !== undefined)?.container;
  if (container !== undefined) return `${container.runtime} container ${container.name ?? container.id.slice(0, 12)}`;
  if (listener.names.length > 0) return `network namespace ${listener.names[0]}`;
  return listener.pid === undefined
    ? `network namespace ${listener.netns}`
    : `the network namespace of pid ${listener.pid}`;
}

export function elsewhereText(listener: ElsewhereListener, blockers: readonly Blocker[]): string {
  const owners = listener.socket.owners ?? [];
  const who = owners.length > 0 ? `${ownersText(owners)} listens` : "a socket listens";
  const where = `${who} on ${formatEndpoint(listener.socket.local)} in ${namespaceText(listener)}`;
  const proxied = blockers.some((blocker) =>
    blocker.socket?.owners?.some((owner) => dockerProxyTarget(owner)?.port === listener.socket.local.port),
  );
  return proxied ? `${where}: docker-proxy here forwards to it` : `${where}, which does not stand in the way here`;
}
