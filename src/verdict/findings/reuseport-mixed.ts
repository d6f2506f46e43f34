import type { HealthSnapshot, ListenerFacts } from "../../tcp/health-snapshot.ts";
import { listenerText, nameOf, programEvidence, programsOf } from "../listening-program.ts";
import type { ListeningProgram } from "../listening-program.ts";
import { endCommand } from "./end-listeners.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

/** How long an old and a new version may share a port: longer than a graceful restart waits for its last requests. */
const HANDOVER_MS = 10 * 60_000;

export const REUSEPORT_MIXED: FindingDefinition = {
  code: "reuseport-mixed",
  title: "programs that share one port by SO_REUSEPORT",
  about: {
    meaning: [
      "Several sockets listen on the same address and port, which takes SO_REUSEPORT on each and one user for all. The kernel spreads connections over them by a hash, so that they should all serve the same.",
      "A warning when they belong to different programs, or to an old and a new version of one (of the same name in another directory, or what some were started from is gone) that have been side by side for more than 10 minutes; information within those 10 minutes, which is how a restart without a gap looks.",
    ],
    remedy: [
      "End those that should not be there: the connections that wait in their queues are reset, unless tcp_migrate_req is 1.",
    ],
    sources: [
      "reuseport_select_sock (net/core/sock_reuseport.c)",
      "socket(7): SO_REUSEPORT",
      "docs/kernel/interception.md",
    ],
  },
  find: (snapshot) =>
    groups(snapshot.listeners).flatMap((group) => {
      const finding = mixedPrograms(group, snapshot) ?? mixedVersions(group, snapshot);
      return finding === undefined ? [] : [finding];
    }),
};

/** Listeners on identical endpoints, by endpoint; those that are alone are left out. */
function groups(listeners: readonly ListenerFacts[]): ListenerFacts[][] {
  const byEndpoint = new Map<string, ListenerFacts[]>();
  for (const listener of listeners) {
    const { protocol, family, v6only } = listener.socket;
    if (protocol !== "tcp") continue;
    const key = `${family} ${listenerText(listener)} ${v6only ?? ""}`;
    byEndpoint.set(key, [...(byEndpoint.get(key) ?? []), listener]);
  }
  return [...byEndpoint.values()].filter((group) => group.length > 1);
}

function mixedPrograms(group: readonly ListenerFacts[], snapshot: HealthSnapshot): Finding | undefined {
  const sockets = group.map(programsOf).filter((programs) => programs.length > 0);
  const [first] = sockets;
  if (first === undefined) return undefined;
  // Sockets with a program in common are one service: a master and its workers.
  const ours = new Set(first.map(({ identity }) => identity));
  const others = sockets.filter((programs) => !programs.some(({ identity }) => ours.has(identity)));
  if (others.length === 0) return undefined;
  const mine = sockets.filter((programs) => !others.includes(programs)).flat();
  // Each release in a directory of its own: the next one beside the last looks like two programs of one name.
  const names = new Set([...mine, ...others.flat()].map(({ name }) => name));
  const level = names.size === 1 && !lasts([mine, others.flat()], snapshot) ? "info" : "warning";
  // Which of them is the right one cannot be told.
  return mixedFinding(snapshot, group, level, [mine, others.flat()], "different programs", [others.flat(), mine]);
}

/** Have they been side by side for longer than a handover takes? Not where the start of either is not known. */
function lasts(sides: readonly (readonly ListeningProgram[])[], { system }: HealthSnapshot): boolean {
  const starts = sides.map((programs) =>
    programs.flatMap(({ place }) => (place?.startedAtMs === undefined ? [] : [place.startedAtMs])),
  );
  if (starts.some((side) => side.length === 0)) return false;
  // A side is there since its first process.
  return system.nowMs - Math.max(...starts.map((side) => Math.min(...side))) > HANDOVER_MS;
}

function mixedVersions(group: readonly ListenerFacts[], snapshot: HealthSnapshot): Finding | undefined {
  const programs = group.flatMap(programsOf);
  const old = programs.filter(isOld);
  const fresh = programs.filter((program) => !isOld(program) && program.place !== undefined);
  if (old.length === 0 || fresh.length === 0) return undefined;
  const level = lasts([fresh], snapshot) ? "warning" : "info";
  return mixedFinding(snapshot, group, level, [fresh, old], "an old and a new version", [old]);
}

/** What it was started from is not there any more: a later version took its place. */
function isOld({ place }: ListeningProgram): boolean {
  return place?.executableGone === true || place?.directoryGone === true;
}

function mixedFinding(
  snapshot: HealthSnapshot,
  group: readonly ListenerFacts[],
  level: Finding["level"],
  [one, other]: readonly [readonly ListeningProgram[], readonly ListeningProgram[]],
  what: string,
  toEnd: readonly (readonly ListeningProgram[])[],
): Finding {
  const port = group[0]?.socket.local.port ?? 0;
  const where = group[0] === undefined ? "" : listenerText(group[0]);
  return {
    code: REUSEPORT_MIXED.code,
    level,
    title: `port ${port} is shared by ${what}: ${one[0]?.name ?? ""} and ${other[0]?.name ?? ""}`,
    text: `${group.length} sockets listen on ${where} by SO_REUSEPORT: ${nameOf(one)} and ${nameOf(other)}. Which of them a client gets is decided by a hash of its address and port.`,
    evidence: {
      port,
      address: where,
      sockets: group.length,
      programs: unique([...one, ...other]).map((program) => ({
        ...programEvidence(program),
        outdated: isOld(program),
      })),
    },
    advice: toEnd.map((programs) => ({
      text: `end ${nameOf(programs)}, if it should not be there`,
      // Not `free`: it would end all who share the port.
      command: endCommand(snapshot.asker, programs),
      costs: "downtime",
    })),
  };
}

function unique(programs: readonly ListeningProgram[]): ListeningProgram[] {
  return [...new Map(programs.map((program) => [program.owner.pid, program])).values()];
}
