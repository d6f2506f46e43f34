/** Who starts a program again that was ended, and how that one is told to leave it stopped. Pure. */
import { ancestorsOf } from "../tcp/process-ancestors.ts";
import { needsRootToSignal } from "../tcp/asker.ts";
import type { Asker } from "../tcp/asker.ts";
import type { ProcessNode, Supervisor } from "../tcp/process-node.ts";
import { programTitle } from "../tcp/program-words.ts";
import type { SupervisorFacts } from "../tcp/supervisor-facts.ts";
import { unitKey } from "../tcp/supervisor-facts.ts";
import { supervisorsAbove } from "../tcp/supervisor-programs.ts";
import { shellWord } from "../tcp/typed-command.ts";
import { systemctl } from "./manager-command.ts";
import { readsCommands } from "./protected-processes.ts";
import { keeperOf } from "./service-keepers.ts";
import { serviceOf } from "./service-of.ts";
import { describeSupervisor } from "./supervisor-commands.ts";

type Nodes = ReadonlyMap<number, ProcessNode>;

/**
 * For each owner the nearest first, and each of them once. One that holds the port itself is none: it is asked to end like its workers, and
 * starts nobody then. Containers have their own (container-advice.ts).
 */
export function findSupervisors(nodes: Nodes, owners: readonly number[], facts: SupervisorFacts): Supervisor[] {
  const held = new Set(owners);
  const found = new Map<string, Supervisor>();
  const add = (supervisor: Supervisor | undefined): void => {
    if (supervisor === undefined) return;
    const { kind, name, pid, command } = supervisor;
    const key = JSON.stringify([kind, name, pid, command]);
    if (!found.has(key)) found.set(key, supervisor);
  };
  for (const pid of owners) {
    const owner = nodes.get(pid);
    if (owner === undefined || owner.container !== undefined) continue;
    for (const running of supervisorsAbove(owner, nodes))
      if (!held.has(running.node.pid) || running.kind === "pm2")
        for (const each of describeSupervisor(running, owner, nodes, facts)) add(each);
    add(systemdOf(owner, nodes, held, facts));
    add(socketUnitOf(owner, nodes, held, facts));
  }
  return [...found.values()];
}

/**
 * Of who came back, a word about who may have started it: its nearest ancestor that was there before. A loop in a shell, a program that
 * watches over another. `before`: the processes as they were seen first; without them it is the parent. Undefined where that is a service
 * manager, a terminal or a shell that somebody types at, or where there is none: then it was started by hand, or is another's.
 */
export function parentRestarterOf(nodes: Nodes, pid: number, before?: Nodes, asker?: Asker): Supervisor | undefined {
  const back = nodes.get(pid);
  const above = back === undefined ? [] : ancestorsOf(back, nodes);
  const restarter =
    before === undefined ? above[0] : above.find((each) => before.get(each.pid)?.startTicks === each.startTicks);
  if (restarter === undefined || restarter.pid === 1) return undefined;
  if (keeperOf(restarter) !== undefined || readsCommands(restarter.args)) return undefined;
  const sudo = asker !== undefined && needsRootToSignal(asker, [restarter]) ? "sudo " : "";
  return {
    kind: "parent",
    pid: restarter.pid,
    of: pid,
    text: `${programTitle(restarter.command, restarter.args)} (pid ${restarter.pid}) starts it again`,
    command: `${sudo}kill ${restarter.pid}`,
    restarts: "at-once",
  };
}

function systemdOf(
  owner: ProcessNode,
  nodes: Nodes,
  held: ReadonlySet<number>,
  facts: SupervisorFacts,
): Supervisor | undefined {
  const service = serviceOf(owner, nodes);
  if (service === undefined) return undefined;
  const { unit, main, endsWithIt } = service;
  const restart = facts.restarts.get(unitKey(unit, owner.userManager));
  // on-success, on-failure and the like: it depends on how the program takes its end. SIGTERM is no failure, SIGKILL is one.
  const isCertain = restart === "always" && (endsWithIt || held.has(main.pid));
  if (restart === "no") return undefined;
  return {
    kind: "systemd",
    name: unit,
    of: owner.pid,
    text:
      restart === undefined
        ? "systemd may restart it"
        : `systemd ${isCertain ? "restarts" : "may restart"} it (Restart=${restart})`,
    command: `${systemctlFor(owner, facts)} stop ${shellWord(unit)}`,
    restarts: isCertain ? "at-once" : "perhaps",
  };
}

/** systemd listens itself, and starts the service with a connection: with the service alone nothing is freed. */
function socketUnitOf(
  owner: ProcessNode,
  nodes: Nodes,
  held: ReadonlySet<number>,
  facts: SupervisorFacts,
): Supervisor | undefined {
  const isManager = owner.command === "systemd";
  const service = isManager ? undefined : serviceOf(owner, nodes);
  const { LISTEN_FDS: count, LISTEN_PID: listener } = facts.environments.get(owner.pid) ?? {};
  // Its manager may hold it unseen, where this user may not look. The variables are inherited: the pid says whose they are.
  const isActivated = service !== undefined && count !== undefined && listener === String(service.main.pid);
  const manager = [...nodes.values()].find(
    ({ pid, command, userManager }) => held.has(pid) && command === "systemd" && userManager === owner.userManager,
  );
  if (!isManager && (!isActivated || manager !== undefined)) return undefined;
  const units = facts.socketUnits.get(owner.userManager) ?? [];
  const [unit] = units;
  const services = [...held].flatMap((pid) => {
    const node = nodes.get(pid);
    const own = node === undefined || node.userManager !== owner.userManager ? undefined : serviceOf(node, nodes);
    return own === undefined ? [] : [own.unit];
  });
  const tool = systemctlFor(owner, facts);
  const isKnown = unit !== undefined && units.length === 1;
  return {
    kind: "systemd-socket",
    ...(isKnown ? { name: unit } : {}),
    ...(isManager ? { pid: owner.pid } : {}),
    of: owner.pid,
    text: "systemd listens for it, and starts its service with the next connection",
    command: isKnown
      ? [`${tool} stop`, ...[...new Set([unit, ...services])].map(shellWord)].join(" ")
      : `${tool.replace(/^sudo /, "")} list-sockets`,
    restarts: "at-once",
  };
}

function systemctlFor({ userManager, uid }: ProcessNode, { asker, userNames }: SupervisorFacts): string {
  const user = userManager === undefined ? undefined : userNames.get(userManager);
  return systemctl(
    {
      ...(userManager === undefined ? {} : { userManager }),
      ...(user === undefined ? {} : { user }),
      ...(uid === undefined ? {} : { uid }),
    },
    asker,
  );
}
