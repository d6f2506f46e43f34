// SO_REUSEADDR and SO_REUSEPORT on one side only, on both, of another user; UDP; and those that are merely connected TO the port.
import assert from "node:assert/strict";
import { test } from "node:test";
import { SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";

test(
  "SO_REUSEADDR missing on our side: bindable, and said who would still fail",
  story(async (story) => {
    const holder = story.actor();
    await holder.bound("0.0.0.0:49350", { reuseAddr: true });
    const { status, json } = await story.why("0.0.0.0:49350");
    assert.equal(status, 0);
    assert.deepEqual(
      json.attempts.map(({ reuseAddr, result }) => [reuseAddr, result]),
      [
        [true, "ok"],
        [false, "EADDRINUSE"],
      ],
    );
    assert.deepEqual(
      json.withoutReuseAddr?.map(({ rule }) => rule),
      ["bound"],
    );
    const without = await story.why("0.0.0.0:49350 --no-reuse-addr");
    assert.equal(without.status, 1);
    assert.deepEqual(
      without.json.blockers.map(({ rule }) => rule),
      ["bound"],
    );
  }),
);

test(
  "SO_REUSEADDR missing on their side: ours does not help",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("127.0.0.1:49351");
    const client = story.actor();
    await client.connect("127.0.0.1:49351");
    await server.accept(listener);
    await server.close(listener);
    const { status, json } = await story.why("127.0.0.1:49351");
    assert.equal(status, 1);
    assert.equal(json.withoutReuseAddr, undefined);
    assert.match(json.blockers[0]?.text ?? "", /did not set SO_REUSEADDR, so yours does not help/);
    assert.doesNotMatch(JSON.stringify(json.advice), /set SO_REUSEADDR/);
  }),
);

test(
  "SO_REUSEPORT shares among one user's listeners",
  story(async (story) => {
    const server = story.actor();
    await server.listen("0.0.0.0:49352", { reusePort: true });
    const shared = await story.why("0.0.0.0:49352 --reuse-port");
    assert.equal(shared.status, 0);
    assert.equal(shared.json.attempts[0]?.reusePort, true);
    assert.deepEqual(
      shared.json.attempts.map(({ reuseAddr, reusePort, result }) => [reuseAddr, reusePort, result]),
      [
        [true, true, "ok"],
        [false, true, "ok"],
      ],
    );
    assert.equal(shared.json.withoutReuseAddr, undefined, "SO_REUSEADDR has no part in it");
    assert.deepEqual(
      shared.json.withoutReusePort?.map(({ rule }) => rule),
      ["listener"],
    );
    assert.deepEqual(
      shared.json.advice.map(({ text }) => text),
      ["set SO_REUSEPORT before bind(): with it this bind works now, and the user is the same"],
    );
    const plain = await story.why("0.0.0.0:49352");
    assert.equal(plain.status, 1, "not without asking for it");
    assert.match(plain.json.advice[0]?.text ?? "", /^set SO_REUSEPORT before bind\(\) to share the port/);
  }),
);

test(
  "SO_REUSEPORT does not pass a TIME-WAIT that has SO_REUSEADDR alone, and the bind with both does not hide it",
  story(async (story) => {
    story.system("ip", "link", "set", "lo", "up");
    const server = story.actor();
    const listener = await server.listen("127.0.0.1:49357", { reuseAddr: true });
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:49357");
    await server.close(await server.accept(listener));
    await server.close(listener);
    await client.close(fd);
    await story.socket("state time-wait sport = :49357");
    const { json } = await story.why("127.0.0.1:49357 --reuse-port");
    assert.deepEqual(
      json.attempts.map(({ reuseAddr, reusePort, result }) => [reuseAddr, reusePort, result]),
      [
        [true, true, "ok"],
        [false, true, "EADDRINUSE"],
      ],
    );
    assert.match(json.withoutReuseAddr?.[0]?.text ?? "", /TIME-WAIT/);
    assert.match(json.advice[0]?.text ?? "", /^set SO_REUSEADDR before bind\(\)/);
  }),
);

test(
  "SO_REUSEPORT does not share with another user",
  story(async (story) => {
    const server = story.actor();
    await server.call("setuid", { uid: 65_534 });
    await server.listen("0.0.0.0:49353", { reusePort: true });
    const other = await story.why("0.0.0.0:49353 --reuse-port");
    assert.equal(other.status, 1);
    assert.equal(other.json.blockers[0]?.socket?.uid, 65_534);
    const plain = await story.why("0.0.0.0:49353");
    assert.doesNotMatch(JSON.stringify(plain.json.advice), /SO_REUSEPORT/, "it would not help");
    assert.equal((await story.why("0.0.0.0:49353 --reuse-port --user 65534")).status, 0);
  }, SECOND_USER),
);

test(
  "a connection TO the port is spared, and named",
  story(async (story) => {
    story.system("ip", "link", "set", "lo", "up");
    const server = story.actor();
    await server.listen("127.0.0.1:49354");
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:49354");
    const port = await client.call("port", { fd });
    const { json } = await story.why("127.0.0.1:49354");
    assert.deepEqual(
      json.spared.map(({ socket, count }) => [socket.local.port, socket.owners?.[0]?.pid, count]),
      [[port, client.pid, 1]],
    );
    assert.match(json.spared[0]?.text ?? "", /TO port 49354, held by node \(pid \d+\); it does not stand in the way/);
    assert.ok(
      json.advice.every(({ command }) => !command?.includes(String(client.pid))),
      "nobody is told to kill it",
    );
  }),
);

test(
  "a port that only others are connected to is free",
  story(async (story) => {
    const far = story.actor();
    const listener = await far.listen("127.0.0.2:49355");
    const client = story.actor();
    await client.connect("127.0.0.2:49355");
    await far.accept(listener);
    const { status, json } = await story.why("127.0.0.1:49355");
    assert.equal(status, 0);
    assert.deepEqual(json.blockers, []);
  }),
);

test(
  "a UDP port that is taken",
  story(async (story) => {
    const server = story.actor();
    await server.bound("0.0.0.0:49356", { type: "dgram" });
    const taken = await story.why("0.0.0.0:49356 --udp");
    assert.equal(taken.status, 1);
    assert.deepEqual(
      taken.json.blockers.map(({ rule, socket }) => [rule, socket?.protocol, socket?.owners?.[0]?.pid]),
      [["bound", "udp", server.pid]],
    );
    assert.equal((await story.why("0.0.0.0:49356")).status, 0, "TCP has ports of its own");
  }),
);

test(
  "a free port is one line and exit 0",
  story(async (story) => {
    const { status, text, warnings } = await story.command(["why", "47311"]);
    assert.equal(status, 0);
    assert.equal(
      text,
      "port 47311 is free: [::] (dual-stack, every address) can be bound, with and without SO_REUSEADDR\n",
    );
    assert.equal(warnings, "");
    const { json } = await story.why("47311");
    assert.deepEqual([json.bindable, json.blockers, json.spared, json.advice], [true, [], [], []]);
  }),
);
