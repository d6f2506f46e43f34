/** How each kind of supervisor is told to leave a program stopped, quoted for a shell. docs/supervisors.md has what was tried. Pure. */
import { needsRootToSignal } from "../tcp/asker.ts";
import type { ProcessNode, Supervisor } from "../tcp/process-node.ts";
import type { SupervisorFacts } from "../tcp/supervisor-facts.ts";
import { pm2HomeOf } from "../tcp/supervisor-programs.ts";
import type { RunningSupervisor, SupervisorKind } from "../tcp/supervisor-programs.ts";
import { shellWord } from "../tcp/typed-command.ts";

interface Case extends RunningSupervisor {
  readonly facts: SupervisorFacts;
  readonly nodes: ReadonlyMap<number, ProcessNode>;
}

type Told = Pick<Supervisor, "name" | "command" | "restarts"> & { readonly text?: string };

const TOLD: Readonly<Record<SupervisorKind, (one: Case) => readonly Told[]>> = {
  pm2: tellPm2,
  forever: (one) => [{ command: `${asOwner(one)}forever stop ${one.child.pid}`, restarts: "at-once" }],
  // It listens to nobody; it takes SIGTERM as any program.
  "node-supervisor": (one) => [{ command: `${sudo(one)}kill ${one.node.pid}`, restarts: "at-once" }],
  supervisord: (one) => [tellSupervisord(one)],
  runit: (one) => [withDirectory(one, "sv down")],
  s6: (one) => [withDirectory(one, "s6-svc -d")],
  daemontools: (one) => [withDirectory(one, "svc -d")],
  openrc: (one) => [tellOpenrc(one)],
  // After SIGTERM it starts its programs again and stays; SIGINT ends it.
  concurrently: (one) => [
    {
      command: `${sudo(one)}kill -INT ${one.node.pid}`,
      restarts: "perhaps",
      text: "restarts it if it fails (--restart-tries)",
    },
  ],
  watcher: (one) => [
    {
      command: `${sudo(one)}kill ${one.node.pid}`,
      restarts: "change",
      text: "starts it again with the next change of a file",
    },
  ],
};

export function describeSupervisor(
  running: RunningSupervisor,
  owner: ProcessNode,
  nodes: ReadonlyMap<number, ProcessNode>,
  facts: SupervisorFacts,
): readonly Supervisor[] {
  const { kind, title, node } = running;
  return TOLD[kind]({ ...running, nodes, facts }).map(({ text, restarts, ...told }) => ({
    kind: kind === "watcher" ? title : kind,
    ...told,
    pid: node.pid,
    of: owner.pid,
    text: `${TITLES[kind] ?? title} ${text ?? (restarts === "perhaps" ? "may restart it" : "restarts it")}`,
    restarts,
  }));
}

const TITLES: Partial<Record<SupervisorKind, string>> = {
  pm2: "pm2",
  forever: "forever",
  "node-supervisor": "supervisor",
  runit: "runit",
  s6: "s6",
  daemontools: "daemontools",
  openrc: "OpenRC",
};

/** In fork mode the app is a child of the daemon; in cluster mode the daemon holds the port, and any of its apps can be the one. */
function tellPm2(one: Case): Told[] {
  const { node, child, nodes, facts } = one;
  const holds = node === child;
  const apps = holds ? [...nodes.values()].filter(({ parentPid }) => parentPid === node.pid) : [child];
  const told = new Map<string, Told>();
  for (const app of apps) {
    const environment = facts.environments.get(app.pid) ?? {};
    if (holds && environment["pm2_env.exec_mode"] !== "cluster_mode") continue;
    const name = environment["pm2_env.name"] ?? environment["name"];
    const id = environment["pm2_env.pm_id"] ?? environment["pm_id"];
    const word = name !== undefined && isAppName(name) ? name : /^\d+$/.test(id ?? "") ? id : undefined;
    if (word === undefined) continue;
    const base = { name: word, command: `${pm2(one, app)} stop ${shellWord(word)}` };
    if (holds) told.set(word, { ...base, restarts: "perhaps", text: HOLDS });
    else if (environment["autorestart"] !== "false") told.set(word, { ...base, restarts: "at-once" });
    else return [];
  }
  if (told.size > 0) return [...told.values()];
  return [
    { command: `${pm2(one, child)} list`, restarts: holds ? "perhaps" : "at-once", ...(holds ? { text: HOLDS } : {}) },
  ];
}

