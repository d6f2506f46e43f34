/** A host that writes down all that another one answers. It changes no answer: what is hidden is hidden in the record only. */
import { isPortmortemError } from "../../base/errors.ts";
import type { ContainerAnswer, PublisherAnswer } from "../../tcp/container-state.ts";
import type { Container, Protocol, Socket } from "../../tcp/socket.ts";
import type {
  BindAttempt,
  DumpRequest,
  Host,
  NameAnswer,
  NetnsRef,
  ProcessFacts,
  SocketBatch,
  SocketDump,
  SocketId,
  SourceQuestion,
} from "../host.ts";
import { AnswerBooks } from "./answer-book.ts";
import type { AnswerBook } from "./answer-book.ts";
import { recordedError } from "./recorded-error.ts";
import { HOME, laterKey, namespaceKey } from "./recording.ts";
import type { NamespaceRecord } from "./recording.ts";
import { redacted, withoutSecretValues, withoutSecrets } from "./secrets.ts";

export interface RecordingOptions {
  /** Leave the arguments of command lines out. */
  readonly redact: boolean;
}

/** `namespaces` fills as the host is asked. */
export function createRecordingHost(
  host: Host,
  options: RecordingOptions,
): { readonly host: Host; readonly namespaces: Record<string, NamespaceRecord> } {
  const namespaces: Record<string, NamespaceRecord> = {};
  return { host: new RecordingHost(host, HOME, new AnswerBooks(namespaces), options), namespaces };
}

class RecordingHost implements Host {
  readonly kind: Host["kind"];
  /** What is done is not recorded: a replay could not do it again. */
  readonly actions: Host["actions"];
  readonly #host: Host;
  readonly #key: string;
  readonly #books: AnswerBooks;
  readonly #book: AnswerBook;
  readonly #options: RecordingOptions;

  constructor(host: Host, key: string, books: AnswerBooks, options: RecordingOptions) {
    this.kind = host.kind;
    this.actions = host.actions;
    this.#host = host;
    this.#key = key;
    this.#books = books;
    this.#book = books.of(key, true);
    this.#options = options;
  }

