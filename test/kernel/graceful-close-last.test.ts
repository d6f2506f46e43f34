// Who has the TIME-WAIT of a connection that its client leaves to the server to close, and how many an agent leaves.
import assert from "node:assert/strict";
import http from "node:http";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { agent, closeLast, connect } from "../../src/graceful/graceful.ts";
import { listening, SERVER_TLS } from "../contracts/graceful-kinds.ts";
import { type Story, story } from "./story.ts";
import { setSysctl } from "./sysctls.ts";
import { until } from "./until.ts";

const COUNT = 20;

async function timeWaits(s: Story, port: number): Promise<{ client: number; server: number }> {
  const of = async (end: string): Promise<number> => (await s.sockets(`state time-wait and ${end} = :${port}`)).length;
  return { client: await of("dport"), server: await of("sport") };
}

const answering = (socket: net.Socket): unknown =>
  socket.on("error", () => {}).on("data", () => socket.end("all of it"));

for (const kind of ["net", "tls"])
  test(
    `closeLast() leaves the TIME-WAIT to a ${kind} server that closes`,
    story(async (s) => {
      const server = kind === "net" ? net.createServer(answering) : tls.createServer(SERVER_TLS, answering);
      s.atEnd(() => server.close());
      const port = await listening(server);
      const options = { port, tls: kind === "tls" && { rejectUnauthorized: false } };
      const reports = Array.from({ length: COUNT }, async () => {
        const socket = await connect(options);
        let text = "";
        socket.on("data", (part: Buffer) => (text += part.toString()));
        socket.write("please");
        const { closedBy } = await closeLast(socket, { timeoutMs: 20_000 });
        assert.equal(text, "all of it");
        return closedBy;
      });
      assert.deepEqual(await Promise.all(reports), Array<string>(COUNT).fill("peer"));
      await s.count(`state time-wait and sport = :${port}`, COUNT);
      assert.equal((await timeWaits(s, port)).client, 0);
    }),
  );

test(
  "closeLast() goes first when the server does not, and reads on until it follows",
  story(async (s) => {
    const server = net.createServer({ allowHalfOpen: true }, (socket) => {
      socket.resume().on("end", () => socket.end("late"));
    });
    s.atEnd(() => server.close());
    const port = await listening(server);
    const socket = await connect({ port });
    let text = "";
    socket.on("data", (part: Buffer) => (text += part.toString()));
    const { closedBy, durationMs } = await closeLast(socket, { timeoutMs: 50 });
    assert.deepEqual([closedBy, text], ["us", "late"]);
    await s.count(`state time-wait and dport = :${port}`, 1);
    assert.equal((await timeWaits(s, port)).server, 0);
    assert.ok(durationMs >= 49);
    const again = await closeLast(socket);
    assert.deepEqual(again, { durationMs: 0 });
  }),
);

test(
  "closeLast() resets what a server never takes, and says so",
  story(async (s) => {
    const held: net.Socket[] = [];
    const server = net.createServer({ pauseOnConnect: true }, (socket) => void held.push(socket.on("error", () => {})));
    s.atEnd(() => server.close());
    const port = await listening(server);
    const socket = await connect({ port });
    socket.write(Buffer.alloc(20_000_000));
    const { closedBy } = await closeLast(socket, { timeoutMs: 30 });
    assert.equal(closedBy, "aborted");
    await s.gone(`dport = :${port}`);
    for (const one of held) one.destroy();
  }),
);

test(
  "agent() leaves one TIME-WAIT for a connection, where Node's agent without keep-alive leaves one for each request",
  story(async (s) => {
    // On loopback the kernel would take the port of one that is a second old for another connection.
    setSysctl(s, "net.ipv4.tcp_tw_reuse", 0);
    const server = http.createServer((_, response) => response.end("x"));
    s.atEnd(() => server.close());
    const port = await listening(server);
    const get = (of: http.Agent): Promise<unknown> =>
      new Promise((resolve, reject) => {
        http.get({ port, agent: of }, (response) => response.resume().on("end", resolve)).on("error", reject);
      });
    const count = async (of: http.Agent): Promise<number> => {
      const before = (await timeWaits(s, port)).client;
      for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: COUNT }, () => get(of)));
      of.destroy();
      await until("all are closed", async () =>
        (await s.sockets(`dport = :${port}`)).every(({ state }) => state === "TIME-WAIT"),
      );
      return (await timeWaits(s, port)).client - before;
    };
    // Told by its client to close, the server's side of Node does so first, or at the same time.
    const plain = new http.Agent({ keepAlive: false });
    assert.ok((await count(plain)) + (await timeWaits(s, port)).server >= 10 * COUNT);
    const serverSide = (await timeWaits(s, port)).server;
    assert.equal(await count(agent().http), COUNT);
    assert.equal((await timeWaits(s, port)).server, serverSide);
    assert.equal(await count(agent({ maxSockets: 4 }).http), 4);
  }),
);

test("closeLast() and connect() refuse a time that timers do not take, and reset nothing for it", async () => {
  const socket = new net.Socket();
  await assert.rejects(closeLast(socket, { timeoutMs: Number.POSITIVE_INFINITY }), { code: "PM_USAGE" });
  assert.equal(socket.destroyed, false);
  socket.destroy();
  await assert.rejects(connect({ port: 1, timeoutMs: Number.POSITIVE_INFINITY }), { code: "PM_USAGE" });
});
