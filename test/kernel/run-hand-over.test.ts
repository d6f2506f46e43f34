// SIGHUP to `portmortem run`: a new program serves on the same sockets before the old one is told to end.
//   FILE_MINUTES=60 HAND_OVERS=100 npm test -- run-hand-over
import assert from "node:assert/strict";
import { Agent, get } from "node:http";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { HAS_PYTHON } from "./needs.ts";
import { startLoad, startRun } from "./run-command.ts";
import type { RunCommand } from "./run-command.ts";
import { hasEnded } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const HAND_OVERS = Number(process.env["HAND_OVERS"] ?? 20);
/** Each takes as long as Node takes to start. */
const NODE_HAND_OVERS = Math.ceil(HAND_OVERS / 2);

/** Answers its pid; asked to end it accepts no more, answers what it has, and says so to clients that keep their connection. */
const DRAINING = `
const server = require("node:http").createServer((request, response) => response.end(String(process.pid)));
server.listen(49200);
process.on("SIGTERM", () => server.close(() => process.exit(0)));
`;

/** A program whose text can be changed: written to a file of its own. */
function script(s: Story, text: string): { readonly path: string; readonly change: (to: string) => void } {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  s.atEnd(() => rmSync(folder, { recursive: true }));
  const path = join(folder, "server.cjs");
  const change = (to: string): void => writeFileSync(path, to);
  change(text);
  return { path, change };
}

async function handOver(run: RunCommand): Promise<void> {
  const before = run.all("reloaded").length;
  const old = run.programPid;
  run.signal("SIGHUP");
  const told = await run.told("reloaded", before + 1);
  assert.ok(told.result === "handed-over", JSON.stringify(told));
  assert.equal(told.from, old);
  await hasEnded(old);
}

/** One client that keeps its connection as long as the server lets it. Answers how to stop it. */
function keepAlive(): () => Promise<{ answered: number; failed: string[] }> {
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  const counts = { answered: 0, failed: [] as string[] };
  const stop = new AbortController();
  const one = (): Promise<void> =>
    new Promise((resolve) => {
      get({ port: 49_200, host: "127.0.0.1", agent }, (response) => {
        response.resume();
        response.on("end", () => {
          counts.answered++;
          resolve();
        });
      }).on("error", (error: NodeJS.ErrnoException) => {
        counts.failed.push(error.code ?? error.message);
        resolve();
      });
    });
  const done = (async () => {
    while (!stop.signal.aborted) await one();
  })();
  return async () => {
    stop.abort();
    await done;
    agent.destroy();
    return counts;
  };
}

/** "connected", or the errno. */
function answerOf(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => {
      socket.destroy();
      resolve("connected");
    });
    socket.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
}

