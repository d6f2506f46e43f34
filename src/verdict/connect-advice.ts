/** What to do about local ports that run out, cheapest first, each with what it brings. No command is run here. Pure. */
import { countText } from "../base/duration.ts";
import { olderThan } from "../base/kernel-release.ts";
import { needsRootToDestroy } from "../tcp/asker.ts";
import type { ConnectSnapshot } from "../tcp/connect-snapshot.ts";
import { TIME_WAIT_SINCE } from "../tcp/sock-destroy.ts";
import { hostWord } from "../tcp/filter/host-word.ts";
import { typedCommand } from "../tcp/typed-command.ts";
import { isLoopbackAddress } from "./address-scope.ts";
import type { ConnectVerdict } from "./connect-ports.ts";
import { isUnclosed, sustained, waitMs } from "./connect-rate.ts";
import { whoHas } from "./connect-holders.ts";
import type { ConnectAdvice, PortCounts } from "./why-connect.ts";
import { widerPortRange } from "./wide-port-range.ts";

export function adviceForConnect(snapshot: ConnectSnapshot, verdict: ConnectVerdict): ConnectAdvice[] {
  const { source, inForce } = snapshot;
  if ("errno" in source || inForce === undefined || verdict.classes === undefined) return [];
  const advice = inForce.choice === "bind" ? forBound(snapshot, verdict) : forChosen(snapshot, verdict);
  return advice.sort((a, b) => Number(a.costs !== "nothing") - Number(b.costs !== "nothing"));
}

function forChosen(snapshot: ConnectSnapshot, verdict: ConnectVerdict): ConnectAdvice[] {
  const { classes, connectable } = verdict;
  const { counts, bindFirst } = classes!;
  const advice: ConnectAdvice[] = [];
  const short = counts.usable * 2 <= counts.total - counts.reserved - counts.held;
  if (short || connectable === false) advice.push(...closing(snapshot, counts));
  if (connectable === false) advice.push(...waiting(verdict), ...destroying(snapshot, verdict));
  if (snapshot.question.address !== undefined && bindFirst < counts.usable)
    advice.push({
      text: "set IP_BIND_ADDRESS_NO_PORT before bind() of the address: connect() then chooses the port, and shares it with connections to other peers",
      costs: "nothing",
    });
  if (!short && connectable !== false) return advice;
  advice.push(...keepingFewer(verdict, snapshot));
  if (counts.timeWait + counts.finWait2 + counts.reusable > 0)
    advice.push({
      text: `keep connections open and use them again (keep-alive, a pool)${
        isUnclosed(counts) ? "" : ", or let the peer close first: then no TIME-WAIT stays here"
      }`,
      costs: "nothing",
    });
  return [
    ...advice,
    ...reusing(snapshot, verdict),
    ...widening(snapshot, verdict),
    ...moreAddresses(snapshot, verdict),
  ];
}

function forBound(snapshot: ConnectSnapshot, verdict: ConnectVerdict): ConnectAdvice[] {
  const { attempts, classes, connectable } = verdict;
  const advice: ConnectAdvice[] = [];
  if (connectable === true) return advice;
  const { range } = snapshot.inForce!;
  const [asked, other] = attempts;
  if (asked !== undefined && !asked.reuseAddr && other?.bind === "ok" && other.connect === "ok")
    advice.push({
      text: "set SO_REUSEADDR before bind(): with it this bind works, and this connection too",
      costs: "nothing",
    });
  if (asked?.bind === "ok" && asked.connect !== "ok")
    advice.push({
      text: "leave SO_REUSEADDR out: bind() then says EADDRINUSE before connect() fails, and the program can go on to the next port",
      costs: "nothing",
    });
  advice.push(...closing(snapshot, classes!.counts), ...waiting(verdict), ...destroying(snapshot, verdict));
  if (classes!.counts.privileged > 0)
    advice.push({
      text: `ports below ${snapshot.settings.unprivilegedPortStart ?? 1024} take a right: CAP_NET_BIND_SERVICE`,
      costs: "nothing",
    });
  const range1 = range.first === range.last;
  if (classes!.timeWaits > 0)
    advice.push({ text: "let the peer close first: then no TIME-WAIT stays here", costs: "nothing" });
  advice.push({
    text: `${range1 ? "take another port" : "take other ports"}, or do not bind one: connect() then chooses`,
    costs: "nothing",
  });
  return advice;
}

/** The port of a connection in FIN-WAIT-2 is the peer's to give back. */
function closing({ peerHolders }: ConnectSnapshot, { finWait2 }: PortCounts): ConnectAdvice[] {
  if (finWait2 === 0) return [];
  const theirs = peerHolders.find(({ socket }) => socket.owners?.[0] !== undefined);
  const ends = finWait2 === 1 ? "the connection that was" : `the ${countText(finWait2)} connections that were`;
  const who = theirs === undefined ? "the peer" : `${whoHas(theirs.socket)} on port ${theirs.socket.local.port}`;
  return [
    {
      text: `mend ${who}: it has not closed its end of ${ends} closed here; a program has to close() when it reads the end`,
      costs: "nothing",
    },
  ];
}

