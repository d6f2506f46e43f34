import type { HealthSnapshot, ListenerFacts, ProcessPlace } from "../../tcp/health-snapshot.ts";
import { programsOf } from "../listening-program.ts";
import type { ListeningProgram } from "../listening-program.ts";
import { isServiceUnit } from "../service-unit.ts";
import { endListenersCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

/** Without a terminal that is gone as a witness, a program that runs for less may just have been started by a script. */
const FORGOTTEN_MS = 60 * 60_000;

export const LISTENER_LEFT_BEHIND: FindingDefinition = {
  code: "listener-left-behind",
  title: "a listener that nobody may have meant to keep",
  about: {
    meaning: [
      "A program still listens although what it was started from is gone: its working directory was deleted; or it runs from a source tree (a .git, package.json or the like is above its directory) and its terminal was closed, or whoever started it an hour ago or earlier has ended. A development server that outlived its terminal looks like that.",
      "Always information, made of hints that the evidence lists. A systemd service, a container, and a program whose starter still runs are never named. It can be meant that way: nothing is done about it.",
    ],
    remedy: ["If nobody needs it, end it. If it is to stay, start it as a service, so that it is known to be wanted."],
    sources: ["proc(5): cwd, stat (ppid, session, tty_nr)", "credentials(7): sessions"],
  },
  find: (snapshot) => findLeftBehind(snapshot),
};

interface LeftBehind {
  readonly program: ListeningProgram;
  readonly place: ProcessPlace;
  readonly hints: readonly string[];
}

function findLeftBehind(snapshot: HealthSnapshot): Finding[] {
  const byPid = new Map<number, { readonly found: LeftBehind; readonly listeners: ListenerFacts[] }>();
  for (const listener of snapshot.listeners) {
    for (const found of leftBehind(listener, snapshot)) {
      const known = byPid.get(found.program.owner.pid) ?? { found, listeners: [] };
      known.listeners.push(listener);
      byPid.set(found.program.owner.pid, known);
    }
  }
  return [...byPid.values()].map(({ found, listeners }) => leftBehindFinding(found, listeners, snapshot));
}

/** The starters among those that hold the listener: all of them must have been left behind, their workers come with them. */
function leftBehind(listener: ListenerFacts, snapshot: HealthSnapshot): LeftBehind[] {
  const programs = programsOf(listener);
  const pids = new Set(programs.map(({ owner }) => owner.pid));
  const starters = programs.filter(({ place }) => place?.parentPid === undefined || !pids.has(place.parentPid));
  const found = starters.flatMap((program) => judge(program, snapshot) ?? []);
  return found.length === starters.length ? found : [];
}

function judge(program: ListeningProgram, { system }: HealthSnapshot): LeftBehind | undefined {
  const { owner, place } = program;
  if (place === undefined || owner.container !== undefined || isServiceUnit(owner.unit)) return undefined;
  const starterGone = place.adopted === true || place.sessionLeaderGone === true;
  const ageMs = place.startedAtMs === undefined ? 0 : system.nowMs - place.startedAtMs;
  const forgotten = place.terminal === "gone" || (place.terminal === "none" && ageMs >= FORGOTTEN_MS);
  if (!starterGone || !(place.directoryGone === true || (place.sourceTree !== undefined && forgotten)))
    return undefined;
  const hints = [
    place.directoryGone === true ? "its working directory was deleted" : undefined,
    place.executableGone === true ? "its executable was deleted" : undefined,
    place.terminal === "gone" ? "its terminal was closed" : undefined,
    place.adopted === true ? "the process that started it has ended" : undefined,
    place.sessionLeaderGone === true ? "the leader of its session has ended" : undefined,
    place.sourceTree === undefined ? undefined : `it runs from the source tree ${place.sourceTree}`,
  ].filter((hint) => hint !== undefined);
  return { program, place, hints };
}

function leftBehindFinding(
  { program, place, hints }: LeftBehind,
  listeners: readonly ListenerFacts[],
  snapshot: HealthSnapshot,
): Finding {
  const { name } = program;
  const { pid } = program.owner;
  const ports = [...new Set(listeners.map(({ socket }) => socket.local.port))];
  const owners = listeners.flatMap(({ socket }) => socket.owners ?? []);
  const command = endListenersCommand(snapshot, listeners, owners);
  const where = `port${ports.length === 1 ? "" : "s"} ${ports.join(", ")}`;
  const ageMs = place.startedAtMs === undefined ? undefined : snapshot.system.nowMs - place.startedAtMs;
  return {
    code: LISTENER_LEFT_BEHIND.code,
    level: "info",
    title: `${name} on ${where} may have been left behind`,
    text: `${name} (pid ${pid}) still listens, and ${hints.join("; ")}.`,
    evidence: {
      pid,
      program: name,
      ports,
      hints,
      ...(place.directory === undefined ? {} : { directory: place.directory }),
      ...(place.sourceTree === undefined ? {} : { sourceTree: place.sourceTree }),
      ...(program.owner.startedAt === undefined ? {} : { startedAt: program.owner.startedAt }),
      ...(ageMs === undefined ? {} : { ageMs }),
    },
    advice: [
      {
        text: "if nobody needs it, end it",
        ...(command === undefined ? {} : { command }),
        costs: "downtime",
      },
      { text: "if it is to stay, start it as a service, so that it is known to be wanted", costs: "nothing" },
    ],
  };
}
