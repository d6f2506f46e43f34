/**
 * The healthy end of connections of each kind. `serve HOST` listens, and prints its ports as JSON; `connect HOST LIST` connects to
 * each of a list, has one answer from it, and prints "ready". What comes on net and tls is sent back. Until its stdin ends.
 */
import { existsSync, readFileSync } from "node:fs";
import http from "node:http";
import http2 from "node:http2";
import net, { type AddressInfo } from "node:net";
import { dirname, join } from "node:path";
import tls from "node:tls";

const pem = (name: string): Buffer => readFileSync(join(root(import.meta.dirname), "test/fixtures/graceful", name));
const key = { key: pem("test-only-key.pem"), cert: pem("test-only-certificate.pem") };

function root(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : root(dirname(folder));
}

const echo = (socket: net.Socket): void => void socket.on("data", (data) => socket.write(data)).on("error", () => {});
const answer = (_: unknown, response: unknown): void => void (response as http.ServerResponse).end("x");

async function serve(host: string): Promise<void> {
  const servers = {
    net: net.createServer(echo),
    tls: tls.createServer(key, echo),
    http: http.createServer({ keepAliveTimeout: 0 }, answer),
    h2c: http2.createServer(answer),
    h2: http2.createSecureServer(key, answer),
  };
  const ports: Record<string, number> = {};
  for (const [kind, server] of Object.entries(servers)) {
    await new Promise<void>((resolve) => void server.listen(0, host, resolve));
    ports[kind] = (server.address() as AddressInfo).port;
  }
  process.stdout.write(`${JSON.stringify(ports)}\n`);
}

interface To {
  readonly kind: string;
  readonly port: number;
  /** One more request, which the server leaves without an answer. */
  readonly isHeld: boolean;
}

/** Settles once something has come back. */
async function connect(host: string, { kind, port, isHeld }: To): Promise<void> {
  if (kind === "net" || kind === "tls") {
    const socket = kind === "net" ? net.connect(port, host) : tls.connect({ port, host, rejectUnauthorized: false });
    socket.on("error", () => {}).write("hello");
    await new Promise((resolve) => socket.once("data", resolve));
    echo(socket);
    return;
  }
  const ask = kind === "http" ? asker(host, port) : sessionAsker(kind, host, port);
  await new Promise<void>((resolve) => ask("/", resolve));
  if (isHeld) ask("/held", () => {});
}

type Ask = (path: string, then: () => void) => void;

function asker(host: string, port: number): Ask {
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  return (path, then) =>
    void http
      .get({ host, port, agent, path }, (response) =>
        response
          .on("error", () => {})
          .on("end", then)
          .resume(),
      )
      .on("error", () => {});
}

function sessionAsker(kind: string, host: string, port: number): Ask {
  const scheme = kind === "h2" ? "https" : "http";
  const session = http2.connect(`${scheme}://${host}:${port}`, { rejectUnauthorized: false });
  session.on("error", () => {});
  return (path, then) =>
    void session
      .request({ ":path": path })
      .on("error", () => {})
      .on("end", then)
      .resume();
}

const [verb, host = "", list = "[]"] = process.argv.slice(2);
if (verb === "serve") await serve(host);
else {
  await Promise.all((JSON.parse(list) as To[]).map((to) => connect(host, to)));
  process.stdout.write("ready\n");
}
process.stdin.resume();
process.stdin.on("end", () => process.exit());
