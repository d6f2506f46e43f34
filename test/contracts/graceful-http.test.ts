// What drain() promises of HTTP/1 in particular, byte by byte, with clients that do all that the protocol allows.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { describe, test } from "node:test";
import { drain, type DrainOptions, type DrainReport } from "../../src/graceful/graceful.ts";
import { until } from "../kernel/until.ts";
import { listening, rawClient, type RawClient } from "./graceful-kinds.ts";

const LONG_MS = 60_000;
const PATIENT: DrainOptions = { graceMs: LONG_MS, idleMs: LONG_MS, lingerMs: LONG_MS };
const GET = (path: string, more = ""): string => `GET ${path} HTTP/1.1\r\nHost: test\r\n${more}\r\n`;

type Handler = (request: http.IncomingMessage, response: http.ServerResponse) => void;

/** Handlers wait until the test lets them go on. */
class Stage {
  readonly server: http.Server;
  readonly client: RawClient;
  readonly begun: string[];
  readonly #held: Map<string, () => void>;

  private constructor(server: http.Server, client: RawClient, begun: string[], held: Map<string, () => void>) {
    this.server = server;
    this.client = client;
    this.begun = begun;
    this.#held = held;
  }

  static async of(handle: Handler = (request, response) => void response.end(request.url)): Promise<Stage> {
    const begun: string[] = [];
    const held = new Map<string, () => void>();
    const server = http.createServer((request, response) => {
      const { url = "" } = request;
      begun.push(url);
      if (url.startsWith("/held")) held.set(url, () => handle(request, response));
      else handle(request, response);
    });
    const port = await listening(server);
    return new Stage(server, await rawClient(net.connect({ port, allowHalfOpen: true })), begun, held);
  }

  /** Sends, and waits until the handlers of these have begun. */
  async begin(text: string, ...paths: string[]): Promise<void> {
    this.client.socket.write(text, "latin1");
    await until(`begun: ${paths.join(" ")}`, () => paths.every((path) => this.begun.includes(path)));
  }

  async drain(options: DrainOptions = {}): Promise<Promise<DrainReport>[]> {
    const done = drain(this.server, { ...PATIENT, ...options });
    await until("it does not listen", () => !this.server.listening);
    return [done];
  }

  release(path: string): void {
    this.#held.get(path)?.();
  }

  /** Until the client has read this. */
  async read(text: string): Promise<void> {
    await until(`the client reads ${text}`, () => this.client.received.includes(text));
  }
}

const connectionHeaders = (text: string): string[] =>
  [...text.matchAll(/^connection: (.*)\r$/gim)].map(([, value]) => value!);

