// What drain() promises of every kind of server, with real sockets.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { describe, test } from "node:test";
import { abort, drain, watch, type DrainOptions, type DrainReport } from "../../src/graceful/graceful.ts";
import { until } from "../kernel/until.ts";
import { Answers, listening, RawClient, SERVER_KINDS, type Client, type ServerKind } from "./graceful-kinds.ts";

/** So long that a test which waits for it is seen to hang. */
const LONG_MS = 60_000;
const PATIENT: DrainOptions = { graceMs: LONG_MS, idleMs: LONG_MS, lingerMs: LONG_MS };
/** Where the program itself would have to end what its peer has ended, and does not. */
const HALF_OPEN: DrainOptions = { ...PATIENT, lingerMs: 30 };

const OUTCOME = [() => "answered", () => "failed"] as const;

interface Stage {
  readonly server: net.Server;
  readonly port: number;
  readonly answers: Answers;
  readonly client: Client;
}

async function stage(kind: ServerKind, watched: boolean): Promise<Stage> {
  const answers = new Answers();
  const server = kind.serve(answers);
  if (watched) watch(server);
  const port = await listening(server);
  const client = await kind.connect(port);
  assert.equal(await client.ask("hello"), "hello");
  return { server, port, answers, client };
}

function counts({ connections, closedByPeer, closedByUs, aborted }: DrainReport): Record<string, number> {
  return { connections, closedByPeer, closedByUs, aborted };
}

const refused = (port: number): Promise<string | undefined> =>
  new Promise((resolve) => {
    const socket = net.connect(port, "127.0.0.1", () => resolve(undefined));
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code)).once("close", () => socket.destroy());
  });

for (const kind of SERVER_KINDS)
  for (const watched of kind.needsWatch === undefined ? [true, false] : [true])
    describe(`drain() of ${kind.name}${watched ? "" : ", never watched before"}`, { timeout: 30_000 }, () => {
      test("leaves the active close to the client, whose answer it finishes first", async () => {
        const { server, port, answers, client } = await stage(kind, watched);
        const answer = client.ask("held");
        await until("the answer has begun", () => answers.begun === 1);
        const done = drain(server, kind.isTold ? PATIENT : HALF_OPEN);
        await until("it does not listen", () => !server.listening);
        assert.equal(await refused(port), "ECONNREFUSED");
        answers.finish();
        assert.equal(await answer, "held");
        if (!kind.isTold) client.leave();
        const report = await done;
        assert.equal(report.timeWaitLeft ?? 0, 0);
        if (kind.isTold) assert.equal(report.requestsFinished, 1);
        assert.equal(await client.over, "end");
        // Of a TLS connection that was made before anybody looked, Node does not show who closed.
        const isBlind = !watched && /tls|upgraded https/.test(kind.name);
        if (!isBlind) assert.deepEqual(counts(report), { connections: 1, closedByPeer: 1, closedByUs: 0, aborted: 0 });
      });

      test("loses nothing of an answer that is half given, and lets the client close", async () => {
        const { server, answers, client } = await stage(kind, watched);
        const answer = client.ask("later");
        await until("the answer has begun", () => answers.begun === 1);
        const done = drain(server, kind.isTold ? PATIENT : HALF_OPEN);
        await until("it does not listen", () => !server.listening);
        answers.finish();
        assert.equal(await answer, "half,whole");
        client.leave();
        const report = await done;
        assert.equal(report.aborted, 0);
        assert.equal(report.timeWaitLeft ?? 0, 0);
      });

      test("ends a connection orderly whose client does not close", async () => {
        const { server, client } = await stage(kind, watched);
        const report = await drain(server, { ...PATIENT, idleMs: 20, lingerMs: 20 });
        assert.equal(await client.over, "end");
        assert.equal(report.aborted, 0);
        assert.equal(report.closedByPeer + report.closedByUs, 1);
      });

      test("ends in order who says nothing, also where graceMs is shorter than all else", async () => {
        const { server, client } = await stage(kind, watched);
        const report = await drain(server, { graceMs: 1500 });
        assert.equal(await client.over, "end");
        assert.equal(report.aborted, 0);
      });

      test("ends in order who is led out after the last call", async () => {
        const { server, client } = await stage(kind, watched);
        let busyMs = 1200;
        const onProgress = (): void => {
          for (const until = performance.now() + busyMs; performance.now() < until;);
          busyMs = 0;
        };
        const report = await drain(server, { graceMs: 2000, idleMs: LONG_MS, lingerMs: 1800, onProgress });
        assert.equal(await client.over, "end");
        assert.equal(report.aborted, 0);
      });

      test("resets what has not ended at graceMs", async () => {
        const { server, client } = await stage(kind, watched);
        const raw = client instanceof RawClient ? client.socket : undefined;
        // A peer that does not answer our FIN, or a handler that never ends.
        const answer = raw === undefined ? client.ask("never").then(...OUTCOME) : Promise.resolve("failed");
        raw?.removeAllListeners("end");
        const report = await drain(server, { graceMs: 80, idleMs: 10, lingerMs: 10 });
        assert.ok(report.durationMs >= 79, `${report.durationMs}`);
        assert.equal(report.connections, 1);
        assert.equal(await answer, "failed");
        if (kind.isTold) assert.equal(report.aborted, 1);
        assert.equal(await connectionsOf(server), 0);
        client.leave();
        raw?.destroy();
      });

      test("is over at once by abort()", async () => {
        const { server, client } = await stage(kind, watched);
        const closed = once(server, "close");
        const done = drain(server, PATIENT);
        assert.equal(abort(server), 1);
        const report = await done;
        await closed;
        assert.deepEqual(counts(report), { connections: 1, closedByPeer: 0, closedByUs: 0, aborted: 1 });
        assert.equal(report.timeWaitLeft ?? 0, 0);
        client.leave();
      });

      test("answers twice with the same drain", async () => {
        const { server, client } = await stage(kind, watched);
        const first = drain(server, kind.isTold ? PATIENT : HALF_OPEN);
        const second = drain([server], PATIENT);
        client.leave();
        assert.deepEqual(await first, await second);
        assert.equal((await first).connections, 1);
      });

      test("becomes hasty by a signal", async () => {
        const { server, client } = await stage(kind, watched);
        const haste = new AbortController();
        const done = drain(server, { ...PATIENT, signal: haste.signal, hastyGraceMs: LONG_MS });
        await until("it does not listen", () => !server.listening);
        haste.abort();
        const report = await done;
        assert.equal(report.connections, 1);
        assert.equal(report.aborted, 0);
        assert.equal(await client.over, "end");
      });
    });

function connectionsOf(server: net.Server): Promise<number> {
  return new Promise((resolve, reject) => {
    server.getConnections((error, count) => (error ? reject(error) : resolve(count)));
  });
}

describe("drain()", () => {
  test("settles at once where nobody is connected, and says so of a server that never listened", async () => {
    const server = net.createServer();
    assert.equal((await drain(server, PATIENT)).connections, 0);
    await listening(server);
    const closed = once(server, "close");
    assert.equal((await drain(server, PATIENT)).connections, 0);
    await closed;
  });

  test("refuses what is no server, and what is no number of milliseconds", async () => {
    await assert.rejects(drain({} as net.Server), { code: "PM_USAGE" });
    await assert.rejects(drain(net.createServer(), { graceMs: -1 }), { code: "PM_USAGE", message: /graceMs is -1/ });
    await assert.rejects(drain(net.createServer(), { idleMs: Number.NaN }), { code: "PM_USAGE" });
  });
});
