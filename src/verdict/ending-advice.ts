/** How to end who holds a port, the way it is run. Pure. */
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Owner } from "../tcp/socket.ts";
import { isServiceUnit } from "./service-unit.ts";
import type { Advice } from "./why.ts";

/** Advice on its way. `asks`: the processes that it asks to end, where that is all it does. */
export interface Draft extends Advice {
  readonly asks?: readonly Owner[];
}

/** For commands that act on the machine, in whichever network namespace. */
export function sudo(snapshot: BindSnapshot): string {
  return snapshot.settings.rootPrefix.startsWith("sudo ") ? "sudo " : "";
}

function pidsOf(owners: readonly Owner[]): string {
  return [...new Set(owners.map(({ pid }) => pid))].join(" ");
}

export function ownerAdvice(snapshot: BindSnapshot, owners: readonly Owner[]): Draft[] {
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
  if (isServiceUnit(owner.unit)) {
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
  return [{ ...killAdvice(owners), asks: owners }];
}

function killAdvice(owners: readonly Owner[]): Advice {
  const pids = new Set(owners.map(({ pid }) => pid));
  const [command, ...others] = new Set(owners.map((owner) => owner.command));
  const program = others.length > 0 || command === undefined ? undefined : command;
  const who = pids.size === 1 ? program : `the ${pids.size} ${program === undefined ? "" : `${program} `}processes`;
  return { text: `ask ${who} to end`, command: `kill ${pidsOf(owners)}`, costs: "downtime" };
}

/** One line for all the processes of a program, wherever its first one was named. */
export function foldEndings(drafts: readonly Draft[]): Advice[] {
  const programs = new Map<string, Owner[]>();
  const nameOf = (asks: readonly Owner[]): string => [...new Set(asks.map(({ command }) => command))].sort().join("\n");
  for (const { asks } of drafts) {
    if (asks === undefined) continue;
    const known = programs.get(nameOf(asks));
    if (known === undefined) programs.set(nameOf(asks), [...asks]);
    else known.push(...asks);
  }
  return drafts.map(({ asks, ...advice }) => (asks === undefined ? advice : killAdvice(programs.get(nameOf(asks))!)));
}
