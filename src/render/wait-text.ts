/** One line for whoever waits: what for, and how long still. */
import type { Blocker, Why } from "../verdict/why.ts";
import { durationText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { cutText } from "./text-layout.ts";

/** It is written over and over on one line, which must not wrap. */
const MOST_COLUMNS = 76;

export function renderWaiting(
  { endpoint, blockers }: Why,
  freeInMs: number | undefined,
  waitedMs: number,
  { ellipsis }: Style,
): string {
  const [first] = [...blockers].sort((a, b) => (b.freeInMs ?? Infinity) - (a.freeInMs ?? Infinity));
  const what = first === undefined ? "" : ` for ${whatText(first)}`;
  const left =
    freeInMs === undefined
      ? `, ${durationText(Math.max(1000, waitedMs))} so far`
      : freeInMs === 0
        ? ", any moment"
        : `, ${durationText(Math.ceil(freeInMs / 1000) * 1000)} left`;
  const room = MOST_COLUMNS - left.length;
  return `${cutText(`port ${endpoint.port}: waiting${what}`, room, "end", ellipsis)}${left}`;
}

function whatText({ rule, socket, count }: Blocker): string {
  const [owner] = socket?.owners ?? [];
  const many = count > 1 ? `${count} x ` : "";
  return `${many}${rule}${owner === undefined ? "" : ` of ${escapeText(owner.command)} (pid ${owner.pid})`}`;
}
