// What changes between the plan and its execution: what is there no longer, or is another by now, is left alone.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drop } from "../../src/act/drop.ts";
import { free } from "../../src/act/free.ts";
import type { FreeOptions } from "../../src/act/free.ts";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import { hasEnded, isAlive, startCommand, startServer } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** `between` happens once the plan is made, and before it is consented to. */
async function freeWhile(
  port: number,
  between: () => Promise<unknown>,
  options: FreeOptions = {},
): Promise<{ readonly result: FreeResult; readonly asked: number }> {
  let asked = 0;
  const result = await free(`127.0.0.1:${port}`, {
    graceMs: 2000,
    force: true,
    ...options,
    confirm: async () => {
      if (++asked === 1) await between();
      return asked === 1;
    },
  });
  return { result, asked };
}

function steps({ done }: FreeResult): (readonly [what: string, result: string])[] {
  return done.map((one) => [one.kind === "signal" ? `${one.pid} ${one.signal}` : one.kind, one.result] as const);
}

test(
  "the owner closes its listener: nobody is signalled",
  story(async (s) => {
    const server = s.actor();
    const fd = await server.listen("127.0.0.1:48571");
    const { result } = await freeWhile(48_571, () => server.close(fd));
    assert.equal(result.bindable, true);
    assert.ok(result.done.every((one) => one.result === "not-needed"));
    assert.ok(isAlive(server.pid));
  }),
);

test(
  "one of two owners lets go: only the other one is asked",
  story(async (s) => {
    const early = s.actor();
    const late = s.actor();
    const fd = await early.listen("127.0.0.1:48572", { reusePort: true });
    await late.listen("127.0.0.1:48572", { reusePort: true });
    const { result } = await freeWhile(48_572, () => early.close(fd));
    assert.equal(result.bindable, true);
    const results = new Map(steps(result));
    assert.equal(results.get(`${early.pid} SIGTERM`), "gone");
    assert.equal(results.get(`${late.pid} SIGTERM`), "ok");
    assert.ok(isAlive(early.pid));
    await hasEnded(late.pid);
  }),
);

test(
  "another program takes the port: neither is signalled, and it is named",
  story(async (s) => {
    const server = s.actor();
    const other = s.actor();
    const fd = await server.listen("127.0.0.1:48573");
    const { result, asked } = await freeWhile(48_573, async () => {
      await server.close(fd);
      await other.listen("127.0.0.1:48573");
    });
    assert.deepEqual([result.bindable, asked], [false, 1]);
    assert.ok(result.done.every((one) => one.result === "gone" || one.result === "not-needed"));
    assert.match(result.cameBack?.text ?? "", new RegExp(`pid ${other.pid}\\)`));
    assert.ok(isAlive(server.pid) && isAlive(other.pid));
  }),
);

test(
  "the owner opens a new listener in place of the old one: it is another socket, and nobody is signalled for it",
  story(async (s) => {
    const server = s.actor();
    const fd = await server.listen("127.0.0.1:48574");
    const { result } = await freeWhile(48_574, async () => {
      await server.close(fd);
      await server.listen("127.0.0.1:48574");
    });
    assert.equal(result.bindable, false);
    assert.ok(result.done.every((one) => one.result === "gone" || one.result === "not-needed"));
    assert.ok(isAlive(server.pid));
  }),
);

test(
  "a connection comes in the place of a TIME-WAIT, from the same port to the same port: it lives on",
  story(async (s) => {
    const server = s.actor();
    const client = s.actor();
    const listener = await server.listen("127.0.0.1:48575", { reuseAddr: true });
    const from = "127.0.0.1:48576";
    const fd = await client.connect("127.0.0.1:48575", { from, reuseAddr: true });
    const accepted = await server.accept(listener);
    await client.close(fd);
    await server.close(accepted);
    await s.socket("state time-wait sport = :48576");
    const { result, asked } = await freeWhile(
      48_576,
      async () => {
        await drop({ filter: "state time-wait sport = :48576" });
        const again = await client.connect("127.0.0.1:48575", { from });
        const newOne = await server.accept(listener);
        await client.call("write", { fd: again, text: "hello" });
        assert.equal(await server.call("read", { fd: newOne }), "hello");
      },
      { reuseAddr: false },
    );
    // What it would take to end the connection is another plan, and that was not consented to.
    assert.deepEqual([result.bindable, asked], [false, 2]);
    assert.deepEqual(steps(result), [["destroy", "gone"]]);
    assert.equal((await s.sockets("state established sport = :48576")).length, 1);
  }),
);

test(
  "two at once: both say that it is free, and the port is",
  story(async (s) => {
    for (let times = 0; times < 5; times++) {
      const server = await startServer(s, 48_577, "drains");
      const commands = [1, 2].map(() => startCommand(s, ["free", "48577", "--yes", "--force"]));
      const statuses = await Promise.all(commands.map(({ ended }) => ended));
      assert.deepEqual(statuses, [0, 0], commands.map(({ said }) => said()).join());
      assert.ok(!isAlive(server.pid));
    }
  }),
);

test(
  "two at once, and a new server as soon as the old one is gone: the new one is hit by neither",
  story(async (s) => {
    const server = await startServer(s, 48_578, "ignores");
    const next = s.actor();
    const commands = [1, 2].map(() => startCommand(s, ["free", "48578", "--yes", "--force", "--grace", "1", "--json"]));
    for (let times = 0; times < commands.length; times++) assert.equal(await server.line(), "asked");
    await until("the new one listens", () => listens(next, 48_578));
    const statuses = await Promise.all(commands.map(({ ended }) => ended));
    const results = commands.map(({ said }) => JSON.parse(said()) as FreeResult);
    assert.ok(isAlive(next.pid));
    assert.equal((await s.sockets("state listening sport = :48578")).length, 1);
    for (const [at, { bindable, cameBack, done }] of results.entries()) {
      assert.equal(statuses[at], bindable ? 0 : 1);
      // Free when it looked, or back again.
      assert.ok(bindable || cameBack?.text.includes(`pid ${next.pid})`), JSON.stringify(results[at]));
      assert.ok(done.every((one) => one.kind !== "signal" || one.pid === server.pid));
    }
  }),
);

async function listens(actor: ReturnType<Story["actor"]>, port: number): Promise<boolean> {
  const fd = await actor.call("socket", { family: "ipv4", reuseAddr: true });
  if ("value" in (await actor.try("bind", { fd, to: `127.0.0.1:${port}` }))) {
    await actor.call("listen", { fd, backlog: 16 });
    return true;
  }
  await actor.close(fd);
  return false;
}
