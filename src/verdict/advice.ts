/** What to do, cheapest first, but what frees nothing by itself last. No command is run here. Pure. */
import { bindCommand } from "../tcp/bind-command.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Owner } from "../tcp/socket.ts";
import { endContainer } from "./container-advice.ts";
import type { ContainerEnding } from "./container-advice.ts";
import { endingOf } from "./ending.ts";
import type { Ending } from "./ending.ts";
import { AFTER, freeAdvice, waitAdvice, wentOut } from "./freeing-advice.ts";
import type { FreeingQuestion, InTheWay } from "./freeing-advice.ts";
import { isLeftBehind } from "./left-behind.ts";
import { managerCommand, sudo, systemctl } from "./manager-command.ts";
import { askedOfDevice } from "./preconditions.ts";
import { mergeReservedPort } from "./reserved-ports.ts";
import { sharingAdvice } from "./sharing-advice.ts";
import type { AdviceInput } from "./sharing-advice.ts";
import type { Advice, Blocker } from "./why.ts";

export function adviceFor(input: AdviceInput): Advice[] {
  const { snapshot, bindable, blockers } = input;
  const { question } = snapshot;
  const sharing = sharingAdvice(input);
  // What can be bound, or may well be, is no reason to end anything.
  if (bindable) {
    const without = { snapshot, question: { ...question, reuseAddr: false } };
    return unique([...sharing, ...costingNothing(adviceOn(without, input.withoutReuseAddr))]);
  }
  const advice = adviceOn({ snapshot, question }, blockers);
  if (input.attempts[0]?.result === "unknown") return unique([...sharing, ...costingNothing(advice)]);
  return unique([...sharing, ...advice, ...blockers.flatMap((blocker) => nextTimeAdvice(blocker, snapshot))]);
}

/** Cheapest first. */
function adviceOn(asked: FreeingQuestion, blockers: readonly Blocker[]): Advice[] {
  const { snapshot } = asked;
  const way = sortOut(blockers, snapshot);
  const { left, managed, unseen } = way;
  const aside = blockers.flatMap((blocker) => adviceAside(blocker, snapshot));
  const managers = managed.flatMap((ending) => managerAdvice(ending, asked));
  const wait = left.length + managed.length + unseen.length === blockers.length ? waitAdvice(asked, left) : [];
  const free = freeAdvice(asked, way);
  // A container is stopped by its engine's tool or, with everything else, by `free`.
  if (managed.length + unseen.length === 0)
    return [...aside, ...wait, ...way.contained.map(({ advice }) => advice), ...free];
  if (free.length === 0) return [...aside, ...managers];
  const others = way.asked.length + way.connections.length + way.contained.length > 0;
  const what = others ? "what else is in the way" : "what is left behind";
  const then = managers.length === 0 ? "once it is held no longer" : AFTER;
  return [
    ...aside,
    ...managers.map((one) => ({ ...one, text: `${one.text}; ${what} still blocks then` })),
    ...[...wait, ...free].map((one) => ({
      ...one,
      text: one.text.startsWith(AFTER) ? one.text : `${then}: ${one.text}`,
    })),
  ];
}

interface SortedOut extends InTheWay {
  /** Who is stopped by another's command only. */
  readonly managed: readonly Managed[];
  /** Held by somebody, and nobody is known. */
  readonly unseen: readonly Blocker[];
}

type Managed = Exclude<Ending, { by: "signal" | "engine" }> | { readonly by: "cluster"; readonly advice: Advice };

function sortOut(blockers: readonly Blocker[], snapshot: BindSnapshot): SortedOut {
  const asked: Owner[] = [];
  const contained: ContainerEnding[] = [];
  const connections: Blocker[] = [];
  const managed: Managed[] = [];
  const unseen: Blocker[] = [];
  const left = blockers.filter(isLeftBehind);
  const served = blockers.some(({ rule }) => rule === "listener");
  for (const blocker of blockers) {
    const { rule, socket } = blocker;
    if (socket === undefined || left.includes(blocker)) continue;
    const outgoing = wentOut(blocker, snapshot);
    if (outgoing || (rule !== "listener" && rule !== "bound")) {
      // What a server accepted goes when it goes.
      if (served && !outgoing) continue;
      if (isEndable(blocker, snapshot)) connections.push(blocker);
      else unseen.push(blocker);
      continue;
    }
    const ending = endingOf(socket.owners ?? []);
    if (ending === undefined) unseen.push(blocker);
    else if (ending.by === "signal") asked.push(...ending.owners);
    else if (ending.by !== "engine") managed.push(ending);
    else {
      const container = containerEnding(ending.owner, snapshot);
      if (container.staysStopped === false) managed.push({ by: "cluster", advice: container.advice });
      else contained.push(container);
    }
  }
  return { asked, contained, connections, left, managed, unseen };
}

