/** Pieces of a socket for a person: endpoints, queues, timers, owners. */
import type { Endpoint, LocalEndpoint, Owner, Ownerless, Socket } from "../tcp/socket.ts";
import { durationText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";

/** "127.0.0.1:80", "[::1]:80"; a wildcard as "*:80" (dual-stack), "0.0.0.0:80" or "[::]:80" (V6ONLY); the bound device after "%". */
export function endpointText(endpoint: Endpoint | LocalEndpoint, v6only?: boolean): string {
  const device =
    "interface" in endpoint && endpoint.interface !== undefined ? `%${escapeText(endpoint.interface)}` : "";
  if (endpoint.address === "::" && v6only === false) return `*${device}:${endpoint.port}`;
  const address = endpoint.address.includes(":") ? `[${endpoint.address}]` : endpoint.address;
  return `${address}${device}:${endpoint.port}`;
}

export function queuesText(socket: Socket): string {
  const queues = socket.queues;
  if (queues === undefined) return "";
  if ("accepting" in queues)
    return queues.backlog === undefined ? `${queues.accepting}` : `${queues.accepting}/${queues.backlog}`;
  return queues.receiveBytes === 0 && queues.sendBytes === 0 ? "" : `${queues.receiveBytes}<${queues.sendBytes}`;
}

export function timerText(socket: Socket): string {
  const timer = socket.timer;
  if (timer === undefined) return "";
  const left = durationText(timer.remainingMs);
  const kind = timer.kind === "time-wait" ? "" : `${timer.kind} `;
  return `${kind}${left}${timer.retransmits > 0 ? ` (${timer.retransmits}x)` : ""}`;
}

const OWNERLESS: Record<Ownerless, string> = {
  kernel: "-",
  unaccepted: "(unaccepted)",
  "no-permission": "(not visible)",
  "other-namespace": "(other namespace)",
  "in-flight": "(in flight)",
  unknown: "(not found)",
};

export function ownersText(socket: Socket): string {
  const owners = socket.owners ?? [];
  if (owners.length > 0)
    return [...new Map(owners.map((owner) => [owner.pid, owner])).values()].map(ownerText).join(" ");
  return socket.ownerless === undefined ? "" : OWNERLESS[socket.ownerless];
}

function ownerText(owner: Owner): string {
  const container = owner.container === undefined ? "" : `@${owner.container.name ?? owner.container.id.slice(0, 12)}`;
  return escapeText(`${owner.command}[${owner.pid}]${container}${owner.state === "T" ? " (stopped)" : ""}`);
}