test(
  `${NODE_HAND_OVERS} hand-overs of a Node server that drains: not one request is refused or lost`,
  story(async (s) => {
    const run = startRun(s, ["-p", "49200", "--", process.execPath, script(s, DRAINING).path]);
    await run.told("listening");
    const load = startLoad(s, 49_200, 2, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    const stopClient = keepAlive();
    s.atEnd(stopClient);
    for (let times = 1; times <= NODE_HAND_OVERS; times++) await handOver(run);
    const counts = await load.stop();
    assert.deepEqual([counts.refused, counts.lost], [0, 0], JSON.stringify(counts));
    const { answered, failed } = await stopClient();
    // A connection that is idle while its server closes can be closed under a request that is on its way (RFC 9112 section 9.5).
    assert.deepEqual(
      failed.filter((code) => code !== "ECONNRESET"),
      [],
    );
    assert.ok(failed.length <= NODE_HAND_OVERS, failed.join());
    assert.ok(answered > NODE_HAND_OVERS && counts.answered > NODE_HAND_OVERS);
    assert.equal(await run.stop(), 0);
  }),
);

test(
  `${HAND_OVERS} hand-overs of a C server that dies of SIGTERM: none refused, lost is at most what it had accepted`,
  story(async (s) => {
    const run = startRun(s, ["-p", "49200", "--", cProgram("port-server"), "49200"]);
    await run.told("listening");
    const load = startLoad(s, 49_200, 3);
    for (let times = 1; times <= HAND_OVERS; times++) {
      await handOver(run);
      const from = load.counts.answered;
      await until("answers of the new one", () => load.counts.answered >= from + 5);
    }
    const counts = await load.stop();
    assert.equal(counts.refused, 0, JSON.stringify(counts));
    assert.ok(counts.lost <= HAND_OVERS, `${counts.lost} lost of ${HAND_OVERS}, which serve one connection at a time`);
    assert.deepEqual([...new Set(run.output)], ["listening on 49200"]);
    assert.equal(await run.stop(), 143);
  }, STATIC_C),
);

test(
  "a new program that dies at once, or is not there: the old one stays, which is said",
  story(async (s) => {
    const server = script(s, DRAINING);
    const run = startRun(s, ["-p", "49200", "--", process.execPath, server.path]);
    const { pid } = await run.told("listening");
    const load = startLoad(s, 49_200, 1, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    server.change("process.exit(3)");
    run.signal("SIGHUP");
    const told = await run.told("reloaded");
    assert.deepEqual(told, { kind: "reloaded", result: "failed", why: "the new program has ended" });
    const from = load.counts.answered;
    await until("answers of the old one", () => load.counts.answered >= from + 5);
    assert.match(load.answers.at(-1) ?? "", new RegExp(`${pid}$`));

    // One that has begun to listen, and dies then.
    server.change(`${DRAINING}; setTimeout(() => process.exit(4), 2000)`);
    run.signal("SIGHUP");
    assert.deepEqual(await run.told("reloaded", 2), {
      kind: "reloaded",
      result: "handed-over",
      pid: run.programPid,
      from: pid,
    });
    server.change(DRAINING);
    await run.told("listening", 3);
    const counts = await load.stop();
    assert.equal(counts.refused, 0);
    assert.equal(await run.stop(), 0);
  }),
);

test(
  "a new program that listens on a part only takes over once that is all it will; two reloads at once are one",
  story(async (s) => {
    const both = "for (const port of [49200, 49201]) require('node:http').createServer().listen(port);";
    const server = script(s, both);
    const run = startRun(s, ["--hold", "300ms", "--", process.execPath, server.path]);
    await run.told("listening", 2);
    server.change(both.replace(", 49201", ""));
    const old = run.programPid;
    run.signal("SIGHUP");
    await run.told("reloading");
    run.signal("SIGHUP");
    const told = await run.told("reloaded");
    assert.equal(told.result, "handed-over");
    await hasEnded(old);
    await run.told("refusing");
    assert.equal(await answerOf(49_201), "ECONNREFUSED", "nobody would accept on it");
    assert.equal(run.all("reloading").length, 1);
    assert.equal(await run.stop(), 143);
  }),
);

test(
  "SIGHUP while it is down starts it at once",
  story(async (s) => {
    const server = script(s, "process.exit(1)");
    const run = startRun(s, ["--backoff", "1h", "--", process.execPath, server.path]);
    await run.told("restarting");
    server.change(DRAINING);
    run.signal("SIGHUP");
    const told = await run.told("reloaded");
    assert.deepEqual(told, { kind: "reloaded", result: "restarted", pid: run.programPid });
    await run.told("listening");
    assert.equal(await run.stop(), 0);
  }),
);

test(
  "in mode plain the old one ends first, and the new one has the port",
  story(async (s) => {
    const run = startRun(s, ["-p", "49200", "--mode", "plain", "--", cProgram("port-server"), "49200"]);
    await run.printed(1);
    const load = startLoad(s, 49_200);
    await until("answers", () => load.counts.answered >= 3);
    await load.stop();
    run.signal("SIGHUP");
    assert.equal((await run.told("reloaded")).result, "restarted");
    assert.equal(await run.printed(2), "listening on 49200");
    assert.equal(run.all("restarting").length, 0);
    assert.equal(await run.stop(), 143);
  }, STATIC_C),
);

test(
  "workers with a socket each (SO_REUSEPORT) are handed over, none refused",
  story(async (s) => {
    const workers = `
import os, signal, socket
for _ in range(2):
    if os.fork() == 0:
        break
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
listener.bind(("127.0.0.1", 49200))
listener.listen(64)
while True:
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(b"%d" % os.getpid())
    connection.close()
`;
    const run = startRun(s, ["-p", "49200", "--", "python3", "-c", workers]);
    await run.told("listening", 3);
    const load = startLoad(s, 49_200, 2);
    for (let times = 1; times <= 3; times++) {
      run.signal("SIGHUP");
      assert.equal((await run.told("reloaded", times)).result, "handed-over");
      const from = load.counts.answered;
      await until("answers of the new ones", () => load.counts.answered >= from + 20);
    }
    const counts = await load.stop();
    assert.equal(counts.refused, 0, JSON.stringify(counts));
    await run.stop();
  }, HAS_PYTHON),
);
