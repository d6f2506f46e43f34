// The story that this program was written for: a server without SO_REUSEADDR, killed with a connection open, comes up on the next port.
import assert from "node:assert/strict";
import { test } from "node:test";
import { story } from "./story.ts";
import { typed } from "./typed.ts";

test(
  "a plain server that was killed moves to 49201; why names the TIME-WAIT and its seconds until it is gone",
  story(async (story) => {
    const server = story.program("plain-server");
    assert.equal(await server.line(), "49200");
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:49200");
    server.say("accept");
    await server.line();
    // The kernel closes for the dead server, which thereby is the one that closed first; then the client closes.
    await server.kill();
    await client.call("read", { fd });
    await client.close(fd);
    const timeWait = await story.socket("state time-wait sport = :49200");
    assert.equal(timeWait.remote?.address, "127.0.0.1");

    const next = story.program("plain-server");
    assert.equal(await next.line(), "49201", "the program moved on");

    const why = await story.why("49200");
    assert.equal(why.status, 1);
    assert.equal(why.json.schema, "portmortem.why/1");
    assert.equal(why.json.bindable, false);
    assert.deepEqual(why.json.attempts, [
      { reuseAddr: true, reusePort: false, result: "EADDRINUSE", by: "probe" },
      { reuseAddr: false, reusePort: false, result: "EADDRINUSE", by: "probe" },
    ]);
    const [blocker, ...others] = why.json.blockers;
    assert.deepEqual(others, []);
    assert.equal(blocker?.rule, "time-wait");
    assert.equal(blocker.count, 1);
    assert.equal(blocker.socket?.cookie, timeWait.cookie);
    assert.equal(blocker.socket?.ownerless, "kernel");
    assert.ok(blocker.freeInMs !== undefined && blocker.freeInMs > 1000 && blocker.freeInMs <= 60_000);
    assert.equal(blocker.freeInMs, blocker.socket?.timer?.remainingMs);

    const human = await story.command(["why", "49200"]);
    assert.equal(human.status, 1);
    assert.match(human.text, /^port 49200 cannot be bound on \[::\] .*EADDRINUSE/);
    assert.match(
      human.text,
      /time-wait {2}a connection with 127\.0\.0\.1:\d+ that this side closed first is in TIME-WAIT/,
    );
    assert.match(human.text, /free in (\d\d s|1 min)/);

    // What it advises is what is done: the very command.
    const clearing = why.json.advice.find(({ command }) => command?.includes("free"));
    assert.equal(clearing?.costs, "nothing");
    assert.equal((await typed(clearing.command)).status, 0);
    await story.gone("state time-wait sport = :49200");
    const free = await story.command(["why", "49200"]);
    assert.equal(free.status, 0);
    assert.match(free.text, /^port 49200 is free: /);
    const third = story.program("plain-server");
    assert.equal(await third.line(), "49200", "and the program has its port again");
  }),
);

test(
  "a TIME-WAIT of a server that set SO_REUSEADDR blocks only those that do not set it",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("0.0.0.0:49310", { reuseAddr: true });
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:49310");
    await server.close(await server.accept(listener));
    await server.close(listener);
    await client.close(fd);
    await story.socket("state time-wait sport = :49310");
    const why = await story.why("49310");
    assert.equal(why.status, 0);
    assert.equal(why.json.bindable, true);
    assert.deepEqual(why.json.blockers, []);
    assert.deepEqual(
      why.json.withoutReuseAddr?.map(({ rule, count }) => [rule, count]),
      [["time-wait", 1]],
    );
    const plain = await story.why("49310 --no-reuse-addr");
    assert.equal(plain.status, 1);
    assert.equal(plain.json.blockers[0]?.rule, "time-wait");
    assert.match(plain.json.advice[0]?.text ?? "", /set SO_REUSEADDR/);
  }),
);