const HOLDS = "holds the port for its cluster, and runs its other apps too";

/** `pm2 stop` takes a number for an id, `all` for all, and slashes for a pattern. */
function isAppName(name: string): boolean {
  return /^[A-Za-z][\w .@:-]*$/.test(name) && name !== "all";
}

function pm2(one: Case, app: ProcessNode): string {
  const { node, facts } = one;
  const home = pm2HomeOf(node) ?? facts.environments.get(app.pid)?.["PM2_HOME"];
  const isUsual = home === undefined || /^(?:\/root|\/home\/[^/]+)\/\.pm2$/.test(home);
  const sudo = asOwner(one);
  return `${sudo}${isUsual && sudo === "" ? "" : home === undefined ? "" : `PM2_HOME=${shellWord(home)} `}pm2`;
}

function tellSupervisord(one: Case): Told {
  const { node, child, facts } = one;
  const {
    SUPERVISOR_PROCESS_NAME: name,
    SUPERVISOR_GROUP_NAME: group,
    SUPERVISOR_SERVER_URL: url,
  } = facts.environments.get(child.pid) ?? {};
  const program =
    name === undefined || !isProgramName(name)
      ? undefined
      : group === undefined || group === name
        ? name
        : `${group}:${name}`;
  const at = node.args.findIndex((word) => word === "-c" || word === "--configuration");
  const file = at < 0 ? node.args.find((word) => word.startsWith("--configuration="))?.slice(16) : node.args[at + 1];
  const place =
    file === undefined || USUAL_FILES.has(file)
      ? ""
      : file.startsWith("/")
        ? ` -c ${shellWord(file)}`
        : url === undefined
          ? ""
          : ` -s ${shellWord(url)}`;
  const tool = `${sudo(one)}supervisorctl${place}`;
  // autorestart=unexpected, the default: unless its exit status is one of exitcodes.
  return {
    ...(program === undefined ? {} : { name: program }),
    command: program === undefined ? `${tool} status` : `${tool} stop ${shellWord(program)}`,
    restarts: "perhaps",
  };
}

/** supervisorctl looks there by itself. */
const USUAL_FILES: ReadonlySet<string> = new Set(["/etc/supervisord.conf", "/etc/supervisor/supervisord.conf"]);

function isProgramName(name: string): boolean {
  return /^\w[\w.-]*$/.test(name) && name !== "all";
}

/** Their tools take the service's directory, in which the supervisor works. */
function withDirectory(one: Case, tool: string): Told {
  const name = one.node.args.at(-1);
  const directory = one.facts.directories.get(one.node.pid);
  return {
    ...(name === undefined ? {} : { name }),
    ...(directory === undefined ? {} : { command: `${sudo(one)}${tool} ${shellWord(directory)}` }),
    restarts: "at-once",
  };
}

function tellOpenrc(one: Case): Told {
  const name = one.node.args[1];
  if (name === undefined || !/^[\w.-]+$/.test(name)) return { restarts: "at-once" };
  return { name, command: `${sudo(one)}rc-service ${name} stop`, restarts: "at-once" };
}

function sudo({ node, facts }: Case): string {
  return needsRootToSignal(facts.asker, [node]) ? "sudo " : "";
}

/** For tools that find their daemon by whose home it is in. */
function asOwner({ node: { uid }, facts: { asker, userNames } }: Case): string {
  if (uid === undefined || uid === asker.uid) return "";
  return `sudo -H -u ${shellWord(userNames.get(uid) ?? `#${uid}`)} `;
}
