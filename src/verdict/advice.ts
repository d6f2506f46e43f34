/** What to do, cheapest first. Every command is one that exists on the machine today; none is run here. Pure. */
import { olderThan } from "../base/kernel-release.ts";
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import type { Owner } from "../tcp/socket.ts";
import type { Attempt, BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Advice, Blocker } from "./why.ts";
import { STATES } from "../tcp/states.ts";
import { mergeReservedPort } from "./reserved-ports.ts";

interface AdviceInput {
  readonly snapshot: BindSnapshot;
  readonly bindable: boolean;
  readonly attempts: readonly Attempt[];
  readonly blockers: readonly Blocker[];
  readonly withoutReuseAddr: readonly Blocker[];
}

const COST_RANK = { nothing: 0, data: 1, downtime: 2 } as const;

export function adviceFor(input: AdviceInput): Advice[] {
  const advice: Advice[] = [];
  const { snapshot, bindable, attempts, blockers } = input;
  const plain = attempts.find((attempt) => !attempt.reuseAddr);
  const reused = attempts.find((attempt) => attempt.reuseAddr);
  if (!bindable && reused?.result === "ok" && plain?.result !== "ok") {
    advice.push({
      text: "set SO_REUSEADDR before bind(): with it this bind works now (Node, nginx and most servers set it)",
      costs: "nothing",
    });
  }
  for (const blocker of bindable ? input.withoutReuseAddr : blockers)
    advice.push(...adviceForBlocker(blocker, snapshot));
  return unique(advice).sort((a, b) => COST_RANK[a.costs] - COST_RANK[b.costs]);
}

function adviceForBlocker(blocker: Blocker, snapshot: BindSnapshot): Advice[] {
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
        destroyAdvice(snapshot, `state fin-wait-2 sport = :${port}`, "clear what no program holds"),
      ];
    case "orphan":
      return [
        {
          ...destroyAdvice(
            snapshot,
            `state fin-wait-1 state last-ack state closing sport = :${port}`,
            "clear what no program holds",
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
      if (hasListener(snapshot)) return [];
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
    case "address-not-local":
      return addressAdvice(snapshot);
    default:
      return [];
  }
}

/** Its connections go when it goes. */
function hasListener(snapshot: BindSnapshot): boolean {
  return snapshot.holders.some(({ socket }) => socket.state === "LISTEN");
}

/** For commands that act on the machine, in whichever network namespace. */
function sudo(snapshot: BindSnapshot): string {
  return snapshot.settings.rootPrefix.startsWith("sudo ") ? "sudo " : "";
}

function waitAdvice({ freeInMs, count }: Blocker): Advice[] {
  if (freeInMs === undefined) return [];
  const what = count > 1 ? "the last of them ends" : "it ends";
  return [{ text: `wait ${Math.ceil(freeInMs / 1000)} s: ${what} by itself`, costs: "nothing" }];
}

function destroyAdvice(snapshot: BindSnapshot, filter: string, text: string): Advice {
  const { kernelRelease, kernelDestroys, rootPrefix } = snapshot.settings;
  if (kernelDestroys === false)
    return { text: `${text}: this kernel cannot (built without CONFIG_INET_DIAG_DESTROY)`, costs: "nothing" };
  if (olderThan(kernelRelease, 6, 0))
    return { text: `${text}: Linux ${kernelRelease} cannot, 6.0 and later can`, costs: "nothing" };
  return { text, command: `${rootPrefix}ss -K -t ${filter}`, costs: "nothing" };
}

function clientAdvice(blocker: Blocker, snapshot: BindSnapshot): Advice[] {
  const { reservedPorts, rootPrefix } = snapshot.settings;
  const reserved = mergeReservedPort(reservedPorts, snapshot.question.port);
  return [
    ...(reserved === undefined
      ? []
      : [
          {
            text: "keep outgoing connections away from this port from now on",
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
  if (socket?.remote === undefined || kernelDestroys === false) return ownerAdvice(snapshot, socket?.owners ?? []);
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
  return [{ text: `ask ${owner.command} to end`, command: `kill ${pids}`, costs: "downtime" }];
}

function unseenOwnerAdvice(blocker: Blocker, snapshot: BindSnapshot): Advice[] {
  const { port } = snapshot.question;
  if (blocker.socket?.ownerless !== "no-permission" || sudo(snapshot) === "") return [];
  return [{ text: "see whose it is", command: `sudo portmortem why ${port}`, costs: "nothing" }];
}

function addressAdvice(snapshot: BindSnapshot): Advice[] {
  const ipv6 = snapshot.question.address.includes(":");
  const some = snapshot.settings.localAddresses.filter((address) => address.includes(":") === ipv6).slice(0, 4);
  return some.length === 0 ? [] : [{ text: `this machine's addresses are ${some.join(", ")}`, costs: "nothing" }];
}

function unique(advice: readonly Advice[]): Advice[] {
  return [...new Map(advice.map((item) => [`${item.text}|${item.command ?? ""}`, item])).values()];
}
