/**
 * What kind of value each method's answer is. A recording comes from outside, by mail even: a damaged one shall be refused when it is read,
 * not fail somewhere in the middle of a judgement. The kind of value is looked at, not every field of it.
 */
import type { Host } from "../host.ts";
import { isRecordedError } from "./recorded-error.ts";

type Shape =
  | "numbers"
  | "texts"
  | "texts by name?"
  | "pids?"
  | "object"
  | "object?"
  | "array"
  | "string?"
  | "number?"
  | "boolean?"
  | "dump"
  | "container"
  | "publisher";

const SHAPES: Record<Exclude<keyof Host, "kind" | "actions">, Shape> = {
  system: "object",
  enter: "object",
  again: "object",
  netns: "object",
  socketSource: "object",
  dumpSockets: "dump",
  getSocket: "object?",
  probeBind: "object",
  sourceAddress: "object",
  resolveName: "object",
  sysctl: "string?",
  sysctlLines: "array",
  counters: "numbers",
  localAddresses: "array",
  interfaces: "array",
  processes: "array",
  process: "object?",
  processEnvironment: "texts by name?",
  descriptorLimit: "object?",
  descriptorCount: "number?",
  surroundings: "object?",
  relatives: "pids?",
  socketFds: "object",
  socketInode: "number?",
  detachedSockets: "object",
  socketOptions: "object",
  hasCapability: "boolean?",
  userName: "string?",
  userId: "number?",
  cgroupPath: "string?",
  cgroupId: "number?",
  serviceRestart: "string?",
  socketUnits: "texts",
  containerName: "string?",
  containerState: "container",
  findPublisher: "publisher",
  namespaces: "array",
  rights: "object",
};

/** The first answer that cannot be one, as "method(arguments)"; undefined when all can. Methods of other versions are passed over. */
export function findMisshapen(record: Readonly<Record<string, Readonly<Record<string, unknown>>>>): string | undefined {
  for (const [method, answers] of Object.entries(record)) {
    if (!Object.hasOwn(SHAPES, method)) continue;
    const shape = SHAPES[method as keyof typeof SHAPES];
    for (const [key, answer] of Object.entries(answers))
      if (!(isRecordedError(answer) || hasShape(answer, shape)) || (shape === "dump" && !isRequest(key)))
        return `${method}(${key})`.slice(0, 200);
  }
  return undefined;
}

function hasShape(answer: unknown, shape: Shape): boolean {
  switch (shape) {
    case "object":
      return isObject(answer);
    case "numbers":
      return isObject(answer) && Object.values(answer).every((value) => typeof value === "number");
    case "texts":
      return isTexts(answer);
    case "texts by name?":
      return answer === null || (isObject(answer) && isTexts(Object.values(answer)));
    case "array":
      return isObjects(answer);
    case "pids?":
      return answer === null || (Array.isArray(answer) && answer.every((value) => typeof value === "number"));
    case "dump":
      return isObject(answer) && isSummary(answer["summary"]) && isSockets(answer["sockets"]);
    case "container":
      return (
        isObject(answer) && (isFailure(answer) || (isContainer(answer["container"]) && isObjects(answer["ports"])))
      );
    case "publisher":
      return (
        isObject(answer) &&
        (answer["publisher"] === undefined || isContainer(answer["publisher"])) &&
        isObjects(answer["unasked"]) &&
        answer["unasked"].every(isFailure)
      );
    default:
      return answer === null || (shape === "object?" ? isObject(answer) : typeof answer === shape.slice(0, -1));
  }
}

function isTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every((text) => typeof text === "string");
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isObjects(value: unknown): value is Record<string, unknown>[] {
  return Array.isArray(value) && value.every(isObject);
}

function isContainer(value: unknown): boolean {
  return isObject(value) && typeof value["runtime"] === "string" && typeof value["id"] === "string";
}

function isFailure(answer: Record<string, unknown>): boolean {
  return typeof answer["failure"] === "string" && typeof answer["why"] === "string";
}

function isSummary(value: unknown): boolean {
  return isObject(value) && Array.isArray(value["failed"]) && Array.isArray(value["blind"]);
}

function isSockets(value: unknown): boolean {
  return (
    Array.isArray(value) &&
    value.every((socket) => isObject(socket) && isEnd(socket["local"]) && typeof socket["state"] === "string")
  );
}

function isEnd(value: unknown): boolean {
  return isObject(value) && typeof value["address"] === "string" && typeof value["port"] === "number";
}

/** The arguments of a dump are read again, to find one that holds more than was asked for. */
function isRequest(key: string): boolean {
  try {
    const args: unknown = JSON.parse(key.replace(/#\d+$/, ""));
    return Array.isArray(args) && isObject(args[0]) && typeof args[0]["states"] === "number";
  } catch {
    return false;
  }
}
