/** A host that answers from a recording, on any machine. What was not asked when it was made cannot be answered: PM_REPLAY_MISSING. */
import { PortmortemError } from "../../base/errors.ts";
import type { ContainerAnswer, PublisherAnswer } from "../../tcp/container-state.ts";
import type { Container, Protocol, Socket } from "../../tcp/socket.ts";
import { maskHas } from "../../tcp/states.ts";
import type {
  BindAttempt,
  DumpRequest,
  DumpSummary,
  Host,
  NameAnswer,
  NetnsRef,
  SocketBatch,
  SocketDump,
  SocketId,
  SourceQuestion,
} from "../host.ts";
import { AnswerBooks } from "./answer-book.ts";
import type { AnswerBook } from "./answer-book.ts";
import { HOME, laterKey, namespaceKey } from "./recording.ts";
import { errorOf, isRecordedError } from "./recorded-error.ts";
import type { Recording } from "./recording.ts";

export function createReplayHost(recording: Recording): Host {
  return new ReplayHost(recording, new AnswerBooks(recording.namespaces), HOME);
}

type Method = Exclude<keyof Host, "kind" | "actions">;

class ReplayHost implements Host {
  readonly kind = "replay";
  readonly actions = {
    unable: "recording",
    why: "a recording shows what was, and nothing can be done to it",
    hint: "leave --replay out to act on this machine",
  } as const;
  readonly #recording: Recording;
  readonly #key: string;
  readonly #books: AnswerBooks;
  readonly #book: AnswerBook;

  constructor(recording: Recording, books: AnswerBooks, key: string) {
    this.#recording = recording;
    this.#key = key;
    this.#books = books;
    this.#book = books.of(key, false);
  }

