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
import { HOME, argumentsKey, laterKey, namespaceKey } from "./recording.ts";
import type { NamespaceRecord, RecordedError } from "./recording.ts";
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
  const namespaces: Record<string, NamespaceRecord> = { [HOME]: {} };
  return { host: new RecordingHost(host, HOME, namespaces, options), namespaces };
}

class RecordingHost implements Host {
  readonly kind: Host["kind"];
  /** What is done is not recorded: a replay could not do it again. */
  readonly actions: Host["actions"];
  readonly #host: Host;
  readonly #namespaces: Record<string, NamespaceRecord>;
  readonly #key: string;
  readonly #record: NamespaceRecord;
  readonly #options: RecordingOptions;

  constructor(host: Host, key: string, namespaces: Record<string, NamespaceRecord>, options: RecordingOptions) {
    this.kind = host.kind;
    this.actions = host.actions;
    this.#host = host;
    this.#namespaces = namespaces;
    this.#key = key;
    this.#record = namespaces[key] ??= {};
    this.#options = options;
  }

  #note<T>(method: keyof Host, args: readonly unknown[], answer: T): T {
    // JSON has no undefined: an answer of it is null.
    (this.#record[method] ??= {})[argumentsKey(args)] = answer ?? null;
    return answer;
  }

  enter(netns: NetnsRef): Host {
    const key = namespaceKey(netns);
    try {
      const inside = this.#host.enter(netns);
      this.#note("enter", [netns], { key });
      return new RecordingHost(inside, key, this.#namespaces, this.#options);
    } catch (error) {
      if (isPortmortemError(error)) {
        const { code, message, hint, errno } = error;
        const recorded: RecordedError = {
          error: { code, message, ...(hint === undefined ? {} : { hint }), ...(errno === undefined ? {} : { errno }) },
        };
        this.#note("enter", [netns], recorded);
      }
      throw error;
    }
  }

  again(): Host {
    const key = this.#note("again", [], { key: laterKey(this.#key) }).key;
    return new RecordingHost(this.#host.again(), key, this.#namespaces, this.#options);
  }

  dumpSockets(request: DumpRequest): SocketDump {
    const dump = this.#host.dumpSockets(request);
    const note = (sockets: Socket[]): unknown =>
      this.#note("dumpSockets", [request], { summary: { ...dump.summary }, sockets });
    return {
      summary: dump.summary,
      *[Symbol.iterator](): Generator<SocketBatch, void, undefined> {
        const sockets: Socket[] = [];
        for (const batch of dump) {
          for (let index = 0; index < batch.length; index++) sockets.push(batch.socketAt(index));
          yield batch;
        }
        note(sockets);
      },
    };
  }

  process(pid: number): ProcessFacts | undefined {
    const facts = this.#host.process(pid);
    const clean = this.#options.redact ? redacted : withoutSecrets;
    this.#note("process", [pid], facts === undefined ? undefined : { ...facts, args: clean(facts.args) });
    return facts;
  }

  processEnvironment(pid: number, names: readonly string[]): ReturnType<Host["processEnvironment"]> {
    const values = this.#host.processEnvironment(pid, names);
    const { redact } = this.#options;
    this.#note(
      "processEnvironment",
      [pid, names],
      values === undefined ? undefined : withoutSecretValues(values, redact),
    );
    return values;
  }

  async containerName(container: Container): Promise<string | undefined> {
    return this.#note("containerName", [container], await this.#host.containerName(container));
  }

  async containerState(container: Container): Promise<ContainerAnswer> {
    return this.#note("containerState", [container], await this.#host.containerState(container));
  }

  async findPublisher(protocol: Protocol, address: string, port: number): Promise<PublisherAnswer> {
    const answer = await this.#host.findPublisher(protocol, address, port);
    return this.#note("findPublisher", [protocol, address, port], answer);
  }

  async resolveName(name: string): Promise<NameAnswer> {
    return this.#note("resolveName", [name], await this.#host.resolveName(name));
  }

  system = (): ReturnType<Host["system"]> => this.#note("system", [], this.#host.system());
  netns = (): ReturnType<Host["netns"]> => this.#note("netns", [], this.#host.netns());
  socketSource = (): ReturnType<Host["socketSource"]> => this.#note("socketSource", [], this.#host.socketSource());
  getSocket = (id: SocketId): Socket | undefined => this.#note("getSocket", [id], this.#host.getSocket(id));
  probeBind = (attempt: BindAttempt): ReturnType<Host["probeBind"]> =>
    this.#note("probeBind", [attempt], this.#host.probeBind(attempt));
  sourceAddress = (question: SourceQuestion): ReturnType<Host["sourceAddress"]> =>
    this.#note("sourceAddress", [question], this.#host.sourceAddress(question));
  sysctl = (name: string): string | undefined => this.#note("sysctl", [name], this.#host.sysctl(name));
  sysctlLines = (): ReturnType<Host["sysctlLines"]> => this.#note("sysctlLines", [], this.#host.sysctlLines());
  counters = (): ReturnType<Host["counters"]> => this.#note("counters", [], this.#host.counters());
  serviceRestart = (unit: string, user?: number): string | undefined =>
    this.#note("serviceRestart", [unit, user ?? null], this.#host.serviceRestart(unit, user));
  socketUnits = (port: number, user?: number): readonly string[] =>
    this.#note("socketUnits", [port, user ?? null], this.#host.socketUnits(port, user));
  descriptorLimit = (pid: number): ReturnType<Host["descriptorLimit"]> =>
    this.#note("descriptorLimit", [pid], this.#host.descriptorLimit(pid));
  descriptorCount = (pid: number, atLeast: number): number | undefined =>
    this.#note("descriptorCount", [pid, atLeast], this.#host.descriptorCount(pid, atLeast));
  surroundings = (pid: number): ReturnType<Host["surroundings"]> =>
    this.#note("surroundings", [pid], this.#host.surroundings(pid));
  localAddresses = (): ReturnType<Host["localAddresses"]> =>
    this.#note("localAddresses", [], this.#host.localAddresses());
  interfaces = (): ReturnType<Host["interfaces"]> => this.#note("interfaces", [], this.#host.interfaces());
  processes = (): ReturnType<Host["processes"]> => this.#note("processes", [], this.#host.processes());
  relatives = (pid: number): ReturnType<Host["relatives"]> => this.#note("relatives", [pid], this.#host.relatives(pid));
  socketFds = (pid: number, below?: number, from?: number): ReturnType<Host["socketFds"]> =>
    this.#note("socketFds", [pid, below ?? null, from ?? null], this.#host.socketFds(pid, below, from));
  socketInode = (pid: number, fd: number): number | undefined =>
    this.#note("socketInode", [pid, fd], this.#host.socketInode(pid, fd));
  detachedSockets = (): ReturnType<Host["detachedSockets"]> =>
    this.#note("detachedSockets", [], this.#host.detachedSockets());
  socketOptions = (pid: number, fd: number): ReturnType<Host["socketOptions"]> =>
    this.#note("socketOptions", [pid, fd], this.#host.socketOptions(pid, fd));
  hasCapability = (bit: number): boolean | undefined =>
    this.#note("hasCapability", [bit], this.#host.hasCapability(bit));
  userName = (uid: number): string | undefined => this.#note("userName", [uid], this.#host.userName(uid));
  userId = (name: string): number | undefined => this.#note("userId", [name], this.#host.userId(name));
  cgroupPath = (id: number): string | undefined => this.#note("cgroupPath", [id], this.#host.cgroupPath(id));
  cgroupId = (path: string): number | undefined => this.#note("cgroupId", [path], this.#host.cgroupId(path));
  namespaces = (): ReturnType<Host["namespaces"]> => this.#note("namespaces", [], this.#host.namespaces());
  rights = (): ReturnType<Host["rights"]> => this.#note("rights", [], this.#host.rights());
}
