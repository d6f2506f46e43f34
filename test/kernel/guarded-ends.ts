/** Our ends of connections of each kind, under guard: servers that a peer connects to, and clients of a peer's servers. */
import { readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { join } from "node:path";
import tls from "node:tls";
import { guard, type Guard, type Guarded, type GuardOptions } from "../../src/graceful/graceful.ts";
import { ROOT } from "./story.ts";

export type Kind = "net" | "tls" | "http" | "h2c" | "h2";

const pem = (name: string): Buffer => readFileSync(join(ROOT, "test/fixtures/graceful", name));

export interface Ending {
  readonly at: number;
  /** What the sockets of the connection said, the TCP socket's and what is above it. */
  readonly errors: readonly Error[];
}

/** One guarded connection. */
export class End {
  readonly name: string;
  readonly guard: Guard;
  ending: Ending | undefined;
  readonly #errors: Error[] = [];
  readonly #ends: (() => unknown)[] = [];
  #sayMore: () => unknown = () => {};

  constructor(name: string, target: Guarded, options: GuardOptions) {
    this.name = name;
    this.guard = guard(target, options);
  }

  /** Something of ours that is told to the peer, whether it is there or not. */
  say(): void {
    this.#sayMore();
  }

  atEnd(work: () => unknown): void {
    this.#ends.push(work);
  }

  /** Nothing of it is left. */
  stop(): void {
    this.guard.remove();
    for (const work of this.#ends) work();
  }

  canSay(sayMore: () => unknown): void {
    this.#sayMore = sayMore;
  }

  /** `socket` may be a session. */
  follow(socket: net.Socket | http2.ClientHttp2Session): void {
    this.atEnd(() => socket.destroy());
    socket.on("error", (error: Error) => this.#errors.push(error));
    socket.once("close", () => (this.ending ??= { at: performance.now(), errors: this.#errors }));
  }
}

/** Answers the end of one connection, and where its peer is to connect. */
export async function serverEnd(kind: Kind, host: string, options: GuardOptions): Promise<[End, net.Server]> {
  const key = { key: pem("test-only-key.pem"), cert: pem("test-only-certificate.pem") };
  const onSocket = (socket: net.Socket): void => {
    end.follow(socket);
    socket.once("data", () => socket.write("hi"));
    end.canSay(() => socket.write("more"));
  };
  const onRequest = (request: { readonly url?: string | undefined }, response: unknown): void => {
    const to = response as http.ServerResponse;
    if (request.url === "/held") end.canSay(() => to.write("more"));
    else to.end("x");
  };
  const servers: Record<Kind, () => net.Server> = {
    net: () => net.createServer(onSocket),
    tls: () => tls.createServer(key, onSocket),
    http: () => http.createServer({ keepAliveTimeout: 0 }, onRequest),
    h2c: () => http2.createServer(onRequest),
    h2: () => http2.createSecureServer(key, onRequest),
  };
  const server = servers[kind]();
  const end: End = new End(`server of ${kind}`, server, options);
  if (kind !== "net" && kind !== "tls")
    server.on(kind === "h2" ? "secureConnection" : "connection", (socket: net.Socket) => end.follow(socket));
  end.atEnd(() => server.close());
  server.on("sessionError", () => {}).on("tlsClientError", () => {});
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return [end, server];
}

export const portOf = (server: net.Server): number => (server.address() as AddressInfo).port;

/** Connected, with one answer received. */
export async function clientEnd(kind: Kind, host: string, port: number, options: GuardOptions): Promise<End> {
  const name = `client of ${kind}`;
  if (kind === "net" || kind === "tls") {
    const socket = kind === "net" ? net.connect(port, host) : tls.connect({ port, host, rejectUnauthorized: false });
    const end = new End(name, socket, options);
    end.follow(socket);
    socket.write("hello");
    await new Promise((resolve) => socket.once("data", resolve));
    socket.resume();
    end.canSay(() => socket.write("more"));
    return end;
  }
  if (kind === "http") {
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    const ask = (): http.ClientRequest => http.get({ host, port, agent }).on("error", () => {});
    const request = ask();
    const socket = await new Promise<net.Socket>((resolve) => request.once("socket", resolve));
    const end = new End(name, socket, options);
    end.follow(socket);
    await new Promise((resolve) => request.on("response", (response) => response.resume().on("end", resolve)));
    end.canSay(ask);
    return end;
  }
  const session = http2.connect(`${kind === "h2" ? "https" : "http"}://${host}:${port}`, { rejectUnauthorized: false });
  const end = new End(name, session, options);
  end.follow(session);
  const ask = (): http2.ClientHttp2Stream =>
    session
      .request({ ":path": "/" })
      .on("error", () => {})
      .resume();
  await new Promise((resolve) => ask().on("end", resolve));
  end.canSay(ask);
  return end;
}
