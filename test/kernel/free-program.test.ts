// `free` and programs of several processes: who is started again is said, and --tree ends the whole of it.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listSockets } from "../../src/ask/list-sockets.ts";
import { free, planFree } from "../../src/act/free.ts";
import type { Actor } from "./actor.ts";
import { isPortmortemError } from "../../src/base/errors.ts";
import { hasEnded, isAlive } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** A job of its own, as a shell with job control makes one. */
function startJob(s: Story, script: string): number {
  const child = spawn("sh", ["-c", script], {
    detached: true,
    stdio: "ignore",
    env: { ...process.env, NODE: process.execPath },
  });
  s.atEnd(() => {
    try {
      process.kill(-child.pid!, "SIGKILL");
    } catch {
      // All of it has ended.
    }
  });
  return child.pid!;
}

async function takes(actor: Actor, port: number): Promise<boolean> {
  const fd = await actor.call("socket", { family: "ipv4", reuseAddr: true });
  const isBound = "value" in (await actor.try("bind", { fd, to: `127.0.0.1:${port}` }));
  if (isBound) await actor.call("listen", { fd, backlog: 16 });
  else await actor.close(fd);
  return isBound;
}

async function holderOf(port: number): Promise<number> {
  return until(`a listener on ${port}`, async () => {
    const { sockets } = await listSockets({ filter: `state listening sport = :${port}` });
    return sockets[0]?.owners?.[0]?.pid;
  });
}

const server = (port: number, first = ""): string =>
  `${first} require("net").createServer().listen(${port}, "127.0.0.1")`;
const LOOP = (port: number): string => `while :; do "$NODE" -e '${server(port)}'; done`;
const WORKER = 'require("child_process").spawn(process.execPath, ["-e", "setInterval(() => 0, 1000)"]);';

test(
  "a loop of a shell starts it again: it is ended once, and the loop is named",
  story(async (s) => {
    const loop = startJob(s, LOOP(48_741));
    const pid = await holderOf(48_741);
    const result = await free("127.0.0.1:48741", { yes: true });
    assert.equal(result.bindable, false);
    assert.deepEqual(
      result.done.filter(({ kind }) => kind === "signal").map((one) => [one.kind === "signal" && one.pid, one.result]),
      [[pid, "ok"]],
    );
    const { cameBack } = result;
    assert.match(cameBack?.text ?? "", new RegExp(`has it again: sh \\(pid ${loop}\\) starts it again$`));
    assert.equal(cameBack?.command, `kill ${loop}`);
    assert.notEqual(cameBack?.socket.owners?.[0]?.pid, pid);
    assert.deepEqual(result.refused, []);
    // With the tree the loop goes first.
    const whole = await free("127.0.0.1:48741", { yes: true, tree: true });
    assert.deepEqual([whole.bindable, whole.cameBack], [true, undefined]);
    await hasEnded(loop);
  }),
);

test(
  "somebody else takes the port: the supervisor of the one that ended is not blamed for it, nor who started this program",
  story(async (s) => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    const program = join(folder, "supervisord");
    const started = JSON.stringify(["-e", server(48_746)]);
    writeFileSync(
      program,
      `require("child_process").spawn(process.execPath, ${started}); setTimeout(() => 0, 60_000);`,
    );
    startJob(s, `exec "$NODE" ${program}`);
    await holderOf(48_746);
    const other = s.actor();
    const work = free("127.0.0.1:48746", { yes: true });
    await until("the other one listens", () => takes(other, 48_746));
    const { supervisors, cameBack } = await work;
    assert.deepEqual(
      supervisors.map(({ kind }) => kind),
      ["supervisord"],
    );
    assert.match(cameBack?.text ?? "", new RegExp(`\\(pid ${other.pid}\\) has it now$`));
    assert.equal(cameBack?.command, undefined);
  }),
);

test(
  "without tree only the holder is asked; with it all of the program is, parents first, and all of it is waited for",
  story(async (s) => {
    const shell = startJob(s, `"$NODE" -e '${server(48_742, WORKER)}'; sleep 60`);
    const pid = await holderOf(48_742);
    const { tree, plan } = await until("the worker", async () => {
      const found = await planFree("127.0.0.1:48742", { tree: true });
      return found.tree.length === 3 ? found : undefined;
    });
    const worker = tree[2]!.pid;
    assert.deepEqual(
      tree.map(({ depth, holds }) => [depth, holds]),
      [
        [0, false],
        [1, true],
        [2, false],
      ],
    );
    assert.deepEqual(
      plan.flatMap((step) => (step.kind === "signal" ? [step.pid] : [])),
      [shell, pid, worker],
    );
    const alone = await planFree("127.0.0.1:48742");
    assert.deepEqual(
      alone.plan.flatMap((step) => (step.kind === "signal" ? [step.pid] : [])),
      [pid],
    );
    const result = await free("127.0.0.1:48742", { yes: true, tree: true });
    assert.equal(result.bindable, true);
    for (const one of [shell, pid, worker]) assert.ok(!isAlive(one), String(one));
  }),
);

test(
  "who ignores its end is killed with the tree and force, whether it holds the port or not",
  story(async (s) => {
    const shell = startJob(s, `trap "" TERM; "$NODE" -e '${server(48_743)}'; while :; do sleep 1; done`);
    await holderOf(48_743);
    const result = await free("127.0.0.1:48743", { yes: true, tree: true, force: true, graceMs: 300 });
    assert.equal(result.bindable, true);
    assert.ok(!isAlive(shell));
    const killed = result.done.filter(
      (one) => one.kind === "signal" && one.signal === "SIGKILL" && one.result === "ok",
    );
    assert.ok(killed.some((one) => one.kind === "signal" && one.pid === shell));
  }),
);

test(
  "the last process of another network namespace: the bind that proves it is made there all the same",
  story(async (s) => {
    const inside = startJob(s, `exec unshare -n "$NODE" -e '${server(48_744)}'`);
    await until("it listens", async () => {
      try {
        const question = { filter: "state listening sport = :48744", netns: inside, owners: false };
        return (await listSockets(question)).sockets.length === 1;
      } catch (error) {
        // The process has gone over into its new namespace between two looks.
        if (isPortmortemError(error) && error.code === "PM_NETNS_NOT_FOUND") return false;
        throw error;
      }
    });
    const result = await free("127.0.0.1:48744", { netns: inside, yes: true });
    assert.equal(result.bindable, true);
    assert.ok(!isAlive(inside));
  }),
);
