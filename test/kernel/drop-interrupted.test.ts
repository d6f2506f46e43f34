// `portmortem drop` as a process: Ctrl-C in the middle, the question on a terminal, and a terminal that goes away.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import type { DropResult } from "../../src/tcp/drop-result.ts";
import { SCRIPT } from "./needs.ts";
import { CLI, story } from "./story.ts";
import type { Story } from "./story.ts";
import { hasEnded, startOnTerminal } from "./started-command.ts";
import { until } from "./until.ts";

const MANY = 20_000;

/** In the network namespace of this thread. */
function timeWaits(): number {
  return Number(/^TCP:.* tw (\d+)/m.exec(readFileSync("/proc/thread-self/net/sockstat", "utf8"))?.[1]);
}

for (const [signal, expected] of [
  ["SIGINT", 130],
  ["SIGTERM", 143],
] as const)
  test(
    `${signal} in the middle of ${MANY}: it stops, says how far it came, and ends with ${expected}`,
    story(async (s) => {
      s.system("sh", "-c", "echo 100000 > /proc/sys/net/ipv4/tcp_max_tw_buckets");
      await s.actor().call("timeWaits", { address: "127.0.0.1", port: 2000, count: MANY });
      const child = spawn(process.execPath, [CLI, "drop", "state time-wait", "--yes", "--json"], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      s.atEnd(() => child.kill("SIGKILL"));
      let text = "";
      child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
      // Without a pause: it takes a fraction of a second.
      const before = timeWaits();
      for (const end = Date.now() + 8000; timeWaits() >= before && Date.now() < end;);
      child.kill(signal);
      assert.equal(await ended, expected);
      const result = JSON.parse(text) as DropResult;
      const left = (await s.sockets("state time-wait")).length;
      assert.deepEqual([result.matched, result.dropped, result.gone], [MANY, MANY - left, MANY - left]);
      assert.equal(result.interrupted, left > 0 ? true : undefined);
      assert.deepEqual(result.failed, []);
    }),
  );

async function openConnection(s: Story, port: number): Promise<void> {
  const server = s.actor();
  const listener = await server.listen(`127.0.0.1:${port}`);
  await s.actor().connect(`127.0.0.1:${port}`);
  await server.accept(listener);
}

for (const [typed, port, status, left] of [
  ["y\n", 48_201, 0, 0],
  ["YES\n", 48_202, 0, 0],
  ["n\n", 48_203, 1, 1],
  ["\n", 48_204, 1, 1],
  ["\u0003", 48_205, 130, 1],
] as const)
  test(
    `on a terminal the plan is shown and asked about: ${JSON.stringify(typed)}`,
    story(async (s) => {
      await openConnection(s, port);
      const { said, type, ended } = startOnTerminal(s, `drop dport = :${port}`);
      await until("the question", () => said().includes("[y/N]"));
      assert.match(said(), /destroy {2}the connection of node \(pid \d+\)/);
      assert.match(said(), /ECONNABORTED[^]*--how shutdown/);
      type(typed);
      assert.equal(await ended, status);
      assert.match(said(), left === 0 ? /1 of 1 dropped, all gone/ : /nothing was done/);
      assert.equal((await s.sockets(`state established dport = :${port}`)).length, left);
    }, SCRIPT),
  );

test(
  "a terminal that goes away while it asks: nothing is done, and nothing stays behind",
  story(async (s) => {
    await openConnection(s, 48_206);
    const { said, commandPid, hangUp, ended } = startOnTerminal(s, "drop dport = :48206");
    await until("the question", () => said().includes("[y/N]"));
    const command = commandPid();
    hangUp();
    await ended;
    await hasEnded(command);
    assert.equal((await s.sockets("state established dport = :48206")).length, 1);
  }, SCRIPT),
);