/** By the kernel, or through its program's descriptor. */
function isEndable({ socket }: Blocker, { settings }: BindSnapshot): boolean {
  return (settings.kernelDestroys !== false && socket?.protocol === "tcp") || (socket?.owners ?? []).length > 0;
}

function containerEnding(
  owner: Owner,
  { question: { protocol, port }, settings: { asker } }: BindSnapshot,
): ContainerEnding {
  return endContainer({ owner, protocol, port, sudo: sudo(asker) })!;
}

function managerAdvice(ending: Managed, { snapshot, question }: FreeingQuestion): Advice[] {
  const { asker } = snapshot.settings;
  switch (ending.by) {
    case "cluster":
      return [ending.advice];
    case "systemd": {
      const manager = managerCommand(ending.owner, asker, "stop");
      if (manager === undefined) return [];
      const text = `stop ${manager.what}; a plain kill may have systemd restart it`;
      return [{ text, command: manager.command, costs: "downtime" }];
    }
    case "socket-unit":
      return [
        {
          text: "systemd holds it for a socket unit: stop that one, and the service that it starts",
          command: `${systemctl(ending.owner, asker).replace(/^sudo /, "")} list-sockets`,
          costs: "downtime",
        },
      ];
    case "perhaps-engine":
      return [
        {
          text: `see whether ${ending.owner.command} holds it for a container, and which one to stop`,
          command: bindCommand({ verb: "free", question, asker, options: ["--dry-run"] }),
          costs: "nothing",
        },
      ];
    case "init":
      return [
        {
          text: `${ending.owner.command} is pid 1, and all that runs here ends with it: stop it from outside`,
          costs: "downtime",
        },
      ];
  }
}

/** What frees nothing by itself, but has to be known, or done for the next time. */
function adviceAside(blocker: Blocker, snapshot: BindSnapshot): Advice[] {
  const { question, settings } = snapshot;
  const { port } = question;
  switch (blocker.rule) {
    case "client":
      return reserveAdvice(snapshot);
    case "listener":
    case "bound":
      return unseenOwnerAdvice(blocker, snapshot);
    case "privileged-port":
      return [
        { text: `take a port of ${settings.unprivilegedPortStart ?? 1024} or more`, costs: "nothing" },
        {
          text: "let every user bind from this port on",
          command: `${settings.rootPrefix}sysctl -w net.ipv4.ip_unprivileged_port_start=${port}`,
          costs: "nothing",
        },
        {
          text: "give the program this one right",
          command: `${sudo(settings.asker)}setcap cap_net_bind_service=+ep /path/to/program`,
          costs: "nothing",
        },
      ];
    case "scope-missing":
      return [{ text: `write [${question.address}%DEVICE]:${port}, or --device DEVICE`, costs: "nothing" }];
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

function reserveAdvice({ question: { port }, settings }: BindSnapshot): Advice[] {
  const { reservedPorts, rootPrefix, localPortRange: range } = settings;
  const taken = range === undefined || (port >= range.first && port <= range.last);
  const reserved = taken ? mergeReservedPort(reservedPorts, port) : undefined;
  if (reserved === undefined) return [];
  return [
    {
      text: "keep outgoing connections away from this port from now on; it does not free it now",
      command: `${rootPrefix}sysctl -w net.ipv4.ip_local_reserved_ports=${reserved}`,
      costs: "nothing",
    },
  ];
}

function unseenOwnerAdvice({ socket }: Blocker, { question, settings: { asker } }: BindSnapshot): Advice[] {
  if ((socket?.owners ?? []).length > 0 || socket?.ownerless !== "no-permission" || asker.uid === 0) return [];
  const command = bindCommand({ verb: "why", question, asker, asRoot: true });
  return [{ text: "see whose it is", command, costs: "nothing" }];
}

function addressAdvice(snapshot: BindSnapshot): Advice[] {
  const ipv6 = snapshot.question.address.includes(":");
  const ofDevice = askedOfDevice(snapshot.question) === undefined ? undefined : snapshot.settings.deviceAddresses;
  const candidates = ofDevice ?? snapshot.settings.localAddresses;
  const some = candidates.filter((address) => address.includes(":") === ipv6).slice(0, 4);
  const whose = ofDevice === undefined ? "this machine's" : "that device's";
  return some.length === 0 ? [] : [{ text: `${whose} addresses are ${some.join(", ")}`, costs: "nothing" }];
}

function costingNothing(advice: readonly Advice[]): Advice[] {
  return advice.filter(({ costs }) => costs === "nothing");
}

function unique(advice: readonly Advice[]): Advice[] {
  return [...new Map(advice.map((item) => [`${item.text}|${item.command ?? ""}`, item])).values()];
}
