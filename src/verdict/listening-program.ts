/** Which program a listener belongs to, so that it can be said whether two listeners are one program's. Pure. */
import type { ListenerFacts, ProcessPlace } from "../tcp/health-snapshot.ts";
import type { Owner } from "../tcp/socket.ts";

export interface ListeningProgram {
  /** Equal for processes that run the same program. */
  readonly identity: string;
  /** What a person calls it: "nginx", "node server.js". */
  readonly name: string;
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
    const script = scriptOf(owner, place);
    return {
      identity: identityOf(owner, place, script),
      name: script === undefined ? owner.command : `${owner.command} ${baseName(script)}`,
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

/** Options of interpreters whose value is the next word, so that it is not taken for the script. */
const WITH_VALUE = /^(?:-r|--require|--import|--loader|--experimental-loader|-W|-X|-I|-cp|-classpath|--class-path)$/;
/** The next word is a program by itself. */
const INLINE = /^(?:-e|--eval|-p|--print|-c)$/;

/** What an interpreter runs; undefined for other programs, for code on the command line, and in a recording that leaves arguments out. */
function scriptOf({ command, args = [] }: Owner, place: ProcessPlace | undefined): string | undefined {
  if (!INTERPRETER.test(baseName(place?.executable ?? command))) return undefined;
  for (let at = 1; at < args.length; at++) {
    const word = args[at] ?? "";
    if (INLINE.test(word) || word === LEFT_OUT) return undefined;
    if (WITH_VALUE.test(word)) at += 1;
    else if (!word.startsWith("-")) return word;
  }
  return undefined;
}

function identityOf(owner: Owner, place: ProcessPlace | undefined, script: string | undefined): string {
  const words = [owner.container?.id ?? "", place?.executable ?? owner.command];
  // Code on the command line tells programs apart as well as a script does.
  const args = (owner.args ?? []).slice(1);
  if (script === undefined && INTERPRETER.test(baseName(words[1] ?? "")) && !args.includes(LEFT_OUT))
    words.push(...args);
  if (script !== undefined) words.push(script.startsWith("/") ? script : `${place?.directory ?? ""}/${script}`);
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
  return `${first.name} (${pids.length > 1 ? "pids" : "pid"} ${shown})`;
}

/** As evidence: what a script needs to find it again. */
export function programEvidence({ owner, name, place }: ListeningProgram): {
  readonly [name: string]: string | number;
} {
  return {
    pid: owner.pid,
    program: name,
    ...(owner.user === undefined ? {} : { user: owner.user }),
    ...(place?.directory === undefined ? {} : { directory: place.directory }),
  };
}

/** The address and port of a listener, with its device. */
export function listenerText({ socket }: ListenerFacts): string {
  const { address, port, interface: device } = socket.local;
  const host = device === undefined ? address : `${address}%${device}`;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
