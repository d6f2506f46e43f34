// `s.doctor()` of story.ts: the built command, or, where a story needs what no test can wait for, the same question in this process.
//
// With UPDATE_RECORDINGS=1, a story that names a finding as its `fixture` records what doctor read as test/fixtures/doctor/CODE.json, which
// test/contracts/doctor-fixtures.test.ts replays.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { doctor } from "../../src/ask/doctor.ts";
import type { DoctorReport } from "../../src/ask/doctor.ts";
import type { DumpRequest, Host, ProcessSummary, SocketDump } from "../../src/host/host.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { readSysctlLines } from "../../src/host/linux/sysctl-lines.ts";
import { HOME, RECORDING_SCHEMA, RECORDING_VERSION } from "../../src/host/replay/recording.ts";
import type { NamespaceRecord, Recording } from "../../src/host/replay/recording.ts";
import { createRecordingHost } from "../../src/host/replay/recording-host.ts";
import type { SysctlLine } from "../../src/tcp/health-snapshot.ts";
import type { Socket, SocketTimer } from "../../src/tcp/socket.ts";

export interface DoctorQuestion {
  /** Codes; default: all. */
  readonly only?: readonly string[];
  /** Two looks, so many seconds apart. */
  readonly watchSeconds?: number;
  /** As this user, without any capability. */
  readonly uid?: number;
  /** As if all connections had been silent for so much longer: no test can wait for an hour, and the kernel's clocks cannot be set. */
  readonly silentForMs?: number;
  /** Files of /etc/sysctl.d by their names, in place of the machine's. */
  readonly sysctlFiles?: Readonly<Record<string, string>>;
  /** As if the kernel had these settings: what no test may set, or what only the machine's first network namespace shows. */
  readonly settings?: Readonly<Record<string, string>>;
  /** As if every process had been started so much earlier. */
  readonly startedMsEarlier?: number;
  /** The recording keeps the arguments of command lines: two scripts of one interpreter are told apart by them. */
  readonly withArguments?: boolean;
  /** The finding that this story shows, to be recorded. */
  readonly fixture?: string;
}

/** Does this question have to be asked in this process? */
export function isAskedHere({ silentForMs, settings, startedMsEarlier, fixture }: DoctorQuestion): boolean {
  return (
    silentForMs !== undefined ||
    settings !== undefined ||
    startedMsEarlier !== undefined ||
    (fixture !== undefined && isRecording())
  );
}

const isRecording = (): boolean => (process.env["UPDATE_RECORDINGS"] ?? "") !== "";

export function argumentsOf({ only, watchSeconds }: DoctorQuestion): string[] {
  return [
    "doctor",
    ...(only === undefined ? [] : ["--only", only.join(",")]),
    ...(watchSeconds === undefined ? [] : ["--watch", String(watchSeconds)]),
    "--json",
  ];
}

/** `root` is the repository's folder. */
export async function askHere(question: DoctorQuestion, root: string): Promise<DoctorReport> {
  const { only, watchSeconds, silentForMs = 0, fixture } = question;
  const { host, namespaces } = createRecordingHost(configured(aged(createLinuxHost(), silentForMs), question), {
    redact: question.withArguments !== true,
  });
  const report = await doctor({
    host,
    ...(only === undefined ? {} : { only }),
    ...(watchSeconds === undefined ? {} : { watchMs: watchSeconds * 1000 }),
  });
  if (fixture !== undefined && isRecording()) writeFixture(fixture, namespaces, question, root);
  return report;
}

