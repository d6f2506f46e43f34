// Ports that nobody listens on and that are taken all the same: what `ss -tln` does not show.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SS } from "./needs.ts";
import { story } from "./story.ts";
import { typed } from "./typed.ts";

test(
  "an outgoing connection that took the port as its own is found, and named",
  story(async (story) => {
    const service = story.actor();
    await service.listen("127.0.0.1:5432", { reuseAddr: true });
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:5432");
    const port = await client.call("port", { fd });
    assert.equal(story.system("ss", "-Htln", `sport = :${port}`), "", "ss -tln shows nothing");
    const { status, json } = await story.why(String(port));
    assert.equal(status, 1);
    const [blocker, ...others] = json.blockers;
    assert.deepEqual(others, []);
    assert.equal(blocker?.rule, "client");
    assert.deepEqual(
      blocker.socket?.owners?.map(({ pid }) => pid),
      [client.pid],
    );
    assert.equal(blocker.socket?.remote?.port, 5432);
    assert.match(
      blocker.text,
      new RegExp(
        `^an outgoing connection to 127\\.0\\.0\\.1:5432 took this port as its own local port: node \\(pid ${client.pid}\\)`,
      ),
    );
    assert.ok(
      json.advice.some(({ command }) => command?.endsWith(`sysctl -w net.ipv4.ip_local_reserved_ports=${port}`)),
    );
  }, SS),
);

test(
  "beside a client that is known to block, a TIME-WAIT that may do so is not left out",
  story(async (story) => {
    const service = story.actor();
    const listener = await service.listen("0.0.0.0:5435", { reuseAddr: true });
    const gone = story.actor();
    const left = await gone.connect("127.0.0.3:5435", { from: "127.0.0.4:49342" });
    const accepted = await service.accept(listener);
    await gone.close(left);
    await service.close(accepted);
    await story.socket("state time-wait sport = :49342");
    const client = story.actor();
    await client.connect("127.0.0.3:5435", { from: "127.0.0.2:49342" });
    const { json } = await story.why("49342");
    assert.deepEqual(
      json.blockers.map(({ rule }) => rule),
      ["client", "time-wait"],
    );
    assert.match(json.blockers[1]?.text ?? "", /cannot be seen/);
  }),
);

test(
  "a connection that is still being made has taken its port",
  story(async (story) => {
    const service = story.actor();
    await service.listen("127.0.0.1:5433", { backlog: 0 });
    const client = story.actor();
    await client.connect("127.0.0.1:5433");
    // The queue is full: the next SYN is not answered.
    const fd = await client.connect("127.0.0.1:5433", { nonBlocking: true });
    const port = await client.call("port", { fd });
    await story.socket(`state syn-sent sport = :${port}`);
    const { json } = await story.why(String(port));
    assert.deepEqual(
      json.blockers.map(({ rule, socket }) => [rule, socket?.state, socket?.owners?.[0]?.pid]),
      [["client", "SYN-SENT", client.pid]],
    );
  }),
);

test(
  "a socket that is bound and does nothing is found",
  story(async (story) => {
    const holder = story.actor();
    await holder.bound("0.0.0.0:49330");
    const { status, json } = await story.why("0.0.0.0:49330");
    assert.equal(status, 1);
    assert.deepEqual(
      json.blockers.map(({ rule, socket }) => [rule, socket?.state, socket?.owners?.[0]?.pid]),
      [["bound", "BOUND", holder.pid]],
    );
    assert.match(json.blockers[0]?.text ?? "", /did not set SO_REUSEADDR/);
  }),
);

test(
  "CLOSE-WAIT: the other side has closed, the program has not, and nobody listens",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("0.0.0.0:49331");
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:49331");
    await server.accept(listener);
    await server.close(listener);
    await client.close(fd);
    await story.socket("state close-wait sport = :49331");
    const { status, json } = await story.why("49331");
    assert.equal(status, 1);
    assert.deepEqual(
      json.blockers.map(({ rule, socket }) => [rule, socket?.state, socket?.owners?.[0]?.pid]),
      [["close-wait", "CLOSE-WAIT", server.pid]],
    );
    // It would wait for ever: nothing here ends by itself.
    assert.equal(json.blockers[0]?.freeInMs, undefined);
    assert.deepEqual(
      json.advice.map(({ costs }) => costs),
      ["data"],
    );
  }),
);

test(
  "FIN-WAIT-2 that no program holds: its seconds are known",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("0.0.0.0:49332");
    const client = story.actor();
    await client.connect("127.0.0.1:49332");
    const accepted = await server.accept(listener);
    await server.close(listener);
    await server.close(accepted);
    const orphan = await story.socket("state fin-wait-2 sport = :49332");
    const { status, json } = await story.why("49332");
    assert.equal(status, 1);
    const [blocker, ...others] = json.blockers;
    assert.deepEqual(others, []);
    assert.equal(blocker?.rule, "fin-wait-2");
    assert.equal(blocker.socket?.cookie, orphan.cookie);
    assert.equal(blocker.socket?.ownerless, "kernel");
    assert.ok(blocker.freeInMs !== undefined && blocker.freeInMs > 1000 && blocker.freeInMs <= 60_000);
    assert.deepEqual(
      json.spared.map(({ socket }) => [socket.state, socket.owners?.[0]?.pid]),
      [["CLOSE-WAIT", client.pid]],
      "the client's end",
    );
  }),
);

test(
  "FIN-WAIT-2 that a program has half closed: no time is promised",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("0.0.0.0:49333");
    const client = story.actor();
    await client.connect("127.0.0.1:49333");
    const accepted = await server.accept(listener);
    await server.close(listener);
    await server.call("shutdown", { fd: accepted });
    await story.socket("state fin-wait-2 sport = :49333");
    const { json } = await story.why("49333");
    assert.equal(json.blockers[0]?.rule, "fin-wait-2");
    assert.equal(json.blockers[0].freeInMs, undefined);
    assert.equal(json.blockers[0].socket?.owners?.[0]?.pid, server.pid);
  }),
);

test(
  "FIN-WAIT-1 that cannot deliver: the peer does not read, the program is gone",
  story(async (story) => {
    const client = story.actor();
    const server = story.actor();
    const listener = await server.listen("0.0.0.0:49334");
    await client.connect("127.0.0.1:49334", { receiveBufferBytes: 4096 });
    const accepted = await server.accept(listener);
    const sent = await server.call("fill", { fd: accepted });
    await server.kill();
    const orphan = await story.socket("state fin-wait-1 sport = :49334");
    const { status, json } = await story.why("49334");
    assert.equal(status, 1);
    const [blocker] = json.blockers;
    assert.equal(blocker?.rule, "orphan");
    assert.equal(blocker.socket?.cookie, orphan.cookie);
    assert.equal(blocker.freeInMs, undefined);
    const queues = blocker.socket?.queues;
    assert.ok(queues !== undefined && "sendBytes" in queues && queues.sendBytes > 0 && queues.sendBytes <= sent + 1);
    const [clearing] = json.advice;
    assert.equal(clearing?.costs, "data");
    assert.equal((await typed(clearing.command)).status, 0);
    assert.equal((await story.why("49334")).status, 0, "what it advises frees the port");
  }),
);
