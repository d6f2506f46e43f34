// Who has the port: a live listener, the child that inherited it, a stopped process, connections that nobody has accepted.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { why } from "../../src/ask/why.ts";
import type { Host } from "../../src/host/host.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import type { Socket } from "../../src/tcp/socket.ts";
import { story } from "./story.ts";
import { typed } from "./typed.ts";
import { until } from "./until.ts";

const pidsOf = (socket: Socket | undefined): number[] =>
  [...new Set((socket?.owners ?? []).map(({ pid }) => pid))].sort((a, b) => a - b);

test(
  "a live listener is named with its process",
  story(async (story) => {
    const server = story.actor();
    await server.listen("[::]:49320", { reuseAddr: true, v6only: false });
    const { status, json } = await story.why("49320");
    assert.equal(status, 1);
    assert.deepEqual(json.endpoint, { protocol: "tcp", address: "::", port: 49_320, v6only: false });
    assert.deepEqual(
      json.attempts.map(({ result, by }) => [result, by]),
      [
        ["EADDRINUSE", "probe"],
        ["EADDRINUSE", "probe"],
      ],
    );
    const [blocker, ...others] = json.blockers;
    assert.equal(others.length, 0);
    assert.equal(blocker?.rule, "listener");
    const [owner] = blocker.socket?.owners ?? [];
    assert.equal(owner?.pid, server.pid);
    assert.equal(owner.command, "node");
    assert.ok(owner.args?.some((arg) => arg.endsWith("socket-actor.js")));
    assert.ok(Math.abs(Date.parse(owner.startedAt ?? "") - Date.now()) < 60_000);
    assert.deepEqual(json.advice, [
      {
        text: `ask node (pid ${server.pid}) to end, and prove that the port is free`,
        command: "portmortem free 49320",
        costs: "downtime",
      },
    ]);
    const human = await story.command(["why", "49320"]);
    assert.match(human.text, new RegExp(`listener {2}node \\(pid ${server.pid}\\) listens on \\[::\\]:49320`));
  }),
);

test(
  "a child that inherited the listener is its owner, beside the parent and after the parent's death",
  story(async (story) => {
    const parent = story.actor();
    const fd = await parent.listen("0.0.0.0:49321");
    const child = await parent.call("bequeath", { fd });
    story.atEnd(() => process.kill(child, "SIGKILL"));
    await until("the child runs sleep", () => readFileSync(`/proc/${child}/comm`, "utf8") === "sleep\n");
    const both = await story.why("49321");
    assert.equal(both.json.blockers[0]?.rule, "listener");
    assert.deepEqual(
      pidsOf(both.json.blockers[0]?.socket),
      [parent.pid, child].sort((a, b) => a - b),
    );
    const [ending] = both.json.advice;
    assert.ok(ending !== undefined);
    assert.ok(ending.text.includes(`node (pid ${parent.pid})`));
    assert.ok(ending.text.includes(`sleep (pid ${child})`));

    await parent.kill();
    const alone = await story.why("49321");
    assert.equal(alone.status, 1);
    assert.deepEqual(pidsOf(alone.json.blockers[0]?.socket), [child]);
    assert.equal(alone.json.blockers[0]?.socket?.owners?.[0]?.command, "sleep");
  }),
);

test(
  "a stopped process is said to be stopped, and the advice makes it go on",
  story(async (story) => {
    const server = story.actor();
    const fd = await server.listen("127.0.0.1:49322");
    // Beside one that inherited the listener and is not stopped.
    const child = await server.call("bequeath", { fd });
    story.atEnd(() => tryKill(child));
    server.signal("SIGSTOP");
    await until("it is stopped", () => / T /.test(readFileSync(`/proc/${server.pid}/stat`, "utf8")));
    const { json } = await story.why("127.0.0.1:49322");
    const owners = json.blockers[0]?.socket?.owners ?? [];
    assert.equal(owners.find(({ pid }) => pid === server.pid)?.state, "T");
    assert.ok(owners.some(({ pid }) => pid === child));
    assert.match(json.blockers[0]?.text ?? "", /stopped/);
    const [advice] = json.advice;
    assert.match(advice?.text ?? "", /\(stopped by Ctrl-Z, it is let go on first\)/);
    // What it advises ends the process.
    assert.equal((await typed(advice?.command)).status, 0);
    assert.equal((await story.why("127.0.0.1:49322")).status, 0);
  }),
);

test(
  "connections that nobody has accepted are told apart from those of a program",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("127.0.0.1:49323", { backlog: 5 });
    const client = story.actor();
    for (let count = 0; count < 3; count++) await client.connect("127.0.0.1:49323");
    await server.accept(listener);
    const { json } = await story.command<{ sockets: Socket[] }>(["ls", "sport = :49323", "--json"]);
    const told = json.sockets.map(({ state, owners, ownerless }) => `${state} ${owners?.[0]?.pid ?? ownerless}`);
    assert.deepEqual(told.sort(), [
      `ESTABLISHED ${server.pid}`,
      "ESTABLISHED unaccepted",
      "ESTABLISHED unaccepted",
      `LISTEN ${server.pid}`,
    ]);
    assert.deepEqual(json.sockets.find(({ state }) => state === "LISTEN")?.queues, { accepting: 2, backlog: 5 });
    const why = await story.why("127.0.0.1:49323");
    assert.deepEqual(
      why.json.blockers.map(({ rule, count }) => [rule, count]),
      [
        ["listener", 1],
        ["connection", 1],
        ["unaccepted", 2],
      ],
    );
    assert.deepEqual(
      why.json.spared.map(({ count }) => count),
      [3],
      "the client's ends",
    );
  }),
);

test(
  "a process that dies while its socket is looked at is no error",
  story(async (story) => {
    for (const dies of ["processes", "socketFds", "socketOptions"] as const) {
      const server = story.actor();
      await server.listen("127.0.0.1:49324");
      const host = createLinuxHost();
      const end = (): void => {
        process.kill(server.pid, "SIGKILL");
        // Its last thread closes the descriptors, and only then is it a zombie without threads beside it.
        while (!/^State:\s+Z[^]*^Threads:\s+1$/m.test(readFileSync(`/proc/${server.pid}/status`, "utf8")));
      };
      const answer = await why("127.0.0.1:49324", { host: dyingAt(host, dies, end) });
      assert.equal(answer.bindable, false, `as seen before it died (${dies})`);
      assert.equal((await why("127.0.0.1:49324")).bindable, true);
      await server.kill();
    }
  }),
);

function tryKill(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended already.
  }
}

/** The host, with something that happens right before the first call of a method. */
function dyingAt(host: Host, method: keyof Host, end: () => void): Host {
  let done = false;
  return new Proxy(host, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        if (name === method && !done) {
          done = true;
          end();
        }
        return (value as (...args: unknown[]) => unknown).apply(target, args);
      };
    },
  });
}
