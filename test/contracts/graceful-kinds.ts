/**
 * One small server of each kind that `drain` has to bear, and a client of it. All do the same: a client asks with a word, and the answer is that
 * word; to "later" the answer is half given at once, and the rest when the test says so; to "held" all comes then; to "never" it stays half.
 */
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import https from "node:https";
import net from "node:net";
import { dirname, join } from "node:path";
import type { Duplex } from "node:stream";
import tls from "node:tls";
import { until } from "../kernel/until.ts";

const pem = (name: string): Buffer => readFileSync(join(root(import.meta.dirname), "test/fixtures/graceful", name));
const NODE_MAJOR = Number.parseInt(process.versions.node, 10);
export const SERVER_TLS = { key: pem("test-only-key.pem"), cert: pem("test-only-certificate.pem") };

function root(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : root(dirname(folder));
}

/** What the program under test answers with. */
export class Answers {
  readonly #later: (() => void)[] = [];

  begin(word: string, write: (text: string) => unknown, end: (text: string) => unknown): void {
    if (word === "later" || word === "never") write("half,");
    if (word === "later") this.#later.push(() => end("whole"));
    else if (word === "held") this.#later.push(() => end("held"));
    else if (word !== "never") end(word);
  }

  get begun(): number {
    return this.#later.length;
  }

  finish(): void {
    for (const end of this.#later.splice(0)) end();
  }
}

export type Over = "end" | "reset";

export interface Client {
  /** Asks, and answers all that came for it. */
  ask(word: string): Promise<string>;
  /** Closes as a client does that has what it wanted, or was told to. */
  leave(): void;
  /** How the connection ended, once it did; this client never closes first. */
  readonly over: Promise<Over>;
}

export interface ServerKind {
  readonly name: string;
  /** The client closes as soon as it is told to, in the protocol; in the others only `leave` does it. */
  readonly isTold: boolean;
  /** Why it is only drained when it was watched from the start. */
  readonly needsWatch?: string;
  serve(answers: Answers): net.Server;
  connect(port: number): Promise<Client>;
}

const echo = (answers: Answers) => (socket: Duplex) => {
  socket.on("error", () => {});
  socket.on("data", (data: Buffer) => {
    const word = data.toString().trim();
    answers.begin(
      word,
      (text) => socket.write(text),
      (text) => socket.write(`${text}.`),
    );
  });
};

const request = (answers: Answers) => (request: http.IncomingMessage | http2.Http2ServerRequest, response: unknown) => {
  const to = response as { write(text: string): void; end(text: string): void };
  answers.begin(
    (request.url ?? "/").slice(1),
    (text) => to.write(text),
    (text) => to.end(text),
  );
};

/** HTTP servers that also upgrade to a protocol without HTTP, and serve as a proxy to it. */
function alsoOther(server: http.Server, answers: Answers): http.Server {
  server.on("upgrade", (_request, socket) => {
    socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n");
    echo(answers)(socket);
  });
  server.on("connect", (_request, socket) => {
    socket.write("HTTP/1.1 200 Connection established\r\n\r\n");
    echo(answers)(socket);
  });
  return server;
}

/** A client that writes and reads bytes, and leaves the other direction open when the server shuts its own. */
export class RawClient implements Client {
  readonly socket: net.Socket;
  received = "";
  readonly over: Promise<Over>;

  constructor(socket: net.Socket) {
    this.socket = socket;
    socket.setEncoding("latin1").on("data", (text: string) => (this.received += text));
    this.over = new Promise((resolve) => {
      socket.once("end", () => resolve("end"));
      socket.once("error", () => resolve("reset"));
    });
    // With its own FIN the server's drain ends; the test has seen what it wanted by then.
    socket.once("end", () => socket.end());
  }

  async ask(word: string): Promise<string> {
    const before = this.received.length;
    this.socket.write(`${word}\n`);
    return until(`an answer to ${word}`, () => {
      const answer = this.received.slice(before);
      return answer.endsWith(".") ? answer.slice(0, -1) : undefined;
    });
  }

