// What is asked of an engine is answered within its limit, whatever is at the other end of the socket.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, renameSync, writeFileSync } from "node:fs";
import type { RequestListener } from "node:http";
import { createServer } from "node:net";
import type { Socket } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import type { EngineFailure } from "../../src/tcp/container-state.ts";
import { serveOn, startEngine } from "./engine-server.ts";
import { makeEnginePlaces } from "./engine-places.ts";

const ID = "3f29a1c0b7d84e5f6a0912cd34ef56ab78901234cdef5678ab90123456789abc";
const CONTAINER = { runtime: "docker", id: ID } as const;
const KNOWN = JSON.stringify({ Id: ID, Name: "/api", State: { Running: true } });

interface HostileEngine {
  readonly does: string;
  readonly answers: RequestListener;
  readonly expected: Partial<EngineFailure>;
  /** Default 300. */
  readonly limitMs?: number;
}

const refusal =
  (status: number, body: string): RequestListener =>
  (_, response) => {
    response.statusCode = status;
    response.end(body);
  };

const HOSTILE: readonly HostileEngine[] = [
  { does: "never answers", answers: () => undefined, expected: { failure: "answer", errno: "ETIMEDOUT" } },
  {
    does: "begins and never ends",
    answers: (_, response) => void response.write(KNOWN.slice(0, 20)),
    expected: { failure: "answer", errno: "ETIMEDOUT" },
  },
  {
    does: "sends a letter now and then",
    answers: (request, response) => {
      const drip = setInterval(() => response.write(" "), 20);
      request.on("close", () => clearInterval(drip));
      response.on("close", () => clearInterval(drip));
    },
    expected: { failure: "answer", errno: "ETIMEDOUT" },
  },
  {
    does: "hangs up instead",
    answers: (request) => request.socket.destroy(),
    expected: { failure: "answer", errno: "ECONNRESET" },
  },
  {
    does: "hangs up in the middle",
    answers: (request, response) => {
      response.setHeader("content-length", KNOWN.length);
      response.write(KNOWN.slice(0, 20), () => request.socket.destroy());
    },
    expected: { failure: "answer", errno: "ECONNRESET" },
  },
  {
    does: "answers without end",
    answers: (_, response) => {
      const piece = Buffer.alloc(1 << 20, " ");
      const more = (): void => {
        while (!response.destroyed && response.write(piece)) continue;
      };
      response.on("drain", more);
      more();
    },
    expected: { failure: "answer", errno: "EMSGSIZE" },
    limitMs: 60_000,
  },
  {
    does: "refuses by a plugin",
    answers: refusal(403, JSON.stringify({ message: "authorization denied\n by\tplugin" })),
    expected: { failure: "right", status: 403 },
  },
  { does: "wants a password", answers: refusal(401, ""), expected: { failure: "right", status: 401 } },
  {
    does: "knows no such container",
    answers: refusal(404, JSON.stringify({ message: `No such container: ${ID}` })),
    expected: { failure: "container", status: 404 },
  },
  { does: "is in conflict", answers: refusal(409, "{}"), expected: { failure: "answer", status: 409 } },
  { does: "is broken", answers: refusal(500, "<html>"), expected: { failure: "answer", status: 500 } },
  { does: "sends somewhere else", answers: refusal(301, ""), expected: { failure: "answer", status: 301 } },
  { does: "answers with a page", answers: refusal(200, "<html>"), expected: { failure: "answer" } },
  { does: "answers with nothing", answers: refusal(200, "null"), expected: { failure: "answer" } },
  {
    does: "answers about another container",
    answers: refusal(200, KNOWN.replace(ID, "a".repeat(64))),
    expected: { failure: "answer" },
  },
  {
    does: "answers with a path for an id",
    answers: refusal(200, KNOWN.replace(ID, `${ID}/../../x`)),
    expected: { failure: "answer" },
  },
];

