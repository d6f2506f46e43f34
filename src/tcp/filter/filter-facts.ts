/** What can be said about every socket that a filter can match, without looking at one: what the kernel's cheap fields can narrow. */
import { ALL_STATES, type StateMask } from "../states.ts";
import type { Filter, Side, Term } from "./filter.ts";
import { normalForm, type NormalForm } from "./literals.ts";

export interface FixedPorts {
  readonly localPort?: number;
  readonly remotePort?: number;
}

/** No socket in another state can match (idiag_states). Without a word about states: all of them, bound-only ones included. */
export function statesOfFilter(filter: Filter): StateMask {
  return statesOf(normalForm(filter));
}

/**
 * The ports that every match must have, for the request's own port fields. 0 means "any" there, so it is never one of them; and the
 * kernel does not heed those fields for bound-only sockets.
 */
export function fixedPorts(filter: Filter): FixedPorts {
  const form = normalForm(filter);
  const localPort = fixedPort(form, "local");
  const remotePort = fixedPort(form, "remote");
  return { ...(localPort === undefined ? {} : { localPort }), ...(remotePort === undefined ? {} : { remotePort }) };
}

/** Every condition, in the order written: to check names (devices, users) and rights (`mark`) before asking the kernel. */
export function termsOf(filter: Filter): Term[] {
  switch (filter.kind) {
    case "and":
    case "or":
      return filter.of.flatMap(termsOf);
    case "not":
      return termsOf(filter.of);
    default:
      return [filter];
  }
}

export function hasTerm(filter: Filter, ...kinds: readonly Term["kind"][]): boolean {
  return termsOf(filter).some((term) => kinds.includes(term.kind));
}

/** Does the filter speak of states at all? If not, the caller's default states apply. */
export function hasStateTerm(filter: Filter): boolean {
  return hasTerm(filter, "states");
}

/** Must the processes be known to decide? */
export function needsOwners(filter: Filter): boolean {
  return hasTerm(filter, "pid", "command", "user");
}

/** Process ids that every match must have among its owners, so that only those need be read; undefined when any process may matter. */
export function fixedPids(filter: Filter): readonly number[] | undefined {
  return pidsOf(normalForm(filter));
}

export function statesOf(form: NormalForm): StateMask {
  if (form.kind === "literal") {
    if (form.term.kind === "all") return form.negated ? 0 : ALL_STATES;
    if (form.term.kind !== "states") return ALL_STATES;
    return (form.negated ? ~form.term.mask : form.term.mask) & ALL_STATES;
  }
  if (form.kind === "and") return form.of.reduce((mask, part) => mask & statesOf(part), ALL_STATES);
  return form.of.reduce((mask, part) => mask | statesOf(part), 0);
}

function fixedPort(form: NormalForm, side: Side): number | undefined {
  if (form.kind === "literal") {
    const { term, negated } = form;
    return !negated && term.kind === "port" && term.side === side && term.from === term.to && term.from > 0
      ? term.from
      : undefined;
  }
  const ports = form.of.map((part) => fixedPort(part, side));
  if (form.kind === "and") return ports.find((port) => port !== undefined);
  return ports.every((port) => port === ports[0]) ? ports[0] : undefined;
}

function pidsOf(form: NormalForm): readonly number[] | undefined {
  if (form.kind === "literal") return !form.negated && form.term.kind === "pid" ? [form.term.pid] : undefined;
  const parts = form.of.map(pidsOf);
  if (form.kind === "and") return parts.find((pids) => pids !== undefined);
  const known = parts.filter((pids) => pids !== undefined);
  return known.length === parts.length ? [...new Set(known.flat())] : undefined;
}
