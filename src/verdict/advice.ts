/** What to do, cheapest first, but what frees nothing by itself last. Every command is one that exists on the machine today; none is run here. Pure. */
import { olderThan } from "../base/kernel-release.ts";
import { askedOfDevice } from "./preconditions.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Advice, Blocker } from "./why.ts";
import { STATES } from "../tcp/states.ts";
import { foldEndings, ownerAdvice, sudo } from "./ending-advice.ts";
import type { Draft } from "./ending-advice.ts";
import { sharingAdvice } from "./sharing-advice.ts";
import type { AdviceInput } from "./sharing-advice.ts";
import { isServed } from "./holder-rule.ts";
import { mergeReservedPort } from "./reserved-ports.ts";

const COST_RANK = { nothing: 0, data: 1, downtime: 2 } as const;

export function adviceFor(input: AdviceInput): Advice[] {
  const { snapshot, bindable, blockers } = input;
  const advice: Advice[] = sharingAdvice(input);
  const adviceOn = (some: readonly Blocker[]): Advice[] =>
    cheapestFirst(foldEndings(some.flatMap((blocker) => adviceForBlocker(blocker, snapshot))));
  // What can be bound, or may well be, is no reason to end anything.
  if (bindable || input.attempts[0]?.result === "unknown")
    return cheapestFirst([
      ...advice,
      ...adviceOn(bindable ? input.withoutReuseAddr : blockers).filter(({ costs }) => costs === "nothing"),
    ]);
  const left = blockers.filter(isLeftBehind);
  const held = blockers.filter((blocker) => !isLeftBehind(blocker));
  const mend = left.flatMap((blocker) => nextTimeAdvice(blocker, snapshot));
  if (left.length === 0 || held.length === 0)
    return cheapestFirst([...advice, ...adviceOn(held), ...adviceOn(left), ...mend]);
  const end = adviceOn(held);
  const then = end.length === 0 ? "once it is held no longer" : "after that";
  return unique([
    ...advice,
    ...end.map(butNotAlone),
    ...adviceOn(left).map((one) => ({ ...one, text: `${then}: ${one.text}` })),
    ...mend,
  ]);
}

/** No program holds it. */
function isLeftBehind({ rule, socket }: Blocker): boolean {
  return rule === "time-wait" || rule === "orphan" || (rule === "fin-wait-2" && socket?.inode === undefined);
}

/** To wait or to clear frees nothing while somebody holds the port, and to end that one leaves what is left behind. */
function butNotAlone(advice: Advice): Advice {
  if (advice.costs === "nothing") return advice;
  return { ...advice, text: `${advice.text}; what is left behind still blocks then` };
}

function cheapestFirst(advice: readonly Advice[]): Advice[] {
  return unique(advice).sort((a, b) => COST_RANK[a.costs] - COST_RANK[b.costs]);
}

function adviceForBlocker(blocker: Blocker, snapshot: BindSnapshot): Draft[] {
  const { port } = snapshot.question;
  const owners = blocker.socket?.owners ?? [];
  switch (blocker.rule) {
    case "time-wait":
      return [
        ...waitAdvice(blocker),
        destroyAdvice(
          snapshot,
          `state time-wait sport = :${port}`,
          "clear the TIME-WAIT: nobody holds it, and nothing is lost unless its last packets are still on the way",
        ),
      ];
    case "fin-wait-2":
      if (owners.length > 0) return ownerAdvice(snapshot, owners);
      return [
        ...waitAdvice(blocker),
        // The timewait minisock as a TIME-WAIT; a whole socket without an owner as any other orphan.
        destroyAdvice(
          snapshot,
          `state fin-wait-2 sport = :${port}`,
          "clear what no program holds",
          blocker.socket?.timer?.kind === "time-wait" ? TIME_WAIT_SINCE : ORPHANS_SINCE,
        ),
      ];
    case "orphan":
      return [
        {
          ...destroyAdvice(
            snapshot,
            `state fin-wait-1 state last-ack state closing sport = :${port}`,
            "clear what no program holds",
            ORPHANS_SINCE,
          ),
          costs: "data",
        },
      ];
    case "client":
      return clientAdvice(blocker, snapshot);
    case "listener":
    case "bound":
      return owners.length > 0 ? ownerAdvice(snapshot, owners) : unseenOwnerAdvice(blocker, snapshot);
    case "close-wait":
    case "connection":
      // Its connections go when it goes.
      if (isServed(snapshot.holders)) return [];
      return [...dropAdvice(blocker, snapshot), ...ownerAdvice(snapshot, owners)];
    case "unaccepted":
      return [];
    case "privileged-port":
      return [
        { text: `take a port of ${snapshot.settings.unprivilegedPortStart ?? 1024} or more`, costs: "nothing" },
        {
          text: "let every user bind from this port on",
          command: `${snapshot.settings.rootPrefix}sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`,
          costs: "nothing",
        },
        {
          text: "give the program this one right",
          command: `${sudo(snapshot)}setcap cap_net_bind_service=+ep /path/to/program`,
          costs: "nothing",
        },
      ];
    case "scope-missing":
      return [{ text: `write [${snapshot.question.address}%DEVICE]:${port}, or --device DEVICE`, costs: "nothing" }];
    case "address-not-local":
      return addressAdvice(snapshot);
    default:
      return [];
  }
}

/**
 * Both sides need it: what the old socket had set counts, not only what the new one sets. A bind that works with it is the proof that the old
 * one had it.
 */
