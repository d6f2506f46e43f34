/** The file behind --record and --replay: every answer that a host gave, by namespace, method and arguments. */
import { PortmortemError } from "../../base/errors.ts";
import type { NetnsRef } from "../host.ts";
import { findMisshapen } from "./answer-shapes.ts";

export const RECORDING_SCHEMA = "portmortem.recording";
/** Raised when an older program could misread a newer file. */
export const RECORDING_VERSION = 1;

export interface Recording {
  /** "portmortem.recording/1" */
  readonly schema: string;
  readonly portmortem: string;
  readonly recordedAt: string;
  /** The command's words, as they were given. */
  readonly command: readonly string[];
  readonly redacted: boolean;
  readonly namespaces: Record<string, NamespaceRecord>;
}

/** Answers by method, then by the arguments as JSON; a later one to the same question by `arguments#2` (answer-book.ts). */
export type NamespaceRecord = Record<string, Record<string, unknown>>;

export const HOME = "home";

export function namespaceKey(netns: NetnsRef): string {
  return "pid" in netns ? `pid:${netns.pid}` : "path" in netns ? `path:${netns.path}` : `name:${netns.name}`;
}

/** The key of a namespace's next look: `home@2`, `home@3`. */
export function laterKey(key: string): string {
  const [base, look = "1"] = key.split("@");
  return `${base}@${Number(look) + 1}`;
}

export function argumentsKey(args: readonly unknown[]): string {
  return JSON.stringify(args);
}

/** Throws PM_REPLAY_INVALID for a file that is none of ours, PM_REPLAY_NEWER for one of a later version. */
export function parseRecording(text: string, file: string): Recording {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw invalid(file, "it is not JSON", cause);
  }
  const schema = isRecord(value) ? value["schema"] : undefined;
  const match = typeof schema === "string" ? /^portmortem\.recording\/(\d+)$/.exec(schema) : null;
  if (!isRecord(value) || match === null)
    throw invalid(file, `it does not say "${RECORDING_SCHEMA}/${RECORDING_VERSION}"`);
  if (Number(match[1]) > RECORDING_VERSION) {
    throw new PortmortemError(
      "PM_REPLAY_NEWER",
      `${file} is a recording of version ${match[1]}, and this portmortem reads up to version ${RECORDING_VERSION}`,
      {
        hint: `it was written by portmortem ${typeof value["portmortem"] === "string" ? value["portmortem"] : "of a later release"}: use that one or a later one`,
      },
    );
  }
  if (!isNamespaces(value["namespaces"])) throw invalid(file, "it holds no answers");
  for (const record of Object.values(value["namespaces"])) {
    const misshapen = findMisshapen(record);
    if (misshapen !== undefined) throw invalid(file, `its answer to ${misshapen} makes no sense`);
  }
  return {
    schema: match[0],
    portmortem: textOf(value["portmortem"]),
    recordedAt: textOf(value["recordedAt"]),
    command: Array.isArray(value["command"]) ? value["command"].map(String) : [],
    redacted: value["redacted"] === true,
    namespaces: value["namespaces"],
  };
}

function invalid(file: string, why: string, cause?: unknown): PortmortemError {
  return new PortmortemError("PM_REPLAY_INVALID", `${file} is no recording of portmortem: ${why}`, {
    hint: "a recording is made with --record FILE",
    cause,
  });
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "unknown";
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isNamespaces(value: unknown): value is Record<string, NamespaceRecord> {
  if (!isRecord(value) || !isRecord(value[HOME])) return false;
  return Object.values(value).every((methods) => isRecord(methods) && Object.values(methods).every(isRecord));
}