  /** What is asked of a namespace that has ended meanwhile raises an error, and whoever asks goes on: that is an answer too. */
  #ask<T>(method: keyof Host, args: readonly unknown[], ask: () => T, shown: (answer: T) => unknown = (all) => all): T {
    let answer: T;
    try {
      answer = ask();
    } catch (error) {
      if (isPortmortemError(error)) this.#book.write(method, args, recordedError(error));
      throw error;
    }
    this.#book.write(method, args, shown(answer));
    return answer;
  }

  async #askLater<T>(method: keyof Host, args: readonly unknown[], ask: () => Promise<T>): Promise<T> {
    const answer = await ask().catch((error: unknown) => {
      if (isPortmortemError(error)) this.#book.write(method, args, recordedError(error));
      throw error;
    });
    this.#book.write(method, args, answer);
    return answer;
  }

  enter(netns: NetnsRef): Host {
    const key = namespaceKey(netns);
    const inside = this.#ask(
      "enter",
      [netns],
      () => this.#host.enter(netns),
      () => ({ key }),
    );
    return new RecordingHost(inside, key, this.#books, this.#options);
  }

  again(): Host {
    const key = laterKey(this.#key);
    const later = this.#ask(
      "again",
      [],
      () => this.#host.again(),
      () => ({ key }),
    );
    return new RecordingHost(later, key, this.#books, this.#options);
  }

  dumpSockets(request: DumpRequest): SocketDump {
    const failed = (error: unknown): unknown => {
      if (isPortmortemError(error)) this.#book.write("dumpSockets", [request], recordedError(error));
      return error;
    };
    let dump: SocketDump;
    try {
      dump = this.#host.dumpSockets(request);
    } catch (error) {
      throw failed(error);
    }
    const note = (sockets: Socket[]): void =>
      this.#book.write("dumpSockets", [request], { summary: { ...dump.summary }, sockets });
    return {
      summary: dump.summary,
      *[Symbol.iterator](): Generator<SocketBatch, void, undefined> {
        const sockets: Socket[] = [];
        try {
          for (const batch of dump) {
            for (let index = 0; index < batch.length; index++) sockets.push(batch.socketAt(index));
            yield batch;
          }
        } catch (error) {
          throw failed(error);
        }
        note(sockets);
      },
    };
  }

  process(pid: number): ProcessFacts | undefined {
    const clean = this.#options.redact ? redacted : withoutSecrets;
    return this.#ask(
      "process",
      [pid],
      () => this.#host.process(pid),
      (facts) => (facts === undefined ? undefined : { ...facts, args: clean(facts.args) }),
    );
  }

  processEnvironment(pid: number, names: readonly string[]): ReturnType<Host["processEnvironment"]> {
    return this.#ask(
      "processEnvironment",
      [pid, names],
      () => this.#host.processEnvironment(pid, names),
      (values) => (values === undefined ? undefined : withoutSecretValues(values, this.#options.redact)),
    );
  }

  async containerName(container: Container): Promise<string | undefined> {
    return this.#askLater("containerName", [container], () => this.#host.containerName(container));
  }

  async containerState(container: Container): Promise<ContainerAnswer> {
    return this.#askLater("containerState", [container], () => this.#host.containerState(container));
  }

  async findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    return this.#askLater("findPublisher", [protocol, address, port], () =>
      this.#host.findPublisher(protocol, address, port),
    );
  }

  async resolveName(name: string): Promise<NameAnswer> {
    return this.#askLater("resolveName", [name], () => this.#host.resolveName(name));
  }

  system = (): ReturnType<Host["system"]> => this.#ask("system", [], () => this.#host.system());
  netns = (): ReturnType<Host["netns"]> => this.#ask("netns", [], () => this.#host.netns());
  socketSource = (): ReturnType<Host["socketSource"]> => this.#ask("socketSource", [], () => this.#host.socketSource());
  getSocket = (id: SocketId): Socket | undefined => this.#ask("getSocket", [id], () => this.#host.getSocket(id));
  probeBind = (attempt: BindAttempt): ReturnType<Host["probeBind"]> =>
    this.#ask("probeBind", [attempt], () => this.#host.probeBind(attempt));
  sourceAddress = (question: SourceQuestion): ReturnType<Host["sourceAddress"]> =>
    this.#ask("sourceAddress", [question], () => this.#host.sourceAddress(question));
  sysctl = (name: string): string | undefined => this.#ask("sysctl", [name], () => this.#host.sysctl(name));
  sysctlLines = (): ReturnType<Host["sysctlLines"]> => this.#ask("sysctlLines", [], () => this.#host.sysctlLines());
  counters = (): ReturnType<Host["counters"]> => this.#ask("counters", [], () => this.#host.counters());
  serviceRestart = (unit: string, user?: number): string | undefined =>
    this.#ask("serviceRestart", [unit, user ?? null], () => this.#host.serviceRestart(unit, user));
  socketUnits = (port: number, user?: number): readonly string[] =>
    this.#ask("socketUnits", [port, user ?? null], () => this.#host.socketUnits(port, user));
  descriptorLimit = (pid: number): ReturnType<Host["descriptorLimit"]> =>
    this.#ask("descriptorLimit", [pid], () => this.#host.descriptorLimit(pid));
  descriptorCount = (pid: number, atLeast: number): number | undefined =>
    this.#ask("descriptorCount", [pid, atLeast], () => this.#host.descriptorCount(pid, atLeast));
  surroundings = (pid: number): ReturnType<Host["surroundings"]> =>
    this.#ask("surroundings", [pid], () => this.#host.surroundings(pid));
  localAddresses = (): ReturnType<Host["localAddresses"]> =>
    this.#ask("localAddresses", [], () => this.#host.localAddresses());
  interfaces = (): ReturnType<Host["interfaces"]> => this.#ask("interfaces", [], () => this.#host.interfaces());
  processes = (): ReturnType<Host["processes"]> => this.#ask("processes", [], () => this.#host.processes());
  relatives = (pid: number): ReturnType<Host["relatives"]> =>
    this.#ask("relatives", [pid], () => this.#host.relatives(pid));
  socketFds = (pid: number, below?: number, from?: number): ReturnType<Host["socketFds"]> =>
    this.#ask("socketFds", [pid, below ?? null, from ?? null], () => this.#host.socketFds(pid, below, from));
  socketInode = (pid: number, fd: number): number | undefined =>
    this.#ask("socketInode", [pid, fd], () => this.#host.socketInode(pid, fd));
  detachedSockets = (): ReturnType<Host["detachedSockets"]> =>
    this.#ask("detachedSockets", [], () => this.#host.detachedSockets());
  socketOptions = (pid: number, fd: number): ReturnType<Host["socketOptions"]> =>
    this.#ask("socketOptions", [pid, fd], () => this.#host.socketOptions(pid, fd));
  hasCapability = (bit: number): boolean | undefined =>
    this.#ask("hasCapability", [bit], () => this.#host.hasCapability(bit));
  userName = (uid: number): string | undefined => this.#ask("userName", [uid], () => this.#host.userName(uid));
  userId = (name: string): number | undefined => this.#ask("userId", [name], () => this.#host.userId(name));
  cgroupPath = (id: number): string | undefined => this.#ask("cgroupPath", [id], () => this.#host.cgroupPath(id));
  cgroupId = (path: string): number | undefined => this.#ask("cgroupId", [path], () => this.#host.cgroupId(path));
  namespaces = (): ReturnType<Host["namespaces"]> => this.#ask("namespaces", [], () => this.#host.namespaces());
  rights = (): ReturnType<Host["rights"]> => this.#ask("rights", [], () => this.#host.rights());
}
