// Who keeps the TIME-WAITs of a drained server, as the kernel has them.
import assert from "node:assert/strict";
import http from "node:http";
import http2 from "node:http2";
import net from "node:net";
import { test } from "node:test";
import { drain, watch } from "../../src/graceful/graceful.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const COUNT = 30;

async function listening(server: net.Server): Promise<number> {
  watch(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return (server.address() as net.AddressInfo).port;
}

test(
  "drain() of http leaves the TIME-WAITs to clients that are told to close",
  story(async (s) => {
    const held: http.ServerResponse[] = [];
    const server = http.createServer((_, response) => held.push(response));
    const port = await listening(server);
    const agent = new http.Agent({ keepAlive: true });
    const asked = Array.from(
      { length: COUNT },
      () =>
        new Promise((resolve, reject) => {
          http
            .get({ host: "127.0.0.1", port, agent }, (response) => response.resume().on("end", resolve))
            .on("error", reject);
        }),
    );
    await until("all have asked", () => held.length === COUNT);
    const done = drain(server, { idleMs: 20_000, lingerMs: 20_000, graceMs: 20_000 });
    await until("it does not listen", () => !server.listening);
    for (const response of held) response.end("x");
    await Promise.all(asked);
    const report = await done;
    assert.deepEqual([report.closedByPeer, report.timeWaitLeft], [COUNT, 0]);
    assert.equal((await s.sockets(`state time-wait and sport = :${port}`)).length, 0);
    await s.count(`state time-wait and dport = :${port}`, COUNT);
  }),
);

test(
  "drain() of http2 leaves the TIME-WAIT to the client that heard the GOAWAY",
  story(async (s) => {
    const server = http2.createServer((_, response) => response.end("x"));
    const port = await listening(server);
    const session = http2.connect(`http://127.0.0.1:${port}`);
    await new Promise((resolve) => session.request({ ":path": "/" }).resume().on("close", resolve));
    const report = await drain(server, { idleMs: 20_000, lingerMs: 20_000, graceMs: 20_000 });
    assert.deepEqual([report.closedByPeer, report.timeWaitLeft], [1, 0]);
    assert.equal((await s.sockets(`state time-wait and sport = :${port}`)).length, 0);
  }),
);

test(
  "drain() counts the TIME-WAITs that it had to take",
  story(async (s) => {
    const server = net.createServer((socket) => void socket.resume());
    const port = await listening(server);
    const clients = await Promise.all(
      Array.from(
        { length: COUNT },
        () =>
          new Promise<net.Socket>((resolve) => {
            const client = net.connect({ host: "127.0.0.1", port }, () => resolve(client));
            client.resume();
          }),
      ),
    );
    const report = await drain(server, { idleMs: 20 });
    assert.deepEqual([report.closedByUs, report.timeWaitLeft], [COUNT, COUNT]);
    await s.count(`state time-wait and sport = :${port}`, COUNT);
    for (const client of clients) client.destroy();
  }),
);

test(
  "drain() counts those too whose client has not closed yet",
  story(async (s) => {
    const server = net.createServer((socket) => void socket.resume());
    const port = await listening(server);
    const client = net.connect({ host: "127.0.0.1", port, allowHalfOpen: true }).resume();
    await until("it is connected", () => client.readyState === "open");
    const report = await drain(server, { idleMs: 20, lingerMs: 20 });
    assert.deepEqual([report.closedByUs, report.timeWaitLeft], [1, 1]);
    await s.socket(`state fin-wait-2 and sport = :${port}`);
    client.end();
    await s.socket(`state time-wait and sport = :${port}`);
  }),
);
