/** `why --connect` for a person: one line of verdict, the ports by class, what TIME-WAIT does here, what to do. At most one screen. */
import type { PortCounts, WhyConnect } from "../verdict/why-connect.ts";
import { countText, durationText } from "../base/duration.ts";
import { escapeText } from "./escape.ts";
import { hang } from "./text-layout.ts";
import type { WhyView } from "./why-text.ts";

/** One screen: the others stand in the JSON. */
const MOST_ADVICE = 5;

export function renderWhyConnect(why: WhyConnect, view: WhyView): string {
  const blocks = [headline(why, view)];
  if (why.ports !== undefined && why.ports.total > 1) blocks.push(renderPorts(why, why.ports, view));
  blocks.push(renderFacts(why, view));
  const advice = view.verbose ? why.advice : why.advice.slice(0, MOST_ADVICE);
  if (advice.length > 0)
    blocks.push(`${view.style.bold("what to do")}\n${advice.map((one) => renderAdvice(one, view)).join("\n")}`);
  return `${blocks.filter((block) => block !== "").join("\n\n")}\n`;
}

function headline(why: WhyConnect, { style, width }: WhyView): string {
  const what = `connect() to ${peerText(why)}${fromText(why)}`;
  const { ports, errno, step } = why;
  if (why.connectable === undefined)
    return hang("", `${style.warn(`${what} may fail`)}: it hangs on what cannot be seen from here`, width);
  if (why.connectable) {
    if (ports === undefined || ports.total === 1) return hang("", style.good(`${what} can have this port`), width);
    const left = `${countText(ports.usable)} of ${countText(ports.total)} local ports are left`;
    return why.level === "low"
      ? hang("", `${style.warn(`${what} gets a port, but not for long`)}: ${left}`, width)
      : hang("", `${style.good(`${what} gets a port`)}: ${left}`, width);
  }
  const fails = style.bad(`${what} fails`);
  const call = step === "connect" ? "" : step === "bind" ? " from the bind() before it" : " from socket()";
  const none =
    ports === undefined || ports.total === 1 ? "" : `, none of ${countText(ports.total)} local ports is left`;
  return hang("", `${fails}: ${errno ?? "no port"}${call}${none}`, width);
}

function peerText({ remote: { address, port, name } }: WhyConnect): string {
  const end = escapeText(endpointText(address, port));
  return name === undefined ? end : `${escapeText(name)} (${end})`;
}

function fromText({ local: { address, range, choice } }: WhyConnect): string {
  if (choice === "bind" && range !== undefined && range.first === range.last)
    return ` from ${escapeText(address === undefined ? `port ${range.first}` : endpointText(address, range.first))}`;
  return address === undefined ? "" : ` from ${escapeText(address)}`;
}

function endpointText(address: string, port: number): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** Classes without a port are left out. */
function renderPorts(why: WhyConnect, ports: PortCounts, { style, width }: WhyView): string {
  const { first, last } = why.local.range ?? { first: 0, last: 0 };
  const { nextInMs, lastInMs } = why.timeWait;
  const back =
    nextInMs === undefined || lastInMs === undefined
      ? ""
      : `the next is back in ${durationText(nextInMs)}${lastInMs > nextInMs + 1000 ? `, all in ${durationText(lastInMs)}` : ""}`;
  const rows: [string, number, string][] = [
    ["free", ports.free, ""],
    ["shared", ports.shared, "others use them to other peers or from other addresses"],
    ["to take again", ports.reusable, "in TIME-WAIT to this peer, and old enough"],
    ["TIME-WAIT", ports.timeWait, back],
    ["FIN-WAIT-2", ports.finWait2, `${unclosedBy(why)}${ports.timeWait === 0 && back !== "" ? `; ${back}` : ""}`],
    ["connected", ports.connected, connectedBy(why)],
    ["held", ports.held, why.holders[0] === undefined ? heldBy(why) : mostBy(why)],
    ["reserved", ports.reserved, "net.ipv4.ip_local_reserved_ports"],
    ["privileged", ports.privileged, "no right to them"],
    ["undetermined", ports.undetermined, "it hangs on what cannot be seen"],
  ];
  const shown = rows.filter(([, count]) => count > 0);
  const digits = countText(ports.total).length;
  const names = Math.max(...shown.map(([name]) => name.length), 0);
  const lines = shown.map(([name, count, text]) =>
    rowText(`  ${style.accent(name.padEnd(names))}  ${countText(count).padStart(digits)}`, text, width),
  );
  return `${style.bold(`local ports ${first}-${last}`)}\n${lines.join("\n")}`;
}

