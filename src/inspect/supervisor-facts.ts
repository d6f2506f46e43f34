/**
 * What tells how the supervisors of some processes are talked to. Asked only where one of them is in sight: a program that was started in a
 * terminal costs nothing.
 */
import type { Host } from "../host/host.ts";
import type { Asker } from "../tcp/asker.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import type { SupervisorFacts } from "../tcp/supervisor-facts.ts";
import { unitKey } from "../tcp/supervisor-facts.ts";
import { supervisorsAbove } from "../tcp/supervisor-programs.ts";
import type { RunningSupervisor } from "../tcp/supervisor-programs.ts";

/** Of fork mode these stand in the environment, of cluster mode in one variable as JSON. */
const PM2 = ["name", "pm_id", "autorestart", "PM2_HOME", "pm2_env.name", "pm2_env.pm_id", "pm2_env.exec_mode"];
const SUPERVISORD = ["SUPERVISOR_PROCESS_NAME", "SUPERVISOR_GROUP_NAME", "SUPERVISOR_SERVER_URL"];
const SYSTEMD = ["LISTEN_FDS", "LISTEN_PID"];

/** `nodes`: the owners with their ancestors; `port`: what they hold, for socket units. */
export function gatherSupervisorFacts(
  host: Host,
  nodes: ReadonlyMap<number, ProcessNode>,
  owners: readonly number[],
  port?: number,
): SupervisorFacts {
  const { uid } = host.system();
  const facts = new Facts(host, nodes, port);
  for (const pid of owners) {
    const owner = nodes.get(pid);
    if (owner === undefined) continue;
    for (const supervisor of supervisorsAbove(owner, nodes)) facts.addSupervisor(supervisor);
    facts.addUnit(owner);
  }
  return facts.told({ uid });
}

class Facts {
  readonly #host: Host;
  readonly #nodes: ReadonlyMap<number, ProcessNode>;
  readonly #port: number | undefined;
  readonly userNames = new Map<number, string>();
  readonly environments = new Map<number, Readonly<Record<string, string>>>();
  readonly directories = new Map<number, string>();
  readonly restarts = new Map<string, string>();
  readonly socketUnits = new Map<number | undefined, readonly string[]>();

  constructor(host: Host, nodes: ReadonlyMap<number, ProcessNode>, port: number | undefined) {
    this.#host = host;
    this.#nodes = nodes;
    this.#port = port;
  }

  told(asker: Asker): SupervisorFacts {
    const { userNames, environments, directories, restarts, socketUnits } = this;
    return { asker, userNames, environments, directories, restarts, socketUnits };
  }

  addSupervisor({ kind, node, child }: RunningSupervisor): void {
    this.#addUser(node.uid);
    if (kind === "pm2") {
      const apps =
        child === node ? [...this.#nodes.values()].filter(({ parentPid }) => parentPid === node.pid) : [child];
      for (const app of apps) this.#addEnvironment(app.pid, PM2);
    } else if (kind === "supervisord") this.#addEnvironment(child.pid, SUPERVISORD);
    else if (kind === "runit" || kind === "s6" || kind === "daemontools") this.#addDirectory(node.pid);
  }

  addUnit({ pid, command, unit, userManager }: ProcessNode): void {
    // A service, or the manager itself, which listens for one.
    const isManager = command === "systemd";
    if (unit === undefined || (!isManager && !unit.endsWith(".service"))) return;
    if (userManager !== undefined) this.#addUser(userManager);
    if (!isManager) {
      const restart = this.#host.serviceRestart(unit, userManager);
      if (restart !== undefined) this.restarts.set(unitKey(unit, userManager), restart);
      this.#addEnvironment(pid, SYSTEMD);
      if (this.environments.get(pid)?.["LISTEN_FDS"] === undefined) return;
    }
    if (this.#port !== undefined && !this.socketUnits.has(userManager))
      this.socketUnits.set(userManager, this.#host.socketUnits(this.#port, userManager));
  }

  #addUser(uid: number | undefined): void {
    const name = uid === undefined || this.userNames.has(uid) ? undefined : this.#host.userName(uid);
    if (uid !== undefined && name !== undefined) this.userNames.set(uid, name);
  }

  #addEnvironment(pid: number, names: readonly string[]): void {
    const values = this.#host.processEnvironment(pid, names);
    if (values !== undefined) this.environments.set(pid, { ...this.environments.get(pid), ...values });
  }

  #addDirectory(pid: number): void {
    const directory = this.#host.surroundings(pid)?.directory;
    if (directory !== undefined) this.directories.set(pid, directory);
  }
}
