/** `why` for a person: one line of verdict, then what stands in the way, who is spared, what to do. */
import type { Attempt } from "../tcp/bind-snapshot.ts";
import type { Blocker, Why } from "../verdict/why.ts";
import { adviceText } from "./advice-text.ts";
import { durationText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { hang } from "./text-layout.ts";

export interface WhyView {
  readonly style: Style;
  readonly width: number;
  readonly verbose: boolean;
  /** As whom it was asked, where that is not the user who asks. */
  readonly user?: string;
}

const FREE = "with and without SO_REUSEADDR";

export function renderWhy(why: Why, view: WhyView): string {
  const { style } = view;
  const blocks: string[] = [headline(why, view)];
  const held = why.bindable ? heldWithout(why) : why.blockers;
  const ruleWidth = Math.max(0, ...held.map(({ rule }) => rule.length));
  if (held.length > 0) blocks.push(held.map((blocker) => renderBlocker(blocker, ruleWidth, view)).join("\n"));
  if (why.elsewhere.length > 0)
    blocks.push(
      section(
        "elsewhere",
        why.elsewhere.map(({ text }) => text),
        view,
      ),
    );
  if (why.rivals !== undefined)
    blocks.push(
      section(
        "shares the port",
        why.rivals.map(({ text }) => text),
        view,
      ),
    );
  if (why.spared.length > 0 && (!why.bindable || view.verbose))
    blocks.push(
      section(
        "spared",
        why.spared.map(({ text }) => text),
        view,
      ),
    );
  if (why.advice.length > 0)
    blocks.push(`${style.bold("what to do")}\n${why.advice.map((advice) => adviceText(advice, view)).join("\n")}`);
  return `${blocks.join("\n\n")}\n`;
}

function headline(why: Why, { style, width, user }: WhyView): string {
  const as = user === undefined ? "" : ` as ${/^\d+$/.test(user) ? "uid " : ""}${escapeText(user)}`;
  const { port, protocol } = why.endpoint;
  const name = `${protocol === "udp" ? "UDP port" : "port"} ${port}`;
  const where = whereText(why);
  const [asked] = why.attempts;
  const byRules = asked?.by === "rules" ? " (by the rules; no bind was tried)" : "";
  if (why.bindable) {
    const who = whoText(why, byRules);
    if (who !== undefined)
      return hang("", `${style.good(`${name} can be bound`)}${as} on ${where} ${who} gets EADDRINUSE:`, width);
    const all = why.attempts.every(({ result }) => result === "ok");
    const how = all ? `${asked?.reusePort === true ? "with SO_REUSEPORT, " : ""}${FREE}` : optionsText(asked);
    return hang("", `${style.good(`${name} is free`)}: ${where} can be bound${as}, ${how}${byRules}`, width);
  }
  const result = asked?.result ?? "unknown";
  if (result === "unknown")
    return hang(
      "",
      `${style.warn(`${name} may be taken`)}: it hangs on an option that cannot be seen from here${byRules}`,
      width,
    );
  const both = asked?.reusePort !== true && why.attempts.every((attempt) => attempt.result === result);
  const how = both ? `, ${FREE}` : ` ${optionsText(asked)}`;
  return hang("", `${style.bad(`${name} cannot be bound`)}${as} on ${where}: ${result}${how}${byRules}`, width);
}

/** Each once: those in the way of a program that lacks the one option, and of one that lacks the other. */
function heldWithout({ withoutReuseAddr = [], withoutReusePort = [] }: Why): readonly Blocker[] {
  return [...new Map([...withoutReusePort, ...withoutReuseAddr].map((blocker) => [blocker.text, blocker])).values()];
}

/** Which options it takes, and what becomes of a program that lacks one; undefined where it takes none. */
function whoText({ withoutReuseAddr, withoutReusePort }: Why, byRules: string): string | undefined {
  // To a TIME-WAIT the user does not matter.
  const sameUser =
    withoutReusePort?.every(({ rule }) => rule === "time-wait") === false
      ? " and runs as the user of those that have it"
      : "";
  if (withoutReusePort !== undefined)
    return withoutReuseAddr === undefined
      ? `by a program that sets SO_REUSEPORT${sameUser}${byRules}. One that does not set it`
      : `by a program that sets SO_REUSEADDR and SO_REUSEPORT${sameUser}${byRules}. One that lacks either`;
  return withoutReuseAddr === undefined
    ? undefined
    : `by a program that sets SO_REUSEADDR, as Node, nginx and most servers do${byRules}. One that does not set it`;
}

function optionsText(asked: Attempt | undefined): string {
  return asked === undefined || asked.reuseAddr || asked.reusePort
    ? `with ${optionsOf(asked)}`
    : "without SO_REUSEADDR";
}

function optionsOf(asked: Attempt | undefined): string {
  if (asked?.reusePort !== true) return "SO_REUSEADDR";
  return asked.reuseAddr ? "SO_REUSEADDR and SO_REUSEPORT" : "SO_REUSEPORT";
}

function whereText(why: Why): string {
  const { address, v6only, interface: device } = why.endpoint;
  const on = device === undefined ? "" : ` of device ${escapeText(device)}`;
  if (address === "::" && !v6only) return `[::] (dual-stack, every address)${on}`;
  if (address === "::") return `[::] (every IPv6 address)${on}`;
  if (address === "0.0.0.0") return `0.0.0.0 (every IPv4 address)${on}`;
  return `${escapeText(address)}${on}`;
}

function renderBlocker(blocker: Blocker, ruleWidth: number, { style, width }: WhyView): string {
  const pad = " ".repeat(ruleWidth - blocker.rule.length);
  const lines = [hang(`  ${style.accent(blocker.rule)}${pad}  `, escapeText(blocker.text), width)];
  const indent = " ".repeat(ruleWidth + 4);
  if (blocker.freeInMs !== undefined) lines.push(`${indent}${style.bold(`free in ${durationText(blocker.freeInMs)}`)}`);
  for (const owner of uniqueOwners(blocker).slice(0, 3))
    lines.push(style.dim(hang(indent, ownerDetail(owner, style), width)));
  return lines.join("\n");
}

type BlockerOwner = NonNullable<NonNullable<Blocker["socket"]>["owners"]>[number];

function uniqueOwners(blocker: Blocker): BlockerOwner[] {
  return [...new Map((blocker.socket?.owners ?? []).map((owner) => [owner.pid, owner])).values()];
}

const MOST_ARGS = 160;

/** The command line last: nobody can tell where it ends. */
function ownerDetail(owner: BlockerOwner, { ellipsis }: Style): string {
  const command = escapeText((owner.args ?? [owner.command]).join(" "));
  const facts = [
    `pid ${owner.pid}`,
    owner.user === undefined ? undefined : `user ${escapeText(owner.user)}`,
    owner.unit === undefined ? undefined : `unit ${escapeText(owner.unit)}`,
    owner.container === undefined
      ? undefined
      : `${owner.container.runtime} ${escapeText(owner.container.name ?? owner.container.id.slice(0, 12))}`,
    owner.startedAt === undefined ? undefined : `since ${owner.startedAt.slice(0, 19).replace("T", " ")} UTC`,
  ].filter((fact) => fact !== undefined);
  return `${facts.join(", ")}: ${command.length > MOST_ARGS ? `${command.slice(0, MOST_ARGS)}${ellipsis}` : command}`;
}

function section(title: string, texts: readonly string[], { style, width }: WhyView): string {
  const shown = texts.slice(0, 8);
  const rest = texts.length - shown.length;
  const lines = shown.map((text) => hang(style.bullet, escapeText(text), width));
  return `${style.bold(title)}\n${lines.join("\n")}${rest > 0 ? `\n${style.bullet}and ${rest} more` : ""}`;
}
