/** From a snapshot to the whole answer of `why --connect`. Pure: the same snapshot gives the same answer on any machine. */
import { countText } from "../base/duration.ts";
import { olderThan } from "../base/kernel-release.ts";
import type { ConnectSnapshot, PortFacts } from "../tcp/connect-snapshot.ts";
import type { Incomplete } from "../tcp/socket.ts";
import { adviceForConnect } from "./connect-advice.ts";
import { withHolderTexts, withShareTexts } from "./connect-holders.ts";
import { explainRefusal } from "./connect-refusal.ts";
import { bindPasses, classifyPorts, isForbidden } from "./connect-ports.ts";
import type { ConnectVerdict, Refusal } from "./connect-ports.ts";
import { sustained, waitMs } from "./connect-rate.ts";
import { isLoopbackAddress } from "./address-scope.ts";
import { judgeReuse } from "./time-wait-reuse.ts";
import type { TimeWaitReuse } from "./time-wait-reuse.ts";
import type { ConnectAttempt, PortCounts, WhyConnect } from "./why-connect.ts";

/** One tenth of the ports that can be had for this peer. */
const LOW = 10;

export function judgeConnect(snapshot: ConnectSnapshot): WhyConnect {
  const verdict = decide(snapshot);
  const { question, source, inForce, holders } = snapshot;
  const { connectable, refusal, classes, reuse, attempts } = verdict;
  const { address, port } = question.remote;
  const refused = "errno" in source ? explainRefusal(snapshot, source) : undefined;
  const level = connectable === undefined && refusal === undefined ? undefined : levelOf(classes?.counts, connectable);
  const perSecond = sustained(snapshot, classes?.counts, waitMs(snapshot, reuse, classes?.counts));
  const nextInMs = classes?.nextInMs;
  const lastInMs = classes?.lastInMs;
  return {
    remote: {
      address,
      port,
      ...(question.name === undefined ? {} : { name: question.name }),
      ...(question.otherAddresses === undefined ? {} : { otherAddresses: question.otherAddresses }),
    },
    local: {
      ...("address" in source
        ? { address: source.address }
        : question.address === undefined
          ? {}
          : { address: question.address }),
      ...(inForce === undefined ? {} : { range: inForce.range, choice: inForce.choice }),
    },
    ...(connectable === undefined ? {} : { connectable }),
    ...(refusal === undefined ? {} : refusal),
    ...(refused === undefined ? {} : { reason: refused.reason }),
    ...(level === undefined ? {} : { level }),
    ...(classes === undefined || "errno" in source ? {} : { ports: classes.counts }),
    timeWait: {
      count: classes?.timeWaits ?? 0,
      ...(nextInMs === undefined ? {} : { nextInMs }),
      ...(lastInMs === undefined ? {} : { lastInMs }),
      ...(reuse.helps === undefined ? {} : { reuse: reuse.helps }),
      ...(reuse.helps === true ? { afterMs: reuse.afterMs } : {}),
      text: reuse.text,
    },
    ...(classes !== undefined && inForce?.choice === "connect" && question.address !== undefined && "address" in source
      ? { bindFirst: { usable: classes.bindFirst } }
      : {}),
    ...(attempts.length === 0 ? {} : { attempts }),
    holders: withHolderTexts(holders),
    connectedHolders: withShareTexts(snapshot.connectedHolders, classes?.counts.connected ?? 0, "has"),
    peerHolders: withShareTexts(snapshot.peerHolders, classes?.counts.finWait2 ?? 0, "has not closed its end of"),
    ...(perSecond === undefined ? {} : { perSecond }),
    advice: refused === undefined ? adviceForConnect(snapshot, verdict) : refused.advice,
    incomplete: [...snapshot.incomplete, ...doubts(snapshot, verdict)],
  };
}

function decide(snapshot: ConnectSnapshot): ConnectVerdict {
  const { source, inForce } = snapshot;
  const reuse = judgeReuse(snapshot);
  const classes = classifyPorts(snapshot);
  if ("errno" in source)
    return {
      connectable: false,
      refusal: { errno: source.errno, step: source.step },
      classes,
      reuse,
      attempts: [],
    };
  const single = inForce?.choice === "bind" && inForce.range.first === inForce.range.last;
  const attempts = single ? attemptsOn(snapshot, inForce.range.first, reuse) : [];
  if (classes === undefined) return { connectable: undefined, classes, reuse, attempts };
  const { usable, undetermined } = classes.counts;
  if (usable > 0 && !classes.lastMayBeMissed) return { connectable: true, classes, reuse, attempts };
  if (undetermined > 0 || classes.lastMayBeMissed) return { connectable: undefined, classes, reuse, attempts };
  const refusal = refusalOf(snapshot, classes.counts, attempts[0]);
  return { connectable: false, ...(refusal === undefined ? {} : { refusal }), classes, reuse, attempts };
}

