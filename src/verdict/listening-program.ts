/** Which program a listener belongs to, so that it can be said whether two listeners are one program's. Pure. */
import type { ListenerFacts, ProcessPlace } from "../tcp/health-snapshot.ts";
import type { Owner } from "../tcp/socket.ts";

export interface ListeningProgram {
  /** Equal for processes that run the same program. */
  readonly identity: string;
  readonly command: string;
  readonly owner: Owner;
  readonly place?: ProcessPlace;
}

/** Programs that run other programs: which one, their first argument that is no option says. */
const INTERPRETER =
  /^(?:node|nodejs|deno|bun|python[\d.]*|pypy[\d.]*|ruby[\d.]*|perl[\d.]*|php[\d.]*|java|dotnet|lua[\d.]*|(?:ba|da|z|k)?sh)$/;

const LEFT_OUT = "…";

/** The programs that hold a listener, one for each of its processes; empty where nobody may be seen. */
export function programsOf({ socket, processes }: ListenerFacts): ListeningProgram[] {
  const byPid = new Map((socket.owners ?? []).map((owner) => [owner.pid, owner]));
  return [...byPid.values()].map((owner) => {
    const place = processes.find(({ pid }) => pid === owner.pid);
    return {
      identity: identityOf(owner, place),
      command: owner.command,
      owner,
      ...(place === undefined ? {} : { place }),
    };
  });
}

/** Do these listeners have no program in common? Never said where one of them has nobody to be seen. */
export function areOfDifferentPrograms(one: ListenerFacts, other: ListenerFacts): boolean {
  const ones = new Set(programsOf(one).map(({ identity }) => identity));
  const others = programsOf(other);
  return ones.size > 0 && others.length > 0 && others.every(({ identity }) => !ones.has(identity));
}

function identityOf(owner: Owner, place: ProcessPlace | undefined): string {
  const executable = place?.executable ?? owner.command;
  const words = [owner.container?.id ?? "", executable];
  if (INTERPRETER.test(baseName(executable))) {
    const script = owner.args?.slice(1).find((word) => !word.startsWith("-"));
    // In a recording that leaves arguments out, nobody knows which script it is.
    if (script !== undefined && script !== LEFT_OUT)
      words.push(script.startsWith("/") ? script : `${place?.directory ?? ""}/${script}`);
  }
  return words.join("\n");
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** "node (pid 812)"; "nginx (pids 10, 11 and 4 more)". */
export function nameOf(programs: readonly ListeningProgram[]): string {
  const [first] = programs;
  if (first === undefined) return "a program that cannot be seen";
  const pids = [...new Set(programs.map(({ owner }) => owner.pid))];
  const shown = pids.length > 3 ? `${pids.slice(0, 2).join(", ")} and ${pids.length - 2} more` : pids.join(", ");
  return `${first.command} (${pids.length > 1 ? "pids" : "pid"} ${shown})`;
}

/** As evidence: what a script needs to find it again. */
export function programEvidence(program: ListeningProgram): { readonly [name: string]: string | number } {
  const { owner, place } = program;
  return {
    pid: owner.pid,
    command: owner.command,
    ...(owner.args === undefined ? {} : { args: owner.args.join(" ") }),
    ...(owner.user === undefined ? {} : { user: owner.user }),
    ...(place?.executable === undefined ? {} : { executable: place.executable }),
    ...(place?.directory === undefined ? {} : { directory: place.directory }),
    ...(owner.startedAt === undefined ? {} : { startedAt: owner.startedAt }),
  };
}

/** The address and port of a listener, "*" for a wildcard of both families. */
export function listenerText({ socket }: ListenerFacts): string {
  const { address, port, interface: device } = socket.local;
  const host = device === undefined ? address : `${address}%${device}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