function keepingFewer({ classes }: ConnectVerdict, { connectedHolders }: ConnectSnapshot): ConnectAdvice[] {
  const { connected, total, reserved, held } = classes!.counts;
  const most = connectedHolders.find(({ socket }) => socket.owners?.[0] !== undefined);
  if (most === undefined || connected * 2 < total - reserved - held) return [];
  return [
    {
      text: `let ${whoHas(most.socket)} keep fewer connections open: close those that are not needed, and set a limit to its pool`,
      costs: "nothing",
    },
  ];
}

function waiting({ classes }: ConnectVerdict): ConnectAdvice[] {
  const { nextInMs, lastInMs, counts } = classes!;
  if (nextInMs === undefined || lastInMs === undefined) return [];
  const last = lastInMs > nextInMs + 1000 ? `, and all in ${seconds(lastInMs)}` : "";
  const which = counts.total === 1 ? "this port" : "the next port";
  return [{ text: `wait ${seconds(nextInMs)}: ${which} comes back by itself${last}`, costs: "nothing" }];
}

function destroying(
  { question, settings, source, inForce }: ConnectSnapshot,
  { classes }: ConnectVerdict,
): ConnectAdvice[] {
  const { asker, kernelRelease } = settings;
  if (classes!.counts.timeWait === 0 || olderThan(kernelRelease, ...TIME_WAIT_SINCE)) return [];
  const from = "address" in source ? ` src ${hostWord(source.address)}` : "";
  const { remote } = question;
  const range = inForce?.range;
  const only = range !== undefined && range.first === range.last ? ` sport = :${range.first}` : "";
  return [
    {
      text: "clear these TIME-WAITs: nobody holds them, and nothing is lost unless their last packets are still on the way",
      command: typedCommand(
        ["drop", `state time-wait${from} dst ${hostWord(remote.address)} dport = :${remote.port}${only}`],
        {
          netns: asker.netns,
          asRoot: needsRootToDestroy(asker),
        },
      ),
      costs: "nothing",
    },
  ];
}

function reusing(snapshot: ConnectSnapshot, verdict: ConnectVerdict): ConnectAdvice[] {
  const { settings } = snapshot;
  const { reuse, classes } = verdict;
  // Nothing takes a FIN-WAIT-2 or an open connection again.
  if (reuse.helps !== false || classes!.counts.timeWait === 0 || isUnclosed(classes!.counts)) return [];
  const ways: string[] = [];
  if (settings.timestamps === false) ways.push("net.ipv4.tcp_timestamps=1");
  const mode = settings.timeWaitReuse;
  const loopback =
    isLoopbackAddress(snapshot.question.remote.address) ||
    ("address" in snapshot.source && isLoopbackAddress(snapshot.source.address));
  if (mode === 0 || (mode === 2 && !loopback)) ways.push("net.ipv4.tcp_tw_reuse=1");
  if (ways.length === 0) return [];
  const helped = { helps: true, afterMs: settings.timeWaitReuseDelayMs ?? 1000, text: "" };
  return [
    withRate(
      {
        text:
          settings.timestamps === false
            ? "use timestamps, so that connect() may take a TIME-WAIT again; it works for connections made from then on"
            : `let connect() take a TIME-WAIT again once it is ${seconds(helped.afterMs)} old; it needs a peer that uses timestamps, too`,
        command: `${settings.rootPrefix}sysctl -w ${ways.join(" ")}`,
        costs: "nothing",
      },
      sustained(snapshot, classes!.counts, waitMs(snapshot, helped)),
    ),
  ];
}

function widening(snapshot: ConnectSnapshot, verdict: ConnectVerdict): ConnectAdvice[] {
  const range = snapshot.settings.localPortRange;
  if (snapshot.question.ports !== undefined || range === undefined) return [];
  const wider = widerPortRange(range);
  if (wider === undefined) return [];
  return [
    withRate(
      {
        text: "widen the range; put the ports of servers that lie in it into net.ipv4.ip_local_reserved_ports first, or a connection can take them",
        command: `${snapshot.settings.rootPrefix}sysctl -w net.ipv4.ip_local_port_range="${wider.value}"`,
        costs: "nothing",
      },
      sustained(
        snapshot,
        verdict.classes!.counts,
        waitMs(snapshot, verdict.reuse, verdict.classes!.counts),
        1,
        wider.more,
      ),
    ),
  ];
}

function moreAddresses(snapshot: ConnectSnapshot, verdict: ConnectVerdict): ConnectAdvice[] {
  return [
    withRate(
      {
        text: "spread the connections over one more local address (with IP_BIND_ADDRESS_NO_PORT), or one more address or port of the peer: each brings as many ports again",
        costs: "nothing",
      },
      sustained(snapshot, verdict.classes!.counts, waitMs(snapshot, verdict.reuse, verdict.classes!.counts), 2),
    ),
  ];
}

function withRate(advice: ConnectAdvice, perSecond: number | undefined): ConnectAdvice {
  return perSecond === undefined ? advice : { ...advice, perSecond };
}

function seconds(ms: number): string {
  return ms < 1000 ? `${ms} ms` : `${Math.ceil(ms / 1000)} s`;
}