/** Undefined: bind() or connect() fails, and which of them hangs on another socket's options. */
function refusalOf(
  { inForce, question }: ConnectSnapshot,
  counts: PortCounts,
  asked?: ConnectAttempt,
): Refusal | undefined {
  if (asked?.bind === "unknown") return undefined;
  if (asked !== undefined && asked.bind !== "ok") return { errno: asked.bind, step: "bind" };
  if (asked?.connect !== undefined || inForce?.choice === "connect") return { errno: "EADDRNOTAVAIL", step: "connect" };
  if (counts.privileged === counts.total) return { errno: "EACCES", step: "bind" };
  // Port after port: what stops the last of them.
  return question.reuseAddr && counts.held === 0
    ? { errno: "EADDRNOTAVAIL", step: "connect" }
    : { errno: "EADDRINUSE", step: "bind" };
}

function attemptsOn(snapshot: ConnectSnapshot, port: number, reuse: TimeWaitReuse): ConnectAttempt[] {
  const facts = snapshot.ports.find((one) => one.port === port);
  return [snapshot.question.reuseAddr, !snapshot.question.reuseAddr].map((reuseAddr) => {
    const probed = snapshot.binds.find((bind) => bind.reuseAddr === reuseAddr);
    const by = probed === undefined ? "rules" : "probe";
    const passes = isForbidden(snapshot, port) && probed === undefined ? false : bindPasses(snapshot, facts, reuseAddr);
    if (passes === false)
      return {
        reuseAddr,
        bind: probed?.result ?? (isForbidden(snapshot, port) ? "EACCES" : "EADDRINUSE"),
        by,
      };
    return { reuseAddr, bind: passes === true ? "ok" : "unknown", connect: connectFrom(facts, reuse), by };
  });
}

/** connect() of a socket that has this port already. */
function connectFrom(facts: PortFacts | undefined, reuse: TimeWaitReuse): string {
  if (facts?.toPeer === undefined) return "ok";
  if (facts.toPeer.endsInMs === undefined || reuse.helps === false) return "EADDRNOTAVAIL";
  return reuse.helps === true ? "ok" : "unknown";
}

function levelOf(counts: PortCounts | undefined, connectable: boolean | undefined): "plenty" | "low" | "none" {
  if (counts === undefined || connectable !== true) return "none";
  const attainable = counts.total - counts.held - counts.reserved - counts.privileged;
  return counts.total > 1 && counts.usable * LOW <= attainable ? "low" : "plenty";
}

function doubts(snapshot: ConnectSnapshot, { connectable, classes }: ConnectVerdict): Incomplete[] {
  if (classes === undefined || snapshot.inForce?.choice !== "connect") return [];
  const { free, shared, reusable } = classes.counts;
  const found: Incomplete[] = [];
  if (classes.lastMayBeMissed)
    found.push({
      what: "whether connect() finds the last port",
      why: "of an odd number of ports it passes over one, and which one cannot be seen",
      hint: "make net.ipv4.ip_local_port_range an even number of ports",
    });
  const { question, settings, source } = snapshot;
  if (connectable === true && free === 0 && reusable === 0 && !classes.sharedBefore)
    found.push({
      what: `whether one of the ${countText(shared)} shared ports can really be had`,
      why: "connect() passes over a port that its program got by bind() with port 0 (an address named, and no IP_BIND_ADDRESS_NO_PORT), and the kernel shows nobody, root neither, how a port was got",
    });
  if (shared > 0 && free === 0 && olderThan(settings.kernelRelease, 6, 18))
    found.push({
      what: "ports that were bound explicitly once",
      why: `Linux ${settings.kernelRelease} can keep connect() away from them until their connections end`,
      hint: "6.18 and later, and stable kernels since late 2025, do not",
    });
  const own =
    isLoopbackAddress(question.remote.address) || ("address" in source && source.address === question.remote.address);
  if (connectable === true && free === 0 && shared === 0 && !own)
    found.push({
      what: "whether the peer agreed to timestamps",
      why: "no dump shows it of a TIME-WAIT, and without them none is taken again",
    });
  return found;
}
