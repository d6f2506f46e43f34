/** The command that ends a listener's program, and nobody else's. Pure. */
import { needsRootToSignal } from "../../tcp/asker.ts";
import type { Asker } from "../../tcp/asker.ts";
import { bindWords } from "../../tcp/bind-command.ts";
import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import type { Owner } from "../../tcp/socket.ts";
import { typedCommand } from "../../tcp/typed-command.ts";
import { addressesOverlap } from "../address-overlap.ts";
import { holderAddress } from "../bind-rules.ts";
import { managerCommand } from "../manager-command.ts";

/**
 * `free` ends whoever is in the way of the listener's own address; where that is somebody else as well, a signal to `owners` alone. Undefined
 * where nobody is known.
 */
export function endListenersCommand(
  snapshot: HealthSnapshot,
  listeners: readonly ListenerFacts[],
  owners: readonly Owner[],
  options: readonly string[] = [],
): string | undefined {
  const { asker } = snapshot;
  const [first] = owners;
  if (first === undefined) return undefined;
  const managed = managerCommand(first, asker, "stop");
  if (managed !== undefined) return managed.command;
  const words = freeWords(snapshot, listeners, owners);
  if (words === undefined) return endBySignal(asker, owners);
  return typedCommand(["free", ...words, ...options], { netns: asker.netns, asRoot: needsRootToSignal(asker, owners) });
}

/** Of these alone, by their manager or a signal. */
export function endCommand(asker: Asker, programs: readonly { readonly owner: Owner }[]): string {
  const owners = programs.map(({ owner }) => owner);
  const managed = owners[0] === undefined ? undefined : managerCommand(owners[0], asker, "stop");
  return managed?.command ?? endBySignal(asker, owners);
}

/** A stopped program handles no signal but SIGKILL before it goes on. */
export function endBySignal(asker: Asker, owners: readonly Owner[]): string {
  const stopped = owners.filter(({ state }) => state === "T");
  const end = `${killOf(asker, owners)} ${pidsOf(owners)}`;
  return stopped.length === 0 ? end : `${end}; ${continueCommand(asker, stopped)}`;
}

export function continueCommand(asker: Asker, owners: readonly Owner[]): string {
  return `${killOf(asker, owners)} -CONT ${pidsOf(owners)}`;
}

function killOf(asker: Asker, owners: readonly Owner[]): string {
  return needsRootToSignal(asker, owners) ? "sudo kill" : "kill";
}

function pidsOf(owners: readonly Owner[]): string {
  return [...new Set(owners.map(({ pid }) => pid))].join(" ");
}

/** The endpoints, and the options that all of them share; undefined where `free` would not do. */
function freeWords(
  snapshot: HealthSnapshot,
  listeners: readonly ListenerFacts[],
  owners: readonly Owner[],
): string[] | undefined {
  const pids = new Set(owners.map(({ pid }) => pid));
  const all = [...snapshot.listeners, ...(snapshot.udpSharers ?? [])];
  const isAlone = (mine: ListenerFacts): boolean =>
    all.every((other) => !areRivals(mine, other) || isOnlyOf(other, pids));
  if (!listeners.every(isAlone)) return undefined;
  const words = listeners.map(({ socket: { protocol, local, v6only } }) =>
    bindWords({
      protocol,
      address: local.address,
      port: local.port,
      v6only: v6only === true && local.address === "::",
      ...(local.interface === undefined ? {} : { device: local.interface }),
    }),
  );
  const [options] = words.map(([, ...rest]) => rest);
  const [first, ...others] = words.map(([, ...rest]) => rest.join(" "));
  if (options === undefined || others.some((other) => other !== first)) return undefined;
  return [...new Set(words.map(([endpoint]) => endpoint!)), ...options];
}

function isOnlyOf({ socket: { owners = [] } }: ListenerFacts, pids: ReadonlySet<number>): boolean {
  return owners.length > 0 && owners.every(({ pid }) => pids.has(pid));
}

/** Would a bind to the one's address meet the other? */
function areRivals({ socket: one }: ListenerFacts, { socket: other }: ListenerFacts): boolean {
  if (one.local.port !== other.local.port || one.protocol !== other.protocol) return false;
  return addressesOverlap(holderAddress({ socket: one }), holderAddress({ socket: other })) !== false;
}
