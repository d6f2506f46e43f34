// `s.doctor()` of story.ts: the built command, or, where a story needs what no test can wait for, the same question in this process.
//
// With UPDATE_RECORDINGS=1, a story that names a finding as its `fixture` records what doctor read as test/fixtures/doctor/CODE.json, which
// test/contracts/doctor-fixtures.test.ts replays.
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { doctor } from "../../src/ask/doctor.ts";
import type { DoctorReport } from "../../src/ask/doctor.ts";
import type { DumpRequest, Host, ProcessSummary, SocketDump } from "../../src/host/host.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { HOME, RECORDING_SCHEMA, RECORDING_VERSION } from "../../src/host/replay/recording.ts";
import type { NamespaceRecord, Recording } from "../../src/host/replay/recording.ts";
import { createRecordingHost } from "../../src/host/replay/recording-host.ts";
import type { Socket } from "../../src/tcp/socket.ts";

export interface DoctorQuestion {
  /** Codes; default: all. */
  readonly only?: readonly string[];
  /** Two looks, so many seconds apart. */
  readonly watchSeconds?: number;
  /** As this user, without any capability. */
  readonly uid?: number;
  /** As if all connections had been silent for so much longer: no test can wait for an hour, and the kernel's clocks cannot be set. */
  readonly silentForMs?: number;
  /** Settings of the whole machine, which a namespace does not have and a test must not change, as if they had these values. */
  readonly machineSettings?: Readonly<Record<string, string>>;
  /** The finding that this story shows, to be recorded. */
  readonly fixture?: string;
}

/** Does this question have to be asked in this process? */
export function isAskedHere({ silentForMs, machineSettings, fixture }: DoctorQuestion): boolean {
  return silentForMs !== undefined || machineSettings !== undefined || (fixture !== undefined && isRecording());
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
  const { only, watchSeconds, silentForMs = 0, machineSettings = {}, fixture } = question;
  const { host, namespaces } = createRecordingHost(aged(setUp(createLinuxHost(), machineSettings), silentForMs), {
    redact: true,
  });
  const report = await doctor({
    host,
    ...(only === undefined ? {} : { only }),
    ...(watchSeconds === undefined ? {} : { watchMs: watchSeconds * 1000 }),
  });
  if (fixture !== undefined && isRecording()) writeFixture(fixture, namespaces, argumentsOf(question), root);
  return report;
}

/** The same machine, whose connections all have been silent for so much longer. */
export function aged(host: Host, byMs: number): Host {
  if (byMs === 0) return host;
  const older = ({ info, ...socket }: Socket): Socket => ({
    ...socket,
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

/** The same machine with other settings. */
function setUp(host: Host, settings: Readonly<Record<string, string>>): Host {
  return new Proxy(host, {
    get(target, name) {
      if (name === "again") return () => setUp(target.again(), settings);
      if (name === "sysctl") return (key: string) => settings[key] ?? target.sysctl(key);
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
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
  command: readonly string[],
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
    command,
    redacted: true,
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