function rowText(head: string, text: string, width: number): string {
  return text === "" ? head : hang(`${head}  `, escapeText(text), width);
}

function unclosedBy({ peerHolders: [most] }: WhyConnect): string {
  return most === undefined ? "closed here, and the peer does not close" : `closed here; ${most.text}`;
}

function connectedBy({ connectedHolders: [most] }: WhyConnect): string {
  return most === undefined ? "to this peer" : `to this peer; ${most.text}`;
}

function heldBy({ local }: WhyConnect): string {
  return local.choice === "bind" ? "a bind() meets another socket" : "bound explicitly: connect() keeps away from them";
}

function mostBy(why: WhyConnect): string {
  return `${heldBy(why)}; ${why.holders[0]!.text}`;
}

function renderFacts(why: WhyConnect, { style, width, verbose }: WhyView): string {
  const lines: string[] = [];
  const say = (text: string): number => lines.push(hang(style.bullet, escapeText(text), width));
  if (why.reason !== undefined) say(why.reason);
  const unclosed = why.ports?.finWait2 ?? 0;
  const others = why.remote.otherAddresses;
  if (others !== undefined) say(`not judged, also addresses of this name: ${others.join(", ")}`);
  for (const { reuseAddr, bind, connect } of why.attempts ?? [])
    say(
      `${reuseAddr ? "with" : "without"} SO_REUSEADDR: bind() ${bind}${
        connect === undefined
          ? ""
          : connect === "ok"
            ? ", and connect() may use the port"
            : `, connect() ${connect === "unknown" ? "cannot be told" : connect}`
      }`,
    );
  if (why.attempts?.[0]?.connect === "ok") say("whether anybody listens at the peer was not tried");
  if (why.bindFirst !== undefined && why.ports !== undefined && (why.bindFirst.usable < why.ports.usable || verbose))
    say(
      `without IP_BIND_ADDRESS_NO_PORT, bind() of the address chooses the port: it ${
        why.bindFirst.usable === 0 ? "gets EADDRINUSE" : `can get ${countText(why.bindFirst.usable)} ports`
      }`,
    );
  if (why.step === undefined || why.timeWait.count > 0)
    if (why.timeWait.count > 0 || (why.level !== "plenty" && unclosed === 0) || verbose) say(why.timeWait.text);
  if (why.perSecond !== undefined && why.perSecond > 0 && why.ports !== undefined && why.ports.total > 1)
    say(
      `good for ${rateText(why.perSecond)} to this peer, when this side closes first${
        isUnclosed(why) ? " and the peer does not close" : ""
      }`,
    );
  return lines.length === 0 ? "" : `${style.bold("as it is")}\n${lines.join("\n")}`;
}

/** As the rate is reckoned: of what was closed here, the peer has left the greater part open. */
function isUnclosed({ ports }: WhyConnect): boolean {
  return ports !== undefined && ports.finWait2 > ports.timeWait + ports.reusable;
}

function rateText(perSecond: number): string {
  if (perSecond >= 1) return `${countText(Math.floor(perSecond))} connections a second`;
  return `one connection in ${durationText(Math.round(1000 / perSecond))}`;
}

/** The rate has a line of its own, where it is not broken. */
function renderAdvice({ text, command, perSecond }: WhyConnect["advice"][number], { style, width }: WhyView): string {
  const lines = [hang(style.bullet, escapeText(text), width)];
  if (command !== undefined) lines.push(`      ${style.accent(`$ ${escapeText(command)}`)}`);
  if (perSecond !== undefined && perSecond > 0) lines.push(`      then good for ${rateText(perSecond)}`);
  return lines.join("\n");
}
