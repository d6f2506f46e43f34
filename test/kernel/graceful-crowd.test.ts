// A drain of ten thousand idle connections, whose clients are in another process.
import assert from "node:assert/strict";
import http from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { drain, watch } from "../../src/graceful/graceful.ts";
import type { ClientsLine } from "../programs/keep-alive-clients.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const COUNT = 10_000;
/** On a busy machine. */
const DEADLINE_MS = 120_000;

test(
  `drain() of ${COUNT} idle connections: each is told by a FIN, none is reset`,
  { timeout: DEADLINE_MS * 2 },
  story(async (s) => {
    let asked = 0;
    const server = http.createServer((_, response) => {
      asked++;
      response.end("done");
    });
    server.keepAliveTimeout = 0;
    watch(server);
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address() as AddressInfo;
    const clients = s.program("keep-alive-clients", [String(port), String(COUNT), "0"]);
    await until("all have asked", () => asked === COUNT, DEADLINE_MS);
    assert.equal(await clients.line(), "ready");
    const opens: number[] = [];
    const report = await drain(server, {
      idleMs: 20,
      graceMs: DEADLINE_MS,
      onProgress: ({ open }) => opens.push(open),
    });
    assert.equal(report.connections, COUNT);
    assert.equal(report.closedByUs + report.closedByPeer, COUNT);
    assert.deepEqual([opens[0], opens.at(-1)], [COUNT, 0]);
    const { answered, failed, reset } = JSON.parse(await clients.line()) as ClientsLine;
    assert.deepEqual({ answered, failed, reset }, { answered: COUNT, failed: 0, reset: 0 });
  }),
);
