// drain() of WebSockets, with the package ws at both ends: it is a dependency of examples/ only.
import assert from "node:assert/strict";
import { once, type EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import http from "node:http";
import { createRequire } from "node:module";
import type net from "node:net";
import { dirname, join } from "node:path";
import { describe, test } from "node:test";
import { drain, type DrainOptions, watch } from "../../src/graceful/graceful.ts";
import { until } from "../kernel/until.ts";
import { listening } from "./graceful-kinds.ts";

interface WebSocket extends EventEmitter {
  readonly readyState: number;
  send(text: string): void;
  close(code: number, reason: string): void;
  pause(): void;
  terminate(): void;
}
interface Ws {
  new (url: string): WebSocket;
  readonly WebSocketServer: new (options: { server: http.Server }) => EventEmitter;
}

const LONG_MS = 60_000;
const PATIENT: DrainOptions = { graceMs: LONG_MS, idleMs: LONG_MS, lingerMs: LONG_MS };

const manifest = join(root(import.meta.dirname), "examples/package.json");
const skip = existsSync(join(dirname(manifest), "node_modules/ws"))
  ? false
  : "probed: examples/node_modules; examples are not installed: npm ci --prefix examples";

function root(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) && existsSync(join(folder, "ARCHITECTURE.md"))
    ? folder
    : root(dirname(folder));
}

/** A server that answers each word once `release` is called, and one client of it. */
async function stage(): Promise<{
  readonly server: http.Server;
  readonly client: WebSocket;
  readonly heard: string[];
  readonly release: () => void;
  readonly beforeClose: (socket: net.Socket) => Promise<unknown>;
}> {
  const WebSocketClient = createRequire(manifest)("ws") as Ws;
  const server = http.createServer();
  watch(server);
  const bySocket = new Map<net.Socket, WebSocket>();
  const owed: (() => void)[] = [];
  const heard: string[] = [];
  new WebSocketClient.WebSocketServer({ server }).on(
    "connection",
    (webSocket: WebSocket, request: http.IncomingMessage) => {
      bySocket.set(request.socket, webSocket);
      webSocket.on("message", (word: Buffer) => {
        heard.push(String(word));
        owed.push(() => webSocket.send(String(word)));
      });
    },
  );
  const port = await listening(server);
  const client = new WebSocketClient(`ws://127.0.0.1:${port}`);
  await once(client, "open");
  return {
    server,
    client,
    heard,
    release: () => owed.splice(0).forEach((send) => send()),
    beforeClose: async (socket) => {
      const webSocket = bySocket.get(socket);
      // Somebody who still owes an answer says goodbye after it.
      await until("all is answered", () => owed.length === 0, LONG_MS);
      webSocket?.close(1001, "bye");
      if (webSocket !== undefined && webSocket.readyState !== 3) await once(webSocket, "close");
    },
  };
}

describe("drain() of WebSockets", { timeout: 30_000, skip }, () => {
  test("waits for the answer that is owed, then says 1001", async () => {
    const { server, client, heard, release, beforeClose } = await stage();
    client.send("hello");
    await until("the server has it", () => heard.length === 1);
    const events: string[] = [];
    client.on("message", (word: Buffer) => events.push(String(word)));
    const closed = once(client, "close").then(([code, reason]) => events.push(`${code} ${String(reason)}`));
    const done = drain(server, { ...PATIENT, beforeClose });
    await until("it does not listen", () => !server.listening);
    release();
    await closed;
    assert.deepEqual(events, ["hello", "1001 bye"]);
    const { connections, aborted } = await done;
    assert.deepEqual([connections, aborted], [1, 0]);
  });

  test("ends at graceMs where the client does not answer the close frame", async () => {
    const { server, client, beforeClose } = await stage();
    client.pause();
    const { connections, durationMs } = await drain(server, { graceMs: 80, lingerMs: 10, beforeClose });
    assert.equal(connections, 1);
    assert.ok(durationMs >= 79, `${durationMs}`);
    client.terminate();
  });

  test("without a hook the client sees the end of the connection, 1006", async () => {
    const { server, client } = await stage();
    const closed = once(client, "close");
    const { connections, aborted } = await drain(server, { ...PATIENT, idleMs: 20, lingerMs: 20 });
    assert.equal((await closed)[0], 1006);
    assert.deepEqual([connections, aborted], [1, 0]);
  });
});
