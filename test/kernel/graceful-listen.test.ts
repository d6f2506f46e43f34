// listen() on a port that another has: who it is, from the kernel.
import assert from "node:assert/strict";
import net from "node:net";
import { test } from "node:test";
import { drop } from "../../src/act/drop.ts";
import { listen, type PortHolder, type PortTakenError } from "../../src/graceful/graceful.ts";
import type { Blocker } from "../../src/verdict/why.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

// What `why` answers is what a program is promised.
const asHolder = (blocker: Blocker): PortHolder => blocker;
void asHolder;

const taken = (options: Parameters<typeof listen>[1]): Promise<PortTakenError> =>
  listen(net.createServer(), options).then(
    () => assert.fail("it listens"),
    (error: PortTakenError) => error,
  );

test(
  "names the process that listens",
  story(async (s) => {
    const actor = s.actor();
    await actor.listen("127.0.0.1:8080", { reuseAddr: true });
    const error = await taken({ port: 8080, retryMs: 0 });
    assert.equal(error.blockersUnknown, undefined);
    assert.deepEqual(
      error.blockers?.map(({ rule, socket }) => [rule, socket?.state, socket?.owners?.map(({ pid }) => pid)]),
      [["listener", "LISTEN", [actor.pid]]],
    );
    assert.match(
      error.message,
      new RegExp(`port 8080 is taken: .*pid ${actor.pid}\\) listens on 127\\.0\\.0\\.1:8080`),
    );
  }),
);

test(
  "names a TIME-WAIT and when it ends, and listens as soon as it is gone",
  story(async (s) => {
    const actor = s.actor();
    // Without SO_REUSEADDR: such a TIME-WAIT keeps the port also from Node, which sets it.
    await actor.call("timeWaits", { address: "127.0.0.1", port: 8080, count: 1 });
    const error = await taken({ port: 8080, host: "127.0.0.1", retryMs: 100 });
    const [blocker] = error.blockers ?? [];
    assert.equal(blocker?.rule, "time-wait");
    assert.ok((blocker.freeInMs ?? 0) > 50_000 && blocker.freeInMs! <= 60_000, `${blocker.freeInMs}`);
    const server = net.createServer();
    const told: (readonly PortHolder[] | undefined)[] = [];
    const done = listen(server, {
      port: 8080,
      host: "127.0.0.1",
      retryMs: 20_000,
      onWait: ({ blockers }) => void told.push(blockers),
    });
    await until("it was told who holds the port", () => told.length === 1);
    assert.equal(told[0]?.[0]?.rule, "time-wait");
    await drop({ filter: "state time-wait", yes: true });
    assert.ok((await done).waitedMs > 0);
    assert.equal(told.length, 1);
    server.close();
  }),
);

test(
  "refuses a port on which another listens at one address, if asked",
  story(async (s) => {
    const actor = s.actor();
    // With SO_REUSEPORT both can be: the one of the address gets what comes to it.
    const fd = await actor.listen("127.0.0.1:8080", { reuseAddr: true, reusePort: true });
    const error = await taken({ port: 8080, refuseShadowed: true, retryMs: 0 });
    assert.equal(error.code, "PM_SHADOWED");
    assert.match(error.message, new RegExp(`would be shadowed: .*pid ${actor.pid}\\) listens on 127\\.0\\.0\\.1`));
    // Of IPv6 only, or of another address, it is beside the point.
    for (const options of [{ ipv6Only: true, host: "::" }, { host: "127.0.0.2" }]) {
      const server = net.createServer();
      const { incomplete } = await listen(server, { port: 8080, refuseShadowed: true, retryMs: 0, ...options });
      assert.equal(incomplete, undefined);
      server.close();
    }
    const server = net.createServer();
    const done = listen(server, { port: 8080, refuseShadowed: true, retryMs: 20_000 });
    await actor.call("close", { fd });
    assert.equal((await done).port, 8080);
    server.close();
  }),
);
