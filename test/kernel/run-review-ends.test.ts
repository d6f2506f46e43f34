// How `portmortem run` ends where the end comes at a bad moment.
import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { descendants } from "../../src/host/linux/descendants.ts";
import { keep } from "../../src/keep/keep.ts";
import { stopRuns } from "../../src/keep/stop-runs.ts";
import { startRun } from "./run-command.ts";
import { hasEnded, isAlive, startServer } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

function folderOf(s: Story): string {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-run-"));
  s.atEnd(() => rmSync(folder, { recursive: true }));
  return folder;
}

for (const asText of [true, false])
  test(
    `a program that is removed before its restart: that is said${asText ? "" : " in JSON"}, and the status is 127`,
    story(async (s) => {
      const program = join(folderOf(s), "program");
      writeFileSync(program, "#!/bin/sh\necho life\nread line; exit 1\n");
      chmodSync(program, 0o755);
      const run = startRun(s, ["--backoff", "1ms", "--", program], { asText });
      await run.printed(1);
      unlinkSync(program);
      run.say("end");
      assert.equal(await run.ended, 127);
      const said = run.warned.join("\n");
      if (asText) assert.match(said, /^portmortem: .*program: there is no such program$/m);
      else assert.equal((JSON.parse(said) as { error: { code: string } }).error.code, "PM_CANNOT_RUN");
      assert.deepEqual(run.output, ["life"]);
    }),
  );

for (const [name, status] of [
  ["SIGTERM", 143],
  ["SIGINT", 130],
] as const)
  test(
    `${name} while the port is being made free: nothing is started, the status is ${status}`,
    story(async (s) => {
      const other = await startServer(s, 49_200, "ignores");
      const client = s.actor();
      await client.connect("127.0.0.1:49200");
      const run = startRun(s, ["-p", "49200", "--take", "--grace", "1h", "--", "echo", "started"], { asText: true });
      assert.equal(await other.line(), "asked");
      run.signal(name);
      assert.equal(await run.ended, status);
      assert.deepEqual([run.output, run.warned.filter((line) => /defect/.test(line))], [[], []]);
    }),
  );

test(
  "keep(): stopped between the choice of its mode and the start, it leaves no launcher, and start() says that it was aborted",
  story(async () => {
    const keeper = keep({ command: "sleep", args: ["1000"] });
    let stopped: Promise<unknown> | undefined;
    keeper.on("mode", () => void (stopped = keeper.stop()));
    await assert.rejects(keeper.start(), { name: "AbortError" });
    assert.deepEqual(await stopped, { because: "stopped" });
    assert.deepEqual(descendants(process.pid), []);
  }),
);

test(
  "keep(): descriptors that are none are a refusal, and nothing is left unheard",
  story(async () => {
    const unheard: unknown[] = [];
    const hear = (error: unknown): void => void unheard.push(error);
    process.on("unhandledRejection", hear);
    const keeper = keep({ command: "true", stdio: ["ignore", 9998, 9999] });
    await assert.rejects(keeper.start(), { code: "PM_CANNOT_KEEP" });
    await new Promise((resolve) => setImmediate(resolve));
    process.off("unhandledRejection", hear);
    assert.deepEqual(unheard, []);
  }),
);

const DRAINING = `
const server = require("http").createServer((request, response) => response.end("x"));
server.listen({ fd: 3 }, () => console.log("up"));
process.on("SIGTERM", () => server.close() && console.log("closed"));
process.stdin.on("data", () => process.exit(0));
`;

test(
  "activate: when it is being stopped, what its program has closed refuses clients, while the program goes on",
  story(async (s) => {
    const run = startRun(s, ["--mode", "activate", "-p", "49200", "--", process.execPath, "-e", DRAINING]);
    assert.equal(await run.printed(1), "up");
    await run.told("ready", 2);
    run.signal("SIGTERM");
    assert.equal(await run.printed(2), "closed");
    await until("nobody listens", async () => (await s.sockets("state listening and sport = :49200")).length === 0);
    assert.deepEqual(run.all("ended"), []);
    run.say("end");
    assert.equal(await run.ended, 0);
  }),
);

const SLOW_FROM_ITS_SECOND_LIFE = `
const { existsSync, writeFileSync } = require("fs");
const [life, go] = process.argv.slice(1);
const listen = () => require("http").createServer().listen(49200);
if (!existsSync(life)) writeFileSync(life, ""), listen();
else console.log("waits"), setInterval(function () { existsSync(go) && listen() && clearInterval(this); }, 10), process.stdin.resume();
`;

test(
  "a crash during a hand-over is told as one",
  story(async (s) => {
    const folder = folderOf(s);
    const [life, go] = [join(folder, "life"), join(folder, "go")];
    const run = startRun(s, ["--", process.execPath, "-e", SLOW_FROM_ITS_SECOND_LIFE, life, go]);
    const { pid } = await run.told("listening");
    assert.ok(existsSync(life));
    run.signal("SIGHUP");
    assert.equal(await run.printed(1), "waits");
    process.kill(pid, "SIGKILL");
    await until("it has ended", () => !descendants(run.pid).includes(pid));
    writeFileSync(go, "");
    assert.equal((await run.told("reloaded")).result, "handed-over");
    const { pid: ended, asked } = await run.told("ended");
    assert.deepEqual({ ended, asked }, { ended: pid, asked: false });
  }),
);

test(
  "a keeper that is killed during a hand-over leaves two programs: --stop ends both",
  story(async (s) => {
    const folder = folderOf(s);
    const env = { PORTMORTEM_RUN_DIR: folder };
    const life = join(folder, "life");
    const run = startRun(s, ["--", process.execPath, "-e", SLOW_FROM_ITS_SECOND_LIFE, life, join(folder, "go")], {
      env,
    });
    await run.told("listening");
    run.signal("SIGHUP");
    await run.told("started", 2);
    const pids = run.all("started").map(({ pid }) => pid);
    const [file = ""] = readdirSync(folder).filter((name) => name.endsWith(".json"));
    const written = (): string => readFileSync(join(folder, file), "utf8");
    await until("both are written down", () => pids.every((pid) => written().includes(`"pid":${pid}`)));
    run.signal("SIGKILL");
    await hasEnded(run.pid);
    const stopped = await stopRuns({ folder, all: true });
    assert.deepEqual([stopped.failed, stopped.stopped.length], [[], 1]);
    assert.deepEqual(pids.filter(isAlive), []);
  }),
);