  #answer<K extends Method>(method: K, args: readonly unknown[]): Awaited<ReturnType<Host[K]>> {
    const found = this.#book.read(method, args);
    if (found === undefined) throw this.#missing(method, args);
    if (isRecordedError(found.answer)) throw errorOf(found.answer);
    return found.answer as Awaited<ReturnType<Host[K]>>;
  }

  #missing(method: string, args: readonly unknown[]): PortmortemError {
    const { command, portmortem, recordedAt } = this.#recording;
    const about =
      args.length === 0
        ? ""
        : ` about ${args
            .map((arg) => JSON.stringify(arg))
            .join(", ")
            .slice(0, 100)}`;
    return new PortmortemError(
      "PM_REPLAY_MISSING",
      `the recording answers another question: it holds no ${method === "again" ? "second look (--watch)" : `${method}${about}`}`,
      {
        hint: `portmortem ${portmortem} made it on ${recordedAt} with: ${command.join(" ")}`,
      },
    );
  }

  enter(netns: NetnsRef): Host {
    this.#answer("enter", [netns]);
    return new ReplayHost(this.#recording, this.#books, namespaceKey(netns));
  }

  again(): Host {
    this.#answer("again", []);
    return new ReplayHost(this.#recording, this.#books, laterKey(this.#key));
  }

  dumpSockets(request: DumpRequest): SocketDump {
    const recorded = this.#dumpFor(request);
    const summary: DumpSummary = recorded.exact
      ? recorded.summary
      : { ...recorded.summary, exactFilter: request.filter === undefined };
    const sockets = recorded.exact
      ? recorded.sockets
      : recorded.sockets.filter((socket) => isAskedFor(socket, request));
    return {
      summary,
      *[Symbol.iterator](): Generator<SocketBatch, void, undefined> {
        if (sockets.length > 0)
          yield {
            length: sockets.length,
            stateAt: (index) => sockets[index]!.state,
            socketAt: (index) => sockets[index]!,
          };
      },
    };
  }

  /** The same request's answer, or a recorded one that holds at least as much. */
  #dumpFor(request: DumpRequest): { exact: boolean; summary: DumpSummary; sockets: readonly Socket[] } {
    const same = this.#book.read("dumpSockets", [request])?.answer;
    if (isRecordedError(same)) throw errorOf(same);
    if (same !== undefined) return { exact: true, ...(same as { summary: DumpSummary; sockets: Socket[] }) };
    for (const [key, answer] of this.#book.firstAnswers("dumpSockets")) {
      const [other] = JSON.parse(key) as [DumpRequest];
      if (covers(other, request) && !isRecordedError(answer))
        return { exact: false, ...(answer as { summary: DumpSummary; sockets: Socket[] }) };
    }
    throw this.#missing("dumpSockets", [request]);
  }

  async containerName(container: Container): Promise<string | undefined> {
    return this.#answer("containerName", [container]);
  }

  async containerState(container: Container): Promise<ContainerAnswer> {
    return this.#answer("containerState", [container]);
  }

  async findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    return this.#answer("findPublisher", [protocol, address, port]);
  }

  async resolveName(name: string): Promise<NameAnswer> {
    return this.#answer("resolveName", [name]);
  }

  system = (): ReturnType<Host["system"]> => this.#answer("system", []);
  netns = (): ReturnType<Host["netns"]> => this.#answer("netns", []);
  socketSource = (): ReturnType<Host["socketSource"]> => this.#answer("socketSource", []);
  getSocket = (id: SocketId): Socket | undefined => this.#answer("getSocket", [id]);
  probeBind = (attempt: BindAttempt): ReturnType<Host["probeBind"]> => this.#answer("probeBind", [attempt]);
  sourceAddress = (question: SourceQuestion): ReturnType<Host["sourceAddress"]> =>
    this.#answer("sourceAddress", [question]);
  sysctl = (name: string): string | undefined => this.#answer("sysctl", [name]);
  sysctlLines = (): ReturnType<Host["sysctlLines"]> => this.#answer("sysctlLines", []);
  counters = (): ReturnType<Host["counters"]> => this.#answer("counters", []);
  processEnvironment = (pid: number, names: readonly string[]): ReturnType<Host["processEnvironment"]> =>
    this.#answer("processEnvironment", [pid, names]);
  serviceRestart = (unit: string, user?: number): string | undefined =>
    this.#answer("serviceRestart", [unit, user ?? null]);
  socketUnits = (port: number, user?: number): readonly string[] => this.#answer("socketUnits", [port, user ?? null]);
  descriptorLimit = (pid: number): ReturnType<Host["descriptorLimit"]> => this.#answer("descriptorLimit", [pid]);
  descriptorCount = (pid: number, atLeast: number): number | undefined =>
    this.#answer("descriptorCount", [pid, atLeast]);
  surroundings = (pid: number): ReturnType<Host["surroundings"]> => this.#answer("surroundings", [pid]);
  localAddresses = (): ReturnType<Host["localAddresses"]> => this.#answer("localAddresses", []);
  interfaces = (): ReturnType<Host["interfaces"]> => this.#answer("interfaces", []);
  processes = (): ReturnType<Host["processes"]> => this.#answer("processes", []);
  process = (pid: number): ReturnType<Host["process"]> => this.#answer("process", [pid]);
  relatives = (pid: number): ReturnType<Host["relatives"]> => this.#answer("relatives", [pid]);
  socketFds = (pid: number, below?: number, from?: number): ReturnType<Host["socketFds"]> =>
    this.#answer("socketFds", [pid, below ?? null, from ?? null]);
  socketInode = (pid: number, fd: number): number | undefined => this.#answer("socketInode", [pid, fd]);
  detachedSockets = (): ReturnType<Host["detachedSockets"]> => this.#answer("detachedSockets", []);
  socketOptions = (pid: number, fd: number): ReturnType<Host["socketOptions"]> =>
    this.#answer("socketOptions", [pid, fd]);
  hasCapability = (bit: number): boolean | undefined => this.#answer("hasCapability", [bit]);
  userName = (uid: number): string | undefined => this.#answer("userName", [uid]);
  userId = (name: string): number | undefined => this.#answer("userId", [name]);
  cgroupPath = (id: number): string | undefined => this.#answer("cgroupPath", [id]);
  cgroupId = (path: string): number | undefined => this.#answer("cgroupId", [path]);
  namespaces = (): ReturnType<Host["namespaces"]> => this.#answer("namespaces", []);
  rights = (): ReturnType<Host["rights"]> => this.#answer("rights", []);
}

/** Does the answer to `other` hold every socket that `request` asks for? */
function covers(other: DumpRequest, request: DumpRequest): boolean {
  return (
    other.protocol === request.protocol &&
    other.filter === undefined &&
    other.localPort === undefined &&
    other.remotePort === undefined &&
    other.families === undefined &&
    (request.states & ~other.states) === 0 &&
    detailsRank(other.details) >= detailsRank(request.details)
  );
}

function detailsRank(details: DumpRequest["details"]): number {
  return details === true ? 2 : details === "tcp_info" ? 1 : 0;
}

function isAskedFor(socket: Socket, request: DumpRequest): boolean {
  return (
    maskHas(request.states, socket.state) &&
    (request.families === undefined || request.families.includes(socket.family)) &&
    (request.localPort === undefined || socket.local.port === request.localPort) &&
    (request.remotePort === undefined || socket.remote?.port === request.remotePort)
  );
}
