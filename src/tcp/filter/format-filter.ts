/** Tree to text: `parseFilter(formatFilter(filter))` is the same tree. Only names that ss knows are used where ss has one. */
import { STATES, type StateMask } from "../states.ts";
import type { Filter, Term } from "./filter.ts";
import { quoteWord } from "./tokens.ts";

export function formatFilter(filter: Filter): string {
  switch (filter.kind) {
    case "and":
      return filter.of.map((part) => within(part)).join(" and ");
    case "or":
      return filter.of.map((part) => (part.kind === "and" ? formatFilter(part) : within(part))).join(" or ");
    case "not":
      return `not ${within(filter.of)}`;
    default:
      return formatTerm(filter);
  }
}

function within(part: Filter): string {
  return part.kind === "and" || part.kind === "or" ? `( ${formatFilter(part)} )` : formatFilter(part);
}

function formatTerm(term: Term): string {
  switch (term.kind) {
    case "all":
      return "src *";
    case "states":
      return formatStates(term.mask);
    case "host":
      return `${term.side === "local" ? "src" : "dst"} ${formatHost(term.address, term.prefixLength)}`;
    case "port":
      return `${term.side === "local" ? "sport" : "dport"} ${formatPorts(term.from, term.to)}`;
    case "family":
      return term.family === "ipv4" ? "src inet:*" : "src inet6:*";
    case "device":
      return `dev = ${quoteWord(term.device)}`;
    case "mark":
      return `fwmark = ${hex(term.value)}${term.mask === 0xffff_ffff ? "" : `/${hex(term.mask)}`}`;
    case "cgroup":
      return `cgroup = ${quoteWord(term.path)}`;
    case "autobound":
      return "autobound";
    case "pid":
      return `pid = ${term.pid}`;
    case "command":
      return `command = ${quoteWord(term.command)}`;
    case "user":
      return `user = ${quoteWord(term.user)}`;
    case "uid":
      return `uid = ${term.uid}`;
  }
}

/** In parentheses, because a run of `state` would swallow the next one. */
function formatStates(mask: StateMask): string {
  const words = STATES.filter((state) => (mask & (1 << state.kernel)) !== 0).map((state) => `state ${state.ss}`);
  if (words.length === 0) return "( exclude all )";
  return `( ${words.join(" ")} )`;
}

function formatHost(address: string, prefixLength: number): string {
  const ipv6 = address.includes(":");
  const prefix = prefixLength === (ipv6 ? 128 : 32) ? "" : `/${prefixLength}`;
  return ipv6 ? `[${address}${prefix}]` : `${address}${prefix}`;
}

function formatPorts(from: number, to: number): string {
  if (from > to) return "> :65535";
  if (from === to) return `= :${from}`;
  if (to === 65535) return `>= :${from}`;
  if (from === 0) return `<= :${to}`;
  return `= :${from}-${to}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
