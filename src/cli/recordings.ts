/** --record and --replay: the files. */
import { closeSync, ftruncateSync, openSync, readFileSync, statSync, writeSync } from "node:fs";
import { hostFor } from "../ask/hosts.ts";
import { PortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import { RECORDING_SCHEMA, RECORDING_VERSION, parseRecording } from "../host/replay/recording.ts";
import type { Recording } from "../host/replay/recording.ts";
import { createRecordingHost } from "../host/replay/recording-host.ts";
import type { RecordingOptions } from "../host/replay/recording-host.ts";
import { createReplayHost } from "../host/replay/replay-host.ts";
import { version } from "./version.ts";

/** Throws PM_REPLAY_UNREADABLE, PM_REPLAY_INVALID, PM_REPLAY_NEWER. */
export function openRecording(file: string): { readonly host: Host; readonly about: string } {
  const recording = parseRecording(readRecording(file), file);
  const { recordedAt, command } = recording;
  const when = recordedAt.slice(0, 16).replace("T", " ");
  return {
    host: createReplayHost(recording),
    about: `recorded ${when} UTC with: ${command.join(" ")}; its pids and seconds are of then`,
  };
}

function readRecording(file: string): string {
  const hint = "a recording is made with --record FILE";
  try {
    // A device may never end: /dev/zero, or a terminal that nobody types into.
    if (!statSync(file).isCharacterDevice()) return readFileSync(file, "utf8");
  } catch (error) {
    const errno = (error as NodeJS.ErrnoException).code ?? "EIO";
    throw new PortmortemError("PM_REPLAY_UNREADABLE", `${file} cannot be read: ${errno}`, { errno, hint });
  }
  throw new PortmortemError("PM_REPLAY_UNREADABLE", `${file} is a device, not a file`, { hint });
}

/** The file is opened at once, so that a wrong name is told before anything is asked; only this user may read it. */
export function startRecording(
  file: string,
  options: RecordingOptions & { readonly command: readonly string[] },
): { readonly host: Host; readonly finish: () => void } {
  const fd = openForWriting(file);
  const { host, namespaces } = createRecordingHost(hostFor({}), options);
  const finish = (): void => {
    const recording: Recording = {
      schema: `${RECORDING_SCHEMA}/${RECORDING_VERSION}`,
      portmortem: version,
      recordedAt: new Date().toISOString(),
      command: options.command,
      redacted: options.redact,
      namespaces,
    };
    try {
      const bytes = Buffer.from(`${JSON.stringify(recording, undefined, 1)}\n`);
      ftruncateSync(fd);
      for (let at = 0; at < bytes.length;) at += writeSync(fd, bytes, at);
      closeSync(fd);
    } catch (error) {
      throw unwritable(file, error);
    }
  };
  return { host, finish };
}

function openForWriting(file: string): number {
  try {
    return openSync(file, "a", 0o600);
  } catch (error) {
    throw unwritable(file, error);
  }
}

function unwritable(file: string, error: unknown): PortmortemError {
  const errno = (error as NodeJS.ErrnoException).code ?? "EIO";
  return new PortmortemError("PM_RECORD_UNWRITABLE", `${file} cannot be written: ${errno}`, {
    errno,
    hint: "name a file in a directory that you may write to",
  });
}