for (const { does, answers, expected, limitMs = 300 } of HOSTILE)
  test(`containerState() and findPublisher() say so when the engine ${does}`, async (t) => {
    const places = makeEnginePlaces(t);
    const engine = await serveOn(places.path("docker.sock"), answers);
    t.after(() => engine.close());
    const containers = places.containers({ stateLimitMs: limitMs, limitMs });
    const state = await containers.containerState(CONTAINER);
    assert.ok("failure" in state, JSON.stringify(state));
    const { failure, errno, status, why } = state;
    assert.deepEqual({ failure, errno, status }, { errno: undefined, status: undefined, ...expected });
    assert.match(why, /docker\.sock/);
    assert.doesNotMatch(why, /[\n\t]/);
    assert.deepEqual(await containers.stopContainer(CONTAINER, { graceMs: 0 }), state, "and nothing is stopped");
    assert.ok(!engine.asked.some((line) => line.startsWith("POST")));
    assert.equal(await containers.containerName(CONTAINER), undefined);
    const published = await containers.findPublisher("tcp", "127.0.0.1", 8080);
    assert.equal(published.publisher, undefined);
    assert.equal(published.unasked.length, 1);
  });

test("what is not HTTP is said to be so, and what wants another protocol", async (t) => {
  for (const [spoken, errno] of [
    ["SSH-2.0-OpenSSH_9.2\r\n", "EPROTO"],
    ["\0\0\x12\x04\0\0\0\0\0\0\x03\0\0\0\x64", "EPROTO"],
    ["HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", undefined],
  ] as const) {
    const places = makeEnginePlaces(t);
    const open = new Set<Socket>();
    const server = createServer((socket) => {
      open.add(socket);
      socket.on("error", () => undefined).write(spoken);
    }).listen(places.path("docker.sock"));
    await once(server, "listening");
    const answer = await places.containers({ stateLimitMs: 1000 }).containerState(CONTAINER);
    assert.ok("failure" in answer && answer.failure === "answer", JSON.stringify(answer));
    if (errno !== undefined) assert.equal(answer.errno, errno);
    for (const socket of open) socket.destroy();
    server.close();
  }
});

test("a socket that nobody listens on any more, a file in its place, and no socket at all are no engine", async (t) => {
  const places = makeEnginePlaces(t);
  const containers = places.containers();
  const none = await containers.containerState(CONTAINER);
  assert.deepEqual(none, { failure: "engine", why: "no socket of docker is here" });
  assert.deepEqual(await containers.findPublisher("tcp", "127.0.0.1", 8080), { unasked: [] });

  writeFileSync(places.path("docker.sock"), "");
  assert.deepEqual(await containers.containerState(CONTAINER), none);

  const server = createServer().listen(places.path("other.sock"));
  await once(server, "listening");
  renameSync(places.path("other.sock"), places.path("docker.sock"));
  server.close();
  const dead = await containers.containerState(CONTAINER);
  assert.ok("failure" in dead && dead.failure === "engine" && dead.errno === "ECONNREFUSED", JSON.stringify(dead));
  assert.deepEqual(await containers.stopContainer(CONTAINER, { graceMs: 0 }), dead);
});

test("a socket that may not be opened, or not even be seen, is a right that is missing", async (t) => {
  const places = makeEnginePlaces(t);
  const engine = await startEngine(places.path("docker.sock"), [{ id: ID, name: "api", running: true }]);
  t.after(() => engine.close());
  // As docker has it: everybody sees the socket, its group opens it. As podman has it: the directory is root's.
  chmodSync(places.path("docker.sock"), 0);
  mkdirSync(join(places.run, "podman"));
  chmodSync(join(places.run, "podman"), 0);
  chmodSync(places.run, 0o755);
  const program = join(import.meta.dirname, "../programs/ask-engine.js");
  const child = spawn(process.execPath, [program, places.run, ID], { stdio: ["ignore", "pipe", "inherit"] });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  await once(child, "close");
  chmodSync(join(places.run, "podman"), 0o700);
  const { docker, podman, publisher, stop } = JSON.parse(text) as Record<string, EngineFailure> & {
    publisher: { unasked: EngineFailure[] };
  };
  const missing = (path: string): EngineFailure => ({
    failure: "right",
    why: `${join(places.run, path)} may not be opened`,
    errno: "EACCES",
  });
  assert.deepEqual(docker, missing("docker.sock"));
  assert.deepEqual(podman, missing("podman/podman.sock"));
  assert.deepEqual(stop, missing("docker.sock"));
  assert.deepEqual(publisher.unasked, [missing("docker.sock"), missing("podman/podman.sock")]);
  assert.deepEqual(engine.asked, []);
});
