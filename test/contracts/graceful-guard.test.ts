// Whom a guard must not cut, what it says of itself, and that it sets what it says. Peers that are really gone: test/kernel/guard-half-open.test.ts.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import http from "node:http";
import net, { type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { guard, isPortmortemError, type Guard, type GuardOptions } from "../../src/graceful/graceful.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { Program } from "../kernel/actor.ts";
import { until } from "../kernel/until.ts";

const keepAlive = { idleMs: 4001, intervalMs: 2000, probes: 3 };
const NO_DEATHS = { kernel: 0, heartbeat: 0, idleTimeout: 0 };

interface Pair {
  readonly server: net.Socket;
  readonly client: net.Socket;
  readonly guard: Guard;
}

/** Both ends of a connection of net; the server's is guarded. */
async function pair(t: TestContext, options: GuardOptions, path?: string): Promise<Pair> {
  const listener = net.createServer();
  const guarded = guard(listener, options);
  const accepted = new Promise<net.Socket>((resolve) => listener.once("connection", resolve));
  await new Promise<void>((resolve) => void (path ? listener.listen(path, resolve) : listener.listen(0, resolve)));
  const client = path ? net.connect(path) : net.connect((listener.address() as AddressInfo).port);
  const server = await accepted;
  for (const socket of [client, server]) socket.on("error", () => {});
  t.after(() => {
    guarded.remove();
    for (const socket of [client, server]) socket.destroy();
    listener.close();
  });
  return { server, client, guard: guarded };
}

/** As the kernel has it; include/uapi/linux/tcp.h. */
function optionsOf(socket: net.Socket): number[] {
  const loaded = loadLibc();
  if ("why" in loaded) throw new Error(loaded.why);
  const { _handle: handle } = socket as unknown as { _handle: { fd: number } };
  return [4, 5, 6, 18].map((option) => {
    const value = new Uint32Array(1);
    const result = loaded.libc.getsockopt(handle.fd, 6, option, new Uint8Array(value.buffer), Uint32Array.of(4));
    assert.equal(result, 0);
    return value[0] ?? -1;
  });
}

test("a client that resets before it is accepted does not make the report one of a server without TCP", async (t) => {
  const listener = net.createServer((socket) => socket.on("error", () => {})).listen(0, "127.0.0.1");
  await once(listener, "listening");
  const guarded = guard(listener, { keepAlive });
  t.after(() => (guarded.remove(), listener.close()));
  const accepted = once(listener, "connection");
  await guarded.report();
  const { port } = listener.address() as AddressInfo;
  // Nothing is accepted while this waits.
  const gone = `const c = require("net").connect(${port}, "127.0.0.1", () => c.resetAndDestroy())`;
  spawnSync(process.execPath, ["-e", gone]);
  await accepted;
  const { options } = await guarded.report();
  assert.deepEqual(options.keepAliveIdleMs, { by: "node", value: 5000 });
});

test("guard() sets in the kernel what its report says", async (t) => {
  const { server, guard: guarded } = await pair(t, { keepAlive, userTimeoutMs: 7000 });
  const { options, connections } = await guarded.report();
  const byNode = net.Socket.prototype.setKeepAlive.length >= 4 ? "node" : "setsockopt";
  assert.equal(connections, 1);
  assert.deepEqual(options, {
    keepAliveIdleMs: { by: "node", value: 5000 },
    keepAliveIntervalMs: { by: byNode, value: 2000 },
    keepAliveProbes: { by: byNode, value: 3 },
    userTimeoutMs: { by: "setsockopt", value: 7000 },
  });
  assert.deepEqual(optionsOf(server), [5, 2, 3, 7000]);
});

test("Node alone sets an interval of 1 s and 10 probes, as a report without the native part says", async (t) => {
  const { server } = await pair(t, {});
  server.setKeepAlive(true, 5000);
  assert.deepEqual(optionsOf(server).slice(0, 3), [5, 1, 10]);
});

test("guard() of a client keeps its times when an http agent sets its own", async (t) => {
  const server = http.createServer((_, response) => response.end("x"));
  await new Promise<void>((resolve) => server.listen(0, resolve));
  const agent = new http.Agent({ keepAlive: true, keepAliveMsecs: 60_000, maxSockets: 1 });
  t.after(() => {
    agent.destroy();
    server.close();
  });
  const ask = (): Promise<net.Socket> =>
    new Promise((resolve) => {
      const { port } = server.address() as AddressInfo;
      const request = http.get({ port, agent }, (response) =>
        response.resume().on("end", () => setImmediate(() => request.socket && resolve(request.socket))),
      );
      request.once("socket", (socket) => guard(socket, { keepAlive }));
    });
  const first = await ask();
  await guard(first, { keepAlive }).report();
  assert.equal(await ask(), first);
  assert.deepEqual(optionsOf(first).slice(0, 3), [5, 2, 3]);
});

test("guard() says what it cannot set on a connection that is not TCP", async (t) => {
  const path = join(tmpdir(), `portmortem-guard-${process.pid}.sock`);
  const { guard: guarded } = await pair(t, { keepAlive, userTimeoutMs: 7000 }, path);
  const { options, bound } = await guarded.report();
  assert.deepEqual(options.userTimeoutMs, { by: "nobody", why: "a connection that is not TCP" });
  assert.equal(options.keepAliveIdleMs?.by, "nobody");
  assert.equal(bound.quietMs, undefined);
});

test("guard() waits for no answer where the heartbeat writes nothing, and says that it bounds nothing", async (t) => {
  let asked = 0;
  const heartbeat = { everyMs: 40, timeoutMs: 40, send: () => asked++ };
  const { server, guard: guarded } = await pair(t, { heartbeat });
  await until("it is asked a few times", () => asked > 3);
  const { withoutHeartbeat, bound, found } = await guarded.report();
  assert.deepEqual([withoutHeartbeat, bound.ms, found, server.destroyed], [1, undefined, NO_DEATHS, false]);
});

test("guard() states no bound by a heartbeat that has nothing to send, from the first report on", async (t) => {
  const { guard: guarded } = await pair(t, { heartbeat: { everyMs: 60_000, timeoutMs: 60_000 } });
  const { withoutHeartbeat, bound } = await guarded.report();
  assert.deepEqual([withoutHeartbeat, bound.ms], [1, undefined]);
});

test("guard() bears a heartbeat that throws, and reports it", async (t) => {
  const error = new Error("not now");
  const send = (): never => {
    throw error;
  };
  const { server, guard: guarded } = await pair(t, { heartbeat: { everyMs: 40, timeoutMs: 40, send } });
  const { found } = await until("it has thrown", async () => {
    const report = await guarded.report();
    return report.hookError === error && report.withoutHeartbeat === 1 ? report : undefined;
  });
  assert.deepEqual([found, server.destroyed], [NO_DEATHS, false]);
});

test("guard() hears of a slow reader by what it acknowledges, and not any more when it stops", async (t) => {
  const beat = { everyMs: 600, timeoutMs: 600, send: (socket: net.Socket) => socket.write("beat") };
  const { server, client, guard: guarded } = await pair(t, { heartbeat: beat });
  client.on("readable", () => {}); // It reads nothing by itself.
  server.write(Buffer.alloc(64 * 2 ** 20));
  // It never answers: what it reads, for three times as long as a heartbeat may take, is the only sign of life.
  const until3Times = performance.now() + 3600;
  for (let read = 0; performance.now() < until3Times; read = 0) {
    // A third of the buffer has to be free before Node may write again: of 4 MiB at most.
    while (read < 1.5 * 2 ** 20) {
      const part = client.read() as Buffer | null;
      if (part === null) await sleep(1);
      else read += part.length;
    }
    await sleep(100);
    assert.equal(server.destroyed, false);
  }
  await until("it is found", () => server.destroyed);
  assert.equal((await guarded.report()).found.heartbeat, 1);
});

test("guard() does not judge a socket that is not read because the program has paused it", async (t) => {
  const send = (socket: net.Socket): unknown => socket.write("beat");
  const { server, client, guard: guarded } = await pair(t, { heartbeat: { everyMs: 60, timeoutMs: 60, send } });
  server.pause();
  // Node reads until its buffer is full; what comes then stays in the kernel.
  client.write(Buffer.alloc(2 ** 18));
  await until("its buffer is full", () => server.readableLength >= server.readableHighWaterMark);
  await sleep(500);
  assert.equal(server.destroyed, false);
  server.resume();
  await until("it is found once it is read", () => server.destroyed);
  assert.equal((await guarded.report()).found.heartbeat, 1);
});

test("guard() cuts nobody once it is removed, or another has taken its place", async (t) => {
  const options = { idleTimeoutMs: 40 };
  const { server, guard: first } = await pair(t, options);
  first.remove();
  await sleep(300);
  assert.equal(server.destroyed, false);
  const second = guard(server, { idleTimeoutMs: 40 });
  const third = guard(server, { idleTimeoutMs: 60_000 });
  t.after(() => third.remove());
  await sleep(300);
  assert.deepEqual([server.destroyed, (await second.report()).connections], [false, 0]);
});

test("guard() tells the program why", async (t) => {
  const { server, client } = await pair(t, { idleTimeoutMs: 80 });
  const reset = new Promise((resolve) => client.once("error", resolve));
  const error: unknown = await new Promise((resolve) => server.once("error", resolve));
  assert.ok(isPortmortemError(error));
  assert.equal(error.code, "PM_PEER_IDLE");
  assert.equal(((await reset) as NodeJS.ErrnoException).code, "ECONNRESET", "nothing of it stays");
});

for (const [name, away] of [
  ["is stopped", (program: Program) => (program.signal("SIGSTOP"), 3000)],
  ["is busy", (program: Program) => (program.say("block 3000"), 0)],
] as const)
  test(`guard() does not cut a peer that answers while the process ${name}`, async (t) => {
    const program = new Program("guarded-server");
    t.after(() => program.kill());
    const socket = net.connect(Number(await program.line()), "127.0.0.1");
    t.after(() => socket.destroy());
    let beats = 0;
    // An answer that takes a part of the time that it may, which is long: this process too may have to wait for its turn.
    socket.on("data", () => (beats++, setTimeout(() => socket.write("x"), 150)));
    for (let round = 0; round < 2; round++) {
      const before = beats;
      await until("the next heartbeat", () => beats > before);
      const awayMs = away(program);
      await sleep(awayMs);
      program.signal("SIGCONT");
    }
    const before = beats;
    await until("some more", () => beats > before + 3);
    for (let line = 0; line < beats; line++) assert.equal(await program.line(), "asked");
  });

test("guard() refuses what it cannot guard, and times that are none", () => {
  const code = { code: "PM_USAGE" };
  const socket = new net.Socket();
  assert.throws(() => guard({} as net.Socket, {}), code);
  assert.throws(() => guard(socket, { idleTimeoutMs: 0 }), code);
  assert.throws(() => guard(socket, { userTimeoutMs: Number.NaN }), code);
  assert.throws(() => guard(socket, { heartbeat: { everyMs: 1000, timeoutMs: 2 ** 31 } }), code);
  assert.throws(() => guard(socket, { keepAlive: { ...keepAlive, probes: "2" as unknown as number } }), code);
});
