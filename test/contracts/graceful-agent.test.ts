// An agent does not send a request where it would be lost: on a connection that the server has closed or is about to. Of http and https.
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import https from "node:https";
import type { AddressInfo, Server, Socket } from "node:net";
import { test } from "node:test";
import { agent, type AgentOptions, retryable } from "../../src/graceful/graceful.ts";
import { until } from "../kernel/until.ts";
import { SERVER_TLS } from "./graceful-kinds.ts";

interface Stage {
  readonly made: http.Agent;
  readonly sockets: Socket[];
  /** The answer of a request to the path, and whether its connection was used before. */
  readonly get: (path?: string) => Promise<{ readonly reused: boolean; readonly text: string }>;
  readonly request: (path: string, method?: string) => http.ClientRequest;
  readonly idle: () => Promise<unknown>;
}

const KINDS = [
  { name: "http", module: http, serve: (handler: http.RequestListener) => http.createServer(handler) },
  { name: "https", module: https, serve: (handler: http.RequestListener) => https.createServer(SERVER_TLS, handler) },
] as const;

/** The server answers with the path; `hint` is its Keep-Alive header, and it closes nothing by itself. */
function staged(
  title: string,
  { hint, handler, ...options }: AgentOptions & { hint?: string; handler?: (request: http.IncomingMessage) => boolean },
  body: (stage: Stage) => Promise<void>,
): void {
  for (const { name, module, serve } of KINDS)
    test(`${title} (${name})`, async () => {
      const sockets: Socket[] = [];
      const server = serve((request, response) => {
        if (handler?.(request) === true) return;
        if (hint !== undefined) response.setHeader("keep-alive", hint);
        response.setHeader("connection", "keep-alive");
        response.end(request.url);
      });
      server.keepAliveTimeout = 0;
      (server as Server).on(name === "http" ? "connection" : "secureConnection", (socket: Socket) =>
        sockets.push(socket),
      );
      await new Promise<void>((resolve) => server.listen(0, resolve));
      const { port } = server.address() as AddressInfo;
      const made = agent({ rejectUnauthorized: false, ...options })[name];
      const request: Stage["request"] = (path, method = "GET") =>
        module.request({ port, path, method, agent: made }).end();
      const get: Stage["get"] = async (path = "/") => {
        const asked = request(path);
        const [response] = (await once(asked, "response")) as [http.IncomingMessage];
        let text = "";
        for await (const part of response) text += String(part);
        return { reused: asked.reusedSocket, text };
      };
      const idle: Stage["idle"] = () => until("idle", () => Object.keys(made.freeSockets).length > 0);
      try {
        await body({ made, sockets, get, request, idle });
      } finally {
        made.destroy();
        server.closeAllConnections();
        server.close();
      }
    });
}

/** Time passes, and nothing of the program runs. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

staged("agent() uses a connection again, the last one first", {}, async ({ get, idle, sockets }) => {
  assert.deepEqual(await get("/a"), { reused: false, text: "/a" });
  for (const path of ["/b", "/c"]) {
    await idle();
    assert.deepEqual(await get(path), { reused: true, text: path });
  }
  assert.equal(sockets.length, 1);
});

staged("agent() does not use a connection whose FIN has come and was not yet seen", {}, async (stage) => {
  await stage.get();
  await stage.idle();
  stage.sockets[0]?.destroy();
  // Nothing has run in between: Node cannot know. On loopback what the server's socket sends has arrived once it is sent.
  await new Promise((resolve) => stage.sockets[0]?.once("close", resolve));
  assert.deepEqual(await stage.get("/again"), { reused: false, text: "/again" });
});

staged(
  "agent() does not use a connection that is too old, even if no timer could run",
  { idleMs: 30 },
  async (stage) => {
    await stage.get();
    await stage.idle();
    block(40);
    assert.equal((await stage.get()).reused, false);
  },
);

staged("agent() closes a connection that nobody wants", { idleMs: 30 }, async (stage) => {
  await stage.get();
  await stage.idle();
  await until("closed", () => stage.sockets[0]?.destroyed);
  assert.deepEqual(Object.keys(stage.made.freeSockets), []);
});

staged("agent() heeds the time that the server gives", { hint: "timeout=2, max=100" }, async (stage) => {
  await stage.get();
  await stage.idle();
  assert.equal((await stage.get()).reused, true);
  await stage.idle();
  block(1010);
  assert.equal((await stage.get()).reused, false);
});

staged("agent() keeps no connection whose server gives no time", { hint: "timeout=0" }, async (stage) => {
  await stage.get();
  assert.equal((await stage.get()).reused, false);
});

staged("agent() limits idling, not the wait for a response", {}, async ({ get, idle, made, request }) => {
  await get();
  await idle();
  assert.equal(Object.values(made.freeSockets)[0]?.[0]?.timeout, 4000);
  const asked = request("/");
  const [response] = (await once(asked, "response")) as [http.IncomingMessage];
  assert.deepEqual([asked.reusedSocket, response.socket.timeout], [true, 0]);
  response.resume();
});

/** The server drops a connection when the second request on it comes: what a close that crosses a request looks like. */
const dropsTheSecond = (): ((request: http.IncomingMessage) => boolean) => {
  const seen = new WeakSet<Socket>();
  return ({ socket }) => {
    if (!seen.has(socket)) return (seen.add(socket), false);
    socket.destroy();
    return true;
  };
};

staged(
  "retryable() makes a request again that a kept connection lost",
  { handler: dropsTheSecond() },
  async ({ get, idle, request }) => {
    await get();
    await idle();
    await assert.rejects(get(), { code: "ECONNRESET" });
    await get();
    await idle();
    let made = 0;
    const response = await retryable(() => (made++, request("/again")));
    assert.deepEqual([response.statusCode, made], [200, 2]);
    response.resume();
  },
);

staged(
  "retryable() makes no request again that may have had an effect, or that failed on a new connection",
  { handler: dropsTheSecond() },
  async ({ get, idle, request }) => {
    await get();
    await idle();
    let made = 0;
    await assert.rejects(
      retryable(() => (made++, request("/", "POST"))),
      { code: "ECONNRESET" },
    );
    const refused = http.get({ host: "127.0.0.1", port: 1 });
    await assert.rejects(
      retryable(() => (made++, refused)),
      { code: "ECONNREFUSED" },
    );
    assert.equal(made, 2);
  },
);

test("agent() refuses a time that timers do not take, before it has a connection", () => {
  assert.throws(() => agent({ idleMs: Number.POSITIVE_INFINITY }), { code: "PM_USAGE" });
});
