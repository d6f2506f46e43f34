/** The end of a server without a lost response, and without the TIME-WAITs on its side where the clients follow. */
import type { Server } from "node:net";
import { Drain } from "./drain-run.ts";
import { type DrainOptions, type DrainReport, patienceOf } from "./drain-options.ts";
import { serverList } from "./server-list.ts";

const running = new WeakMap<Server, Drain>();

/**
 * Stops listening, lets answers in flight end (HTTP/1.1 ones with `Connection: close`, HTTP/2 after a GOAWAY), gives idle connections `idleMs`,
 * waits `lingerMs` after the last byte for the peer to close first, closes orderly where it must go first, and aborts what is left at `graceMs`.
 * Settles then at the latest; it never rejects once it has begun.
 *
 * Asked again for the same servers, it answers with the drain that is running, under the shorter of both `graceMs`; a `signal` that is aborted makes
 * that one hasty too. A server that does not listen (any more) is drained of its connections.
 *
 * @throws PortmortemError PM_USAGE for what is no server of node:net, tls, http, https or http2, or no number of milliseconds.
 */
export async function drain(servers: Server | readonly Server[], options: DrainOptions = {}): Promise<DrainReport> {
  const list = serverList("drain()", servers);
  const patience = patienceOf(options);
  const fresh = list.filter((server) => !running.has(server));
  const before = [...new Set(list.flatMap((server) => running.get(server) ?? []))];
  for (const drain of before) drain.shorten(patience, options.signal);
  const own = fresh.length === 0 && before.length > 0 ? undefined : new Drain(fresh, patience, options);
  if (own !== undefined) for (const server of fresh) running.set(server, own);
  const drains = [...before, ...(own === undefined ? [] : [own])];
  const reports = await Promise.all(drains.map(({ report }) => report));
  for (const server of list) running.delete(server);
  return reports.reduce(sum);
}

function sum(one: DrainReport, other: DrainReport): DrainReport {
  const { timeWaitLeft, hookErrors, ...rest } = other;
  const waits = one.timeWaitLeft === undefined ? undefined : timeWaitLeft;
  const errors = [...(one.hookErrors ?? []), ...(hookErrors ?? [])];
  return {
    connections: one.connections + rest.connections,
    closedByPeer: one.closedByPeer + rest.closedByPeer,
    closedByUs: one.closedByUs + rest.closedByUs,
    aborted: one.aborted + rest.aborted,
    requestsFinished: one.requestsFinished + rest.requestsFinished,
    durationMs: Math.max(one.durationMs, rest.durationMs),
    ...(waits === undefined ? {} : { timeWaitLeft: waits + (one.timeWaitLeft ?? 0) }),
    ...(errors.length === 0 ? {} : { hookErrors: errors }),
  };
}
