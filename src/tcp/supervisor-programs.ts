/**
 * Programs that start others again, known by their command lines. docs/supervisors.md says what each of them does when its program ends,
 * and which of it was tried.
 */
import { ancestorsOf } from "./process-ancestors.ts";
import type { ProcessNode } from "./process-node.ts";
import { programWords } from "./program-words.ts";
import type { ProgramWords } from "./program-words.ts";

export type SupervisorKind =
  | "pm2"
  | "forever"
  | "node-supervisor"
  | "supervisord"
  | "runit"
  | "s6"
  | "daemontools"
  | "openrc"
  | "concurrently"
  /** Whoever waits for a file to change. */
  | "watcher";

export interface RunningSupervisor {
  readonly kind: SupervisorKind;
  /** What it is called: "nodemon", "node --watch". */
  readonly title: string;
  readonly node: ProcessNode;
  /** Its child that the program is, or was started by; the supervisor itself, where it holds the port for its children. */
  readonly child: ProcessNode;
}

type Recognise = (words: ProgramWords) => boolean;

const has = (words: readonly string[], ...options: readonly string[]): boolean =>
  words.some((word) => options.some((option) => word === option || word.startsWith(`${option}=`)));

/** In the order in which they are tried: the kind, the name as a title, and what else must be so. */
const PROGRAMS: readonly (readonly [kind: SupervisorKind, name: RegExp, when?: Recognise])[] = [
  ["pm2", /^(?:pm2-runtime|pm2-docker)$/],
  ["pm2", /^pm2$/, ({ rest }) => has(rest, "--no-daemon")],
  [
    "forever",
    /^forever$/,
    ({ rest }) => !/^(?:start|stop|list|restart|logs?|columns|config|set|clear)/.test(rest[0] ?? ""),
  ],
  [
    "node-supervisor",
    /^(?:supervisor|node-supervisor)$/,
    ({ interpreter, rest }) => interpreter === "node" && rest.length > 0,
  ],
  ["supervisord", /^(?:supervisor\.)?supervisord(?:\.py)?$/],
  ["runit", /^runsv$/],
  ["s6", /^s6-supervise$/],
  ["daemontools", /^supervise$/],
  ["openrc", /^supervise-daemon$/],
  ["concurrently", /^(?:concurrently|conc)$/, ({ rest }) => restartTries(rest) !== "0"],
  ["watcher", /^(?:nodemon|watchexec|cargo-watch|modd|air|CompileDaemon|gow|wgo|watchfiles)$/],
  // Its child runs another script of the same package.
  ["watcher", /^(?:ts-node-dev|tsnd)$/, ({ names }) => names[0] !== "wrap"],
  ["watcher", /^tsx$/, ({ rest }) => rest[0] === "watch"],
  ["watcher", /^nest$/, ({ rest }) => rest[0] === "start" && has(rest, "--watch", "-w")],
  ["watcher", /^vite-node$/, ({ rest }) => has(rest, "--watch", "-w")],
  ["watcher", /^entr$/, ({ rest }) => rest.some((word) => /^-[a-z]*r/.test(word))],
  ["watcher", /^reflex$/, ({ rest }) => has(rest, "-s", "--start-service")],
  ["watcher", /^watchmedo$/, ({ rest }) => rest[0] === "auto-restart"],
];

/** The daemon of pm2 writes what it is into its title. */
const GOD = /^PM2 v.*: God Daemon \((.*)\)$/;

/** Undefined for a program that starts nothing again, as far as is known. */
export function supervisorProgram(
  args: readonly string[],
): { readonly kind: SupervisorKind; readonly title: string } | undefined {
  if (GOD.test(args[0] ?? "")) return { kind: "pm2", title: "pm2" };
  const words = programWords(args);
  if (has(words.options, "--watch", "--watch-path") && words.interpreter === "node")
    return { kind: "watcher", title: "node --watch" };
  for (const [kind, name, when] of PROGRAMS) {
    const title = words.names.find((each) => name.test(each));
    if (title !== undefined && when?.(words) !== false) return { kind, title };
  }
  return undefined;
}

/** Where the daemon of pm2 has its files. */
export function pm2HomeOf({ args }: ProcessNode): string | undefined {
  return GOD.exec(args[0] ?? "")?.[1];
}

/** The nearest first. */
export function supervisorsAbove(node: ProcessNode, nodes: ReadonlyMap<number, ProcessNode>): RunningSupervisor[] {
  const found: RunningSupervisor[] = [];
  const itself = supervisorProgram(node.args);
  // In cluster mode pm2's daemon holds the port for its apps.
  if (itself?.kind === "pm2") found.push({ ...itself, node, child: node });
  let child = node;
  for (const ancestor of ancestorsOf(node, nodes)) {
    const program = supervisorProgram(ancestor.args);
    if (program !== undefined) found.push({ ...program, node: ancestor, child });
    child = ancestor;
  }
  return found;
}

function restartTries(rest: readonly string[]): string {
  const at = rest.findIndex((word) => word.startsWith("--restart-tries"));
  return at < 0 ? "0" : (rest[at]!.split("=")[1] ?? rest[at + 1] ?? "0");
}