function nextTimeAdvice({ rule, options }: Blocker, { question }: BindSnapshot): Advice[] {
  if (rule !== "time-wait" || !question.reuseAddr || options?.reuseAddr === true) return [];
  const unless = options?.reuseAddr === false ? "" : ", unless it does";
  return [
    {
      text: `set SO_REUSEADDR in the program that left this behind${unless}, and its next start will not run into it`,
      costs: "nothing",
    },
  ];
}

function waitAdvice({ rule, freeInMs, count }: Blocker): Advice[] {
  if (freeInMs === undefined) return [];
  const what = count > 1 ? "the last of them ends" : "it ends";
  // The peer's FIN makes a TIME-WAIT of it, which starts anew (tcp_timewait_state_process).
  const unless = rule === "fin-wait-2" ? ", unless the other side closes: then a TIME-WAIT of 60 s follows" : "";
  return [{ text: `wait ${Math.ceil(freeInMs / 1000)} s: ${what} by itself${unless}`, costs: "nothing" }];
}

/** SOCK_DESTROY: of TIME-WAIT since af9784d007d8; of orphans since bac76cf89816, before which it could leave them for ever. */
const TIME_WAIT_SINCE = [6, 0] as const;
const ORPHANS_SINCE = [6, 11] as const;

function destroyAdvice(
  snapshot: BindSnapshot,
  filter: string,
  text: string,
  [major, minor]: readonly [number, number] = TIME_WAIT_SINCE,
): Advice {
  const { kernelRelease, kernelDestroys, rootPrefix } = snapshot.settings;
  if (kernelDestroys === false)
    return { text: `${text}: this kernel cannot (built without CONFIG_INET_DIAG_DESTROY)`, costs: "nothing" };
  if (olderThan(kernelRelease, major, minor))
    return { text: `${text}: Linux ${kernelRelease} cannot, ${major}.${minor} and later can`, costs: "nothing" };
  return { text, command: `${rootPrefix}ss -K -t ${filter}`, costs: "nothing" };
}

function clientAdvice(blocker: Blocker, snapshot: BindSnapshot): Draft[] {
  const { reservedPorts, rootPrefix } = snapshot.settings;
  const range = snapshot.settings.localPortRange;
  const { port } = snapshot.question;
  const taken = range === undefined || (port >= range.first && port <= range.last);
  const reserved = taken ? mergeReservedPort(reservedPorts, port) : undefined;
  return [
    ...(reserved === undefined
      ? []
      : [
          {
            text: "keep outgoing connections away from this port from now on; it does not free it now",
            command: `${rootPrefix}sysctl -w net.ipv4.ip_local_reserved_ports=${reserved}`,
            costs: "nothing" as const,
          },
        ]),
    ...dropAdvice(blocker, snapshot),
  ];
}

/** Ends the connection and leaves the program alone; where the kernel cannot do that, the program is asked to end. */
function dropAdvice({ socket, count }: Blocker, snapshot: BindSnapshot): Draft[] {
  const { kernelDestroys, rootPrefix } = snapshot.settings;
  // A port that was asked for in bind() stays with the descriptor, whatever becomes of the connection (SOCK_BINDPORT_LOCK).
  const kept = snapshot.holders.some((holder) => holder.socket === socket && holder.autoBound === false);
  if (socket?.remote === undefined || kernelDestroys === false || kept)
    return ownerAdvice(snapshot, socket?.owners ?? []);
  const state = STATES.find(({ name }) => name === socket.state)?.ss ?? "connected";
  const { address, port } = socket.remote;
  const peer = count > 1 ? "" : ` dst ${address.includes(":") ? `[${address}]` : address} dport = :${port}`;
  return [
    {
      text:
        count > 1
          ? "drop those connections; their programs see ECONNABORTED"
          : "drop that one connection; its program sees ECONNABORTED",
      command: `${rootPrefix}ss -K -t state ${state} sport = :${snapshot.question.port}${peer}`,
      costs: "data",
    },
  ];
}

function unseenOwnerAdvice(blocker: Blocker, snapshot: BindSnapshot): Advice[] {
  if (blocker.socket?.ownerless !== "no-permission" || sudo(snapshot) === "") return [];
  return [{ text: "see whose it is", command: `sudo portmortem why ${questionText(snapshot)}`, costs: "nothing" }];
}

/** The same question as words of the command line. */
function questionText({ question, settings }: BindSnapshot): string {
  const { address, port, protocol, v6only, reuseAddr, reusePort, device } = question;
  const endpoint =
    address === "::" ? String(port) : address.includes(":") ? `'[${address}]:${port}'` : `${address}:${port}`;
  return [
    endpoint,
    protocol === "udp" ? "--udp" : undefined,
    v6only ? "--v6only" : undefined,
    reuseAddr ? undefined : "--no-reuse-addr",
    reusePort ? "--reuse-port" : undefined,
    device === undefined ? undefined : `--device ${device}`,
    settings.netns === undefined ? undefined : `--netns ${settings.netns}`,
  ]
    .filter((word) => word !== undefined)
    .join(" ");
}

function addressAdvice(snapshot: BindSnapshot): Advice[] {
  const ipv6 = snapshot.question.address.includes(":");
  const ofDevice = askedOfDevice(snapshot.question) === undefined ? undefined : snapshot.settings.deviceAddresses;
  const candidates = ofDevice ?? snapshot.settings.localAddresses;
  const some = candidates.filter((address) => address.includes(":") === ipv6).slice(0, 4);
  const whose = ofDevice === undefined ? "this machine's" : "that device's";
  return some.length === 0 ? [] : [{ text: `${whose} addresses are ${some.join(", ")}`, costs: "nothing" }];
}

function unique(advice: readonly Advice[]): Advice[] {
  return [...new Map(advice.map((item) => [`${item.text}|${item.command ?? ""}`, item])).values()];
}