  leave(): void {
    this.socket.end();
  }
}

/** Connected, and with the greeting of the protocol behind it. */
export async function rawClient(socket: net.Socket, greeting = ""): Promise<RawClient> {
  const client = new RawClient(socket);
  await new Promise((resolve, reject) => {
    socket.once(socket instanceof tls.TLSSocket ? "secureConnect" : "connect", resolve).once("error", reject);
  });
  if (greeting === "") return client;
  socket.write(greeting);
  await until("a greeting", () => client.received.includes("\r\n\r\n"));
  client.received = "";
  return client;
}

function agentClient(protocol: typeof http | typeof https, port: number): Client {
  const agent = new protocol.Agent({ keepAlive: true, maxSockets: 1 });
  let over: ((how: Over) => void) | undefined;
  const ended = new Promise<Over>((resolve) => (over = resolve));
  const ask = (word: string): Promise<string> =>
    new Promise((resolve, reject) => {
      const asked = protocol.get({ port, path: `/${word}`, agent, rejectUnauthorized: false }, (response) => {
        let text = "";
        response
          .setEncoding("latin1")
          .on("data", (part: string) => (text += part))
          .on("end", () => resolve(text))
          .on("error", reject);
      });
      asked.on("error", reject).once("socket", (socket) => {
        socket.once("close", () => over?.("end")).once("error", () => over?.("reset"));
      });
    });
  return { ask, leave: () => agent.destroy(), over: ended };
}

function sessionClient(url: string): Promise<Client> {
  const session = http2.connect(url, { rejectUnauthorized: false });
  const over = new Promise<Over>((resolve) => {
    session.once("close", () => resolve("end")).once("error", () => resolve("reset"));
  });
  const ask = (word: string): Promise<string> =>
    new Promise((resolve, reject) => {
      let text = "";
      const stream = session.request({ ":path": `/${word}` });
      stream
        .setEncoding("latin1")
        .on("data", (part: string) => (text += part))
        .on("error", reject)
        .on("close", () =>
          stream.rstCode === 0 && !text.endsWith(",") ? resolve(text) : reject(new Error("cut off")),
        );
    });
  return new Promise((resolve, reject) => {
    session.once("connect", () => resolve({ ask, leave: () => session.close(), over })).once("error", reject);
  });
}

const overTls = (port: number): tls.TLSSocket =>
  tls.connect({ port, rejectUnauthorized: false, allowHalfOpen: true } as tls.ConnectionOptions);
const overTcp = (port: number): net.Socket => net.connect({ port, allowHalfOpen: true });
const UPGRADE = "GET / HTTP/1.1\r\nHost: test\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n";
const TUNNEL = "CONNECT peer:1 HTTP/1.1\r\nHost: peer:1\r\n\r\n";

export const SERVER_KINDS: readonly ServerKind[] = [
  {
    name: "net",
    isTold: false,
    serve: (answers) => net.createServer(echo(answers)),
    connect: (port) => rawClient(overTcp(port)),
  },
  {
    name: "tls",
    isTold: false,
    serve: (answers) => tls.createServer(SERVER_TLS, echo(answers)),
    connect: (port) => rawClient(overTls(port)),
  },
  {
    name: "http",
    isTold: true,
    serve: (answers) => http.createServer(request(answers)),
    connect: async (port) => agentClient(http, port),
  },
  {
    name: "https",
    isTold: true,
    serve: (answers) => https.createServer(SERVER_TLS, request(answers)),
    connect: async (port) => agentClient(https, port),
  },
  {
    name: "h2c",
    isTold: true,
    serve: (answers) => http2.createServer(request(answers)),
    connect: (port) => sessionClient(`http://localhost:${port}`),
  },
  {
    name: "h2",
    isTold: true,
    ...(NODE_MAJOR < 24 ? { needsWatch: "Node knows the sessions of a TLS server only since 24" } : {}),
    serve: (answers) => http2.createSecureServer(SERVER_TLS, request(answers)),
    connect: (port) => sessionClient(`https://localhost:${port}`),
  },
  {
    name: "an upgraded http connection",
    isTold: false,
    serve: (answers) => alsoOther(http.createServer(request(answers)), answers),
    connect: (port) => rawClient(overTcp(port), UPGRADE),
  },
  {
    name: "an upgraded https connection",
    isTold: false,
    serve: (answers) => alsoOther(https.createServer(SERVER_TLS, request(answers)), answers),
    connect: (port) => rawClient(overTls(port), UPGRADE),
  },
  {
    name: "a CONNECT tunnel",
    isTold: false,
    serve: (answers) => alsoOther(http.createServer(request(answers)), answers),
    connect: (port) => rawClient(overTcp(port), TUNNEL),
  },
];

export async function listening(server: net.Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return (server.address() as net.AddressInfo).port;
}
