import assert from "node:assert/strict";
import { test } from "node:test";
import { connection, createFakeHost, listener, program, timeWait } from "../../src/testing/testing.ts";
import type { Socket } from "../../src/tcp/socket.ts";
import { ACTION_CASES } from "./action-cases.ts";
import type { ActionScene } from "./action-cases.ts";
import { allTcp } from "./dump-cases.ts";
import { createFakeScene } from "./fake-scene.ts";
import { replayOf } from "./record.ts";

function createScene(): ActionScene {
  const client = connection({ local: "127.0.0.1:40001", remote: "127.0.0.1:8080" });
  const server = connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:40001" });
  const serving = listener({ port: 8080, address: "127.0.0.1" });
  const closed = timeWait({ port: 40002, peer: "127.0.0.1:8080" });
  const container = { runtime: "docker", id: "a".repeat(64), name: "server" } as const;
  const host = createFakeHost({
    processes: [
      program("client", { pid: 1, sockets: [client] }),
      program("server", { pid: 2, sockets: [serving, server], container }),
    ],
    sockets: [closed],
    containers: [{ container, restartPolicy: "always" }],
  });
  const shown = (port: number, state: string): Socket =>
    allTcp(host).find((socket) => socket.local.port === port && socket.state === state)!;
  return {
    host,
    client: { pid: 1, fd: 3, socket: shown(40_001, "ESTABLISHED") },
    server: { pid: 2, fd: 4, socket: shown(8080, "ESTABLISHED") },
    listener: shown(8080, "LISTEN"),
    timeWait: shown(40_002, "TIME-WAIT"),
    container,
  };
}

for (const { title, run } of ACTION_CASES) test(`fake host: ${title}`, async () => run(createScene()));

test("a replay can do nothing, and says why", async () => {
  const { host, scene } = createFakeScene();
  const replay = await replayOf(host, scene);
  assert.ok("unable" in replay.actions);
  assert.equal(replay.actions.unable, "recording");
});