/** The words before a command that sees these files in /etc/sysctl.d: a mount namespace of its own. */
export function underFiles(files: Readonly<Record<string, string>>): {
  readonly words: string[];
  readonly root: string;
} {
  const root = mkdtempSync(join(tmpdir(), "portmortem-sysctl-"));
  mkdirSync(join(root, "etc/sysctl.d"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(root, "etc/sysctl.d", name), text);
  const mount = `mount --bind ${join(root, "etc/sysctl.d")} /etc/sysctl.d && exec "$@"`;
  return { words: ["unshare", "-m", "sh", "-c", mount, "sh"], root };
}

/** The same machine with other files, settings or a longer past. */
function configured(host: Host, { sysctlFiles, settings = {}, startedMsEarlier }: DoctorQuestion): Host {
  const lines = sysctlFiles === undefined ? undefined : linesOf(sysctlFiles);
  return new Proxy(host, {
    get(target, name) {
      if (name === "sysctlLines" && lines !== undefined) return () => lines;
      if (name === "sysctl") return (setting: string) => settings[setting] ?? target.sysctl(setting);
      if (name === "process" && startedMsEarlier !== undefined)
        return (pid: number) => started(target.process(pid), startedMsEarlier);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

function linesOf(files: Readonly<Record<string, string>>): readonly SysctlLine[] {
  const { root } = underFiles(files);
  try {
    return readSysctlLines(root).map((line) => ({ ...line, path: line.path.slice(root.length) }));
  } finally {
    rmSync(root, { recursive: true });
  }
}

function started(process: ReturnType<Host["process"]>, byMs: number): ReturnType<Host["process"]> {
  return process?.startedAtMs === undefined ? process : { ...process, startedAtMs: process.startedAtMs - byMs };
}

/** The same machine, whose connections all have been silent for so much longer. */
export function aged(host: Host, byMs: number): Host {
  if (byMs === 0) return host;
  const older = ({ info, timer, ...socket }: Socket): Socket => ({
    ...socket,
    ...(timer === undefined ? {} : { timer: timer.kind === "keepalive" ? nearer(timer, byMs) : timer }),
    ...(info === undefined ? {} : { info: { ...info, ...later(info, byMs) } }),
  });
  return new Proxy(host, {
    get(target, name) {
      if (name === "again") return () => aged(target.again(), byMs);
      if (name === "dumpSockets") return (request: DumpRequest) => agedDump(target.dumpSockets(request), older);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
}

/** The next probe is so much closer, at the most due now. */
function nearer(timer: SocketTimer, byMs: number): SocketTimer {
  return { ...timer, remainingMs: Math.max(0, timer.remainingMs - byMs) };
}

function later(info: NonNullable<Socket["info"]>, byMs: number): Partial<NonNullable<Socket["info"]>> {
  const { lastDataReceivedMs, lastAckReceivedMs } = info;
  return {
    ...(lastDataReceivedMs === undefined ? {} : { lastDataReceivedMs: lastDataReceivedMs + byMs }),
    ...(lastAckReceivedMs === undefined ? {} : { lastAckReceivedMs: lastAckReceivedMs + byMs }),
  };
}

function agedDump(dump: SocketDump, older: (socket: Socket) => Socket): SocketDump {
  return {
    summary: dump.summary,
    *[Symbol.iterator]() {
      for (const batch of dump)
        yield {
          length: batch.length,
          stateAt: (index) => batch.stateAt(index),
          socketAt: (index) => older(batch.socketAt(index)),
        };
    },
  };
}

/** Small, and without this machine: processes of other namespaces are left out, and so is where the repository lies. */
function writeFixture(
  code: string,
  namespaces: Record<string, NamespaceRecord>,
  question: DoctorQuestion,
  root: string,
): void {
  for (const record of Object.values(namespaces)) {
    const processes = record["processes"]?.["[]"] as ProcessSummary[] | undefined;
    const netns = (namespaces[HOME]?.["netns"]?.["[]"] as { readonly inode?: number } | undefined)?.inode;
    const asked = (pid: number): boolean =>
      Object.values(record).some((answers) =>
        Object.keys(answers).some((key) => key.startsWith(`[${pid},`) || key === `[${pid}]`),
      );
    if (processes !== undefined)
      record["processes"]!["[]"] = processes.filter((process) => process.netns === netns || asked(process.pid));
  }
  const recording: Recording = {
    schema: `${RECORDING_SCHEMA}/${RECORDING_VERSION}`,
    portmortem: "0.0.0",
    recordedAt: new Date().toISOString(),
    command: argumentsOf(question),
    redacted: question.withArguments !== true,
    namespaces,
  };
  const folder = join(root, "test/fixtures/doctor");
  mkdirSync(folder, { recursive: true });
  // A line for each socket and for each answer: small, and a change can be read.
  const text = JSON.stringify(recording, onlyWhatIsRead)
    .replaceAll(/,(?=\{"protocol"|"[a-zA-Z]+":\{"\[)/g, ",\n")
    .replaceAll(root, "/home/deploy/app");
  writeFileSync(join(folder, `${code}.json`), `${text}\n`);
}

/**
 * Of tcp_info doctor reads how long the peer has been silent; the other sixty numbers of each socket would make hundreds of kilobytes. Of the
 * kernel's release it reads the version, not who built it.
 */
function onlyWhatIsRead(name: string, value: unknown): unknown {
  if (name === "kernelRelease") return String(value).replace(/-.*/, "");
  if (name !== "info") return value;
  const { lastDataReceivedMs, lastAckReceivedMs } = value as NonNullable<Socket["info"]>;
  return { lastDataReceivedMs, lastAckReceivedMs };
}