describe("drain() of HTTP/1", { timeout: 30_000 }, () => {
  test("answers pipelined requests in order, and says close with the last of them", async () => {
    const stage = await Stage.of();
    await stage.begin(GET("/held1") + GET("/held2"), "/held1", "/held2");
    const [done] = await stage.drain();
    await stage.begin(GET("/held3"), "/held3");
    for (const path of ["/held3", "/held1", "/held2"]) stage.release(path);
    await stage.read("/held3");
    stage.client.leave();
    const { received } = stage.client;
    assert.deepEqual(connectionHeaders(received), ["keep-alive", "keep-alive", "close"]);
    assert.deepEqual(received.match(/\/held\d/g), ["/held1", "/held2", "/held3"]);
    const report = await done!;
    assert.deepEqual([report.requestsFinished, report.closedByPeer], [3, 1]);
  });

  test("takes one more request on an idle connection, and begins none after it has said close", async () => {
    const stage = await Stage.of();
    await stage.begin(GET("/first"), "/first");
    await stage.read("/first");
    const [done] = await stage.drain();
    stage.client.received = "";
    await stage.begin(GET("/second") + GET("/third") + GET("/fourth"), "/second");
    await stage.read("/second");
    stage.client.leave();
    const report = await done!;
    assert.deepEqual(connectionHeaders(stage.client.received), ["close"]);
    assert.deepEqual(stage.begun, ["/first", "/second"]);
    assert.deepEqual([report.requestsFinished, report.closedByPeer], [1, 1]);
    assert.ok(stage.server.maxRequestsPerSocket === 0 || stage.server.maxRequestsPerSocket === null);
  });

  for (const [what, handle] of [
    [
      "in writeHead",
      (_, response) => void response.writeHead(200, { connection: "keep-alive", "X-Kept": "1" }).end("x"),
    ],
    [
      "in a flat list",
      (_, response) => void response.writeHead(200, ["Connection", "keep-alive", "X-Kept", "1"]).end("x"),
    ],
    [
      "by setHeader",
      (_, response) => void response.setHeader("Connection", "keep-alive").setHeader("X-Kept", "1").end("x"),
    ],
    [
      "by removing it",
      (_, response) => (response.removeHeader("connection"), void response.setHeader("X-Kept", "1").end("x")),
    ],
  ] satisfies [string, Handler][])
    test(`says close where the handler speaks of the connection ${what}`, async () => {
      const stage = await Stage.of(handle);
      await stage.begin(GET("/held"), "/held");
      const [done] = await stage.drain();
      stage.release("/held");
      await stage.read("\r\n\r\n");
      stage.client.leave();
      await done;
      assert.deepEqual(connectionHeaders(stage.client.received), ["close"]);
      assert.match(stage.client.received, /^x-kept: 1\r$/im);
    });

  test("waits for an upload, and answers it", async () => {
    const stage = await Stage.of((request, response) => {
      let bytes = 0;
      request.on("data", (part: Buffer) => (bytes += part.length)).on("end", () => response.end(`got ${bytes}`));
    });
    await stage.begin("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 10\r\n\r\n01234", "/up");
    const [done] = await stage.drain();
    stage.client.socket.write("56789");
    await stage.read("got 10");
    stage.client.leave();
    assert.equal((await done!).closedByPeer, 1);
  });

  test("does not reset a client that goes on uploading after its answer", async () => {
    const stage = await Stage.of((_, response) => void response.writeHead(413).end("too much"));
    await stage.begin("POST /held HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n", "/held");
    const [done] = await stage.drain({ lingerMs: 50 });
    stage.release("/held");
    for (let sent = 0; sent < 10; sent++) stage.client.socket.write("0".repeat(50_000));
    await stage.read("too much");
    assert.equal(await stage.client.over, "end");
    assert.equal((await done!).aborted, 0);
  });

  test("says 100 Continue to those who wait for it, and takes their body", async () => {
    const stage = await Stage.of((request, response) => {
      request.resume().on("end", () => response.end("taken"));
    });
    const [done] = await stage.drain();
    await stage.begin("POST /up HTTP/1.1\r\nHost: test\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n", "/up");
    await stage.read("100 Continue");
    stage.client.socket.write("body");
    await stage.read("taken");
    stage.client.leave();
    await done;
    assert.deepEqual(connectionHeaders(stage.client.received), ["close"]);
  });

  test("sends trailers", async () => {
    const stage = await Stage.of((_, response) => {
      response.writeHead(200, { Trailer: "X-Sum" });
      response.write("body");
      response.addTrailers({ "X-Sum": "7" });
      response.end();
    });
    await stage.begin(GET("/held"), "/held");
    const [done] = await stage.drain();
    stage.release("/held");
    await stage.read("X-Sum: 7\r\n\r\n");
    stage.client.leave();
    assert.equal((await done!).closedByPeer, 1);
  });

  test("answers a client that has shut its own direction", async () => {
    const stage = await Stage.of();
    await stage.begin(GET("/held"), "/held");
    const [done] = await stage.drain();
    stage.client.socket.end();
    await new Promise((resolve) => setImmediate(resolve));
    stage.release("/held");
    assert.equal(await stage.client.over, "end");
    assert.match(stage.client.received, /\/held$/);
    assert.deepEqual([(await done!).closedByPeer, (await done!).timeWaitLeft ?? 0], [1, 0]);
  });

  test("ends the connection itself where only that says that the body is complete", async () => {
    for (const request of ["GET /held HTTP/1.0\r\n\r\n", GET("/held")]) {
      const stage = await Stage.of((_, response) => {
        response.removeHeader("transfer-encoding");
        response.write("all ");
        response.end("there is");
      });
      await stage.begin(request, "/held");
      const [done] = await stage.drain();
      stage.release("/held");
      assert.equal(await stage.client.over, "end");
      assert.match(stage.client.received, /all there is$/);
      assert.deepEqual([(await done!).closedByUs, (await done!).aborted], [1, 0]);
    }
  });

  test("waits for a slow reader, and loses nothing of what it reads", async () => {
    const bytes = 20_000_000;
    const stage = await Stage.of((_, response) => void response.end(Buffer.alloc(bytes, "x")));
    await stage.begin(GET("/held"), "/held");
    stage.client.socket.pause();
    const [done] = await stage.drain({ lingerMs: 30, idleMs: 30 });
    stage.release("/held");
    let turns = 0;
    while (!stage.client.socket.readableEnded && turns++ < 10_000) {
      stage.client.socket.resume();
      await new Promise((resolve) => setImmediate(resolve));
      stage.client.socket.pause();
      await new Promise((resolve) => setImmediate(resolve));
      if (stage.client.received.length > bytes) break;
    }
    stage.client.socket.resume();
    assert.equal(await stage.client.over, "end");
    const body = stage.client.received.length - stage.client.received.indexOf("\r\n\r\n") - 4;
    assert.equal(body, bytes);
    assert.equal((await done!).aborted, 0);
  });

  test("waits for a request whose head is still coming in", async () => {
    const stage = await Stage.of();
    const [done] = await stage.drain({ idleMs: 300 });
    const text = GET("/slow", "X-Padding: 1\r\n");
    for (let at = 0; at < text.length; at += 12) {
      stage.client.socket.write(text.slice(at, at + 12));
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    await stage.read("/slow");
    stage.client.leave();
    assert.equal((await done!).requestsFinished, 1);
  });

  test("lets an Agent go through its whole queue without an error", async () => {
    const stage = await Stage.of((_, response) => void setImmediate(() => response.end("x")));
    const { port } = stage.server.address() as net.AddressInfo;
    const agent = new http.Agent({ keepAlive: true, maxSockets: 4 });
    const ask = (): Promise<void> =>
      new Promise((resolve, reject) => {
        http.get({ port, agent }, (response) => response.resume().on("end", resolve)).on("error", reject);
      });
    await Promise.all(Array.from({ length: 20 }, ask));
    stage.client.leave();
    const last = [ask(), ask(), ask(), ask()];
    const done = drain(stage.server, PATIENT);
    await Promise.all(last);
    agent.destroy();
    const report = await done;
    assert.deepEqual([report.closedByUs, report.aborted, report.timeWaitLeft ?? 0], [0, 0, 0]);
  });

  test("bears a thousand idle connections that do not close", async () => {
    const stage = await Stage.of();
    const { port } = stage.server.address() as net.AddressInfo;
    let accepted = 1;
    stage.server.on("connection", () => accepted++);
    const clients: RawClient[] = [];
    // In small crowds: those for whom the accept queue has no room are not connected, though they believe it.
    while (clients.length < 1000) {
      await until("all are accepted", () => accepted === clients.length + 1);
      clients.push(
        ...(await Promise.all(
          Array.from({ length: 100 }, () => rawClient(net.connect({ port, allowHalfOpen: true }))),
        )),
      );
    }
    const progress: number[] = [];
    const report = await drain(stage.server, { ...PATIENT, idleMs: 20, onProgress: ({ open }) => progress.push(open) });
    assert.equal(report.connections, 1001);
    assert.equal(report.closedByUs, 1001);
    assert.ok(progress[0]! > 900 && progress.at(-1) === 0, progress.join());
    assert.deepEqual(new Set(await Promise.all(clients.map(({ over }) => over))), new Set(["end"]));
  });
});

describe("drain() of an upgraded connection", { timeout: 30_000 }, () => {
  test("says goodbye by the hook, and keeps what it throws", async () => {
    const server = http.createServer().on("upgrade", (_, socket) => {
      socket.write("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    });
    const port = await listening(server);
    const client = await rawClient(
      net.connect({ port, allowHalfOpen: true }),
      GET("/", "Connection: Upgrade\r\nUpgrade: x\r\n"),
    );
    const kinds: string[] = [];
    const report = await drain(server, {
      ...PATIENT,
      idleMs: 10,
      beforeClose: (socket, { kind }) => {
        kinds.push(kind);
        socket.write("goodbye");
        throw new Error("of the hook");
      },
    });
    assert.equal(await client.over, "end");
    assert.equal(client.received, "goodbye");
    assert.deepEqual(kinds, ["upgraded"]);
    assert.match(String(report.hookErrors?.[0]), /of the hook/);
  });
});
