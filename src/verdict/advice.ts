/** What to do, cheapest first. Every command is one that exists on the machine today; none is run here. Pure. */
import { olderThan } from "../base/kernel-release.ts";
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import type { Owner } from "../tcp/socket.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Advice, Blocker } from "./why.ts";
import { STATES } from "../tcp/states.ts";
import { sharingAdvice } from "./sharing-advice.ts";
import type { AdviceInput } from "./sharing-advice.ts";
import { isServed } from "./holder-rule.ts";
import { mergeReservedPort } from "./reserved-ports.ts";

const COST_RANK = { nothing: 0, data: 1, downtime: 2 } as const;

export function adviceFor(input: AdviceInput): Advice[] {
  const { snapshot, bindable, blockers } = input;
  const advice: Advice[] = sharingAdvice(input);
  for (const blocker of bindable ? input.withoutReuseAddr : blockers)
    advice.push(...adviceForBlocker(blocker, snapshot, bindable));
  // What can be bound, or may well be, is no reason to end anything.
  const fit =
    bindable || input.attempts[0]?.result === "unknown" ? advice.filter(({ costs }) => costs === "nothing") : advice;
  return unique(fit).sort((a, b) => COST_RANK[a.costs] - COST_RANK[b.costs]);
}

function adviceForBlocker(blocker: Blocker, snapshot: BindSnapshot, bindable: boolean): Advice[] {
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
        ...(bindable ? [] : nextTimeAdvice(blocker, snapshot)),
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

/** For commands that act on the machine, in whichever network namespace. */
function sudo(snapshot: BindSnapshot): string {
  return snapshot.settings.rootPrefix.startsWith("sudo ") ? "sudo " : "";
}

/**
 * Both sides need it: what the old socket had set counts, not only what the new one sets. A bind that works with it is the proof that the old
 * one had it.
 */
function nextTimeAdvice({ options }: Blocker, { question }: BindSnapshot): Advice[] {
  if (!question.reuseAddr || options?.reuseAddr === true) return [];
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

function clientAdvice(blocker: Blocker, snapshot: BindSnapshot): Advice[] {
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
function dropAdvice({ socket, count }: Blocker, snapshot: BindSnapshot): Advice[] {
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

function pidsOf(owners: readonly Owner[]): string {
  return [...new Set(owners.map(({ pid }) => pid))].join(" ");
}

function ownerAdvice(snapshot: BindSnapshot, owners: readonly Owner[]): Advice[] {
  const owner = owners[0];
  if (owner === undefined) return [];
  const container = owner.container;
  if (container !== undefined) {
    const tool =
      container.runtime === "podman" ? "podman stop" : container.runtime === "docker" ? "docker stop" : "crictl stop";
    return [
      {
        text: `stop the container ${container.name ?? container.id.slice(0, 12)}`,
        command: `${tool} ${container.name ?? container.id.slice(0, 12)}`,
        costs: "downtime",
      },
    ];
  }
  if (dockerProxyTarget(owner) !== undefined) {
    return [
      {
        text: "docker-proxy publishes a container's port: stop that container, not the proxy",
        command: "docker ps",
        costs: "downtime",
      },
    ];
  }
  if (owner.unit !== undefined && owner.unit.endsWith(".service")) {
    return [
      {
        text: `stop the unit ${owner.unit}; a plain kill may have systemd restart it`,
        command: `${sudo(snapshot)}systemctl stop ${owner.unit}`,
        costs: "downtime",
      },
    ];
  }
  const pids = pidsOf(owners);
  const stopped = owners.filter(({ state }) => state === "T");
  if (stopped[0] !== undefined) {
    return [
      {
        text: `${stopped[0].command} is stopped (Ctrl-Z): it ends only once it goes on`,
        command: `kill -TERM ${pids}; kill -CONT ${pidsOf(stopped)}`,
        costs: "downtime",
      },
    ];
  }
  const who = pids.includes(" ") ? `the ${pids.split(" ").length} processes` : owner.command;
  return [{ text: `ask ${who} to end`, command: `kill ${pids}`, costs: "downtime" }];
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
  const some = snapshot.settings.localAddresses.filter((address) => address.includes(":") === ipv6).slice(0, 4);
  return some.length === 0 ? [] : [{ text: `this machine's addresses are ${some.join(", ")}`, costs: "nothing" }];
}

function unique(advice: readonly Advice[]): Advice[] {
  return [...new Map(advice.map((item) => [`${item.text}|${item.command ?? ""}`, item])).values()];
}
