// drain() and abort() of servers on a Unix socket: no ports, no resets, and the path goes with the listener.
import assert from "node:assert/strict";
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import http from "node:http";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { abort, drain, watch } from "../../src/graceful/graceful.ts";
import { until } from "../kernel/until.ts";
import { rawClient } from "./graceful-kinds.ts";

const LONG_MS = 60_000;
const PATIENT = { graceMs: LONG_MS, idleMs: LONG_MS, lingerMs: LONG_MS };
const folder = mkdtempSync(join(tmpdir(), "portmortem-unix-"));
after(() => rmSync(folder, { recursive: true }));

async function listening(server: net.Server, name: string): Promise<string> {
  const path = join(folder, name);
  watch(server);
  await new Promise<void>((resolve) => server.listen(path, resolve));
  return path;
}

describe("on a Unix socket", { timeout: 30_000 }, () => {
  test("drain() finishes what is in flight, and the client closes", async () => {
    const held: http.ServerResponse[] = [];
    const server = http.createServer((_, response) => held.push(response));
    const path = await listening(server, "http");
    const agent = new http.Agent({ keepAlive: true });
    const answer = new Promise<http.IncomingMessage>((resolve, reject) => {
      http.get({ socketPath: path, agent }, resolve).on("error", reject);
    });
    await until("it was asked", () => held.length === 1);
    const done = drain(server, PATIENT);
    await until("it does not listen", () => !server.listening);
    assert.equal(existsSync(path), false);
    held[0]!.end("held");
    const response = await answer;
    assert.equal(response.headers.connection, "close");
    response.resume();
    const { connections, closedByPeer, timeWaitLeft } = await done;
    assert.deepEqual([connections, closedByPeer, timeWaitLeft ?? 0], [1, 1, 0]);
  });

  test("drain() ends what has not ended at graceMs", async () => {
    const server = net.createServer((socket) => void socket.resume().on("error", () => undefined));
    const path = await listening(server, "net");
    const client = await rawClient(net.connect({ path, allowHalfOpen: true }));
    client.socket.removeAllListeners("end");
    const { connections, aborted, closedByUs } = await drain(server, { graceMs: 60, idleMs: 10, lingerMs: LONG_MS });
    assert.deepEqual([connections, aborted + closedByUs], [1, 1]);
    client.socket.destroy();
  });

  test("abort() ends it without a reset, which such sockets do not have", async () => {
    const server = net.createServer((socket) => void socket.resume().on("error", () => undefined));
    let isAccepted = false;
    server.once("connection", () => (isAccepted = true));
    const path = await listening(server, "abort");
    const client = await rawClient(net.connect({ path, allowHalfOpen: true }));
    await until("it is accepted", () => isAccepted);
    assert.equal(abort(server), 1);
    assert.equal(await client.over, "end");
  });
});
