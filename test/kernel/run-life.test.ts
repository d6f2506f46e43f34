// A program under `portmortem run` lives its own life: what it is given, what reaches it, how it ends.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { startRun } from "./run-command.ts";
import { catchesHangup, hasEnded } from "./started-command.ts";
import { CLI, story } from "./story.ts";
import { until } from "./until.ts";

const NODE = process.execPath;

/** What cannot be the same, or is meant to be another. */
const OWN = /^(pid|ppid|group|foreground|Seccomp|variable _=)/;

test(
  "it starts as a shell would have started it, and its status is the command's",
  story(async () => {
    const program = cProgram("print-state");
    const run = (...words: string[]): { status: number | null; lines: string[] } => {
      const env = { ...process.env, EMPTY: "", SPACED: " a b ", NODE_OPTIONS: "--max-old-space-size=100" };
      const { status, stdout } = spawnSync("/bin/sh", ["-c", 'umask 027; "$@"; exit $?', "sh", ...words], {
        env,
        encoding: "utf8",
        stdio: ["ignore", "pipe", "inherit"],
      });
      return { status, lines: stdout.split("\n").filter((line) => !OWN.test(line)) };
    };
    const plain = run(program, "a b", "", "-q", "--", "ü");
    const kept = run(NODE, CLI, "run", "--restart", "never", program, "a b", "", "-q", "--", "ü");
    assert.equal(plain.status, 7);
    assert.equal(kept.status, 7);
    assert.ok(plain.lines.length > 60);
    assert.deepEqual(kept.lines, plain.lines);
  }, STATIC_C),
);

test(
  "stdin is the program's, and a reader of its output that goes away ends it",
  story(async (s) => {
    const run = startRun(s, ["--", "sh", "-c", "read line; echo got $line; read line || echo end of input"]);
    run.say("hello");
    run.endInput();
    assert.equal(await run.ended, 0);
    assert.deepEqual(run.output, ["got hello", "end of input"]);

    const command = `${NODE} ${CLI} run --restart never -- yes; echo "status $?" >&2`;
    const { stdout, stderr } = spawnSync("sh", ["-c", `(${command}) | head -1`], { encoding: "utf8" });
    assert.equal(stdout, "y\n");
    assert.match(stderr, /yes \(pid \d+\) was ended by SIGPIPE/);
    assert.match(stderr, /status 141/);
  }),
);

for (const [words, status, said] of [
  [["sh", "-c", "exit 9"], 9, /sh \(pid \d+\) ended with status 9/],
  [["sh", "-c", "kill -USR1 $$"], 138, /was ended by SIGUSR1/],
  [["no-such-program"], 127, /^portmortem: no-such-program: there is no such program/],
  [["./no-such-program"], 127, /^portmortem: \.\/no-such-program: there is no such program/],
  [["/etc/passwd"], 126, /^portmortem: \/etc\/passwd: it cannot be run: EACCES/],
  [["/"], 126, /^portmortem: \/: it cannot be run: EACCES/],
] as const)
  test(
    `run -- ${words.join(" ")} ends with ${status}`,
    story(async (s) => {
      const run = startRun(s, ["--restart", "never", "--", ...words], { asText: true });
      assert.equal(await run.ended, status);
      await run.said(said);
    }),
  );

test(
  "--restart says when it is started again, --backoff after what, --max-restarts how often",
  story(async (s) => {
    const well = startRun(s, ["--", "sh", "-c", "echo life"]);
    assert.equal(await well.ended, 0);
    assert.deepEqual(well.output, ["life"]);

    const always = startRun(s, [
      "--restart",
      "always",
      "--backoff",
      "0s",
      "--max-restarts",
      "2/1m",
      "--",
      "echo",
      "life",
    ]);
    assert.equal(await always.ended, 0);
    assert.equal(always.output.length, 3);

    const never = startRun(s, ["--restart", "never", "--", "sh", "-c", "echo life; exit 5"]);
    assert.equal(await never.ended, 5);
    assert.equal(never.output.length, 1);

    const words = ["--backoff", "10ms..40ms", "--max-restarts", "5/1m", "--", "sh", "-c", "exit 5"];
    const growing = startRun(s, words);
    assert.equal(await growing.ended, 5);
    assert.deepEqual(
      growing.all("restarting").map(({ delayMs }) => delayMs),
      [10, 20, 40, 40, 40],
    );
    const text = startRun(s, words, { asText: true });
    assert.equal(await text.ended, 5);
    await text.said(/^portmortem: sh is not started again: 5 restarts within 60 s are enough/);
  }),
);

test(
  "SIGTERM reaches the program, which has its grace; then it is killed, and its children with it",
  story(async (s) => {
    const gentle = startRun(s, [
      "--",
      "sh",
      "-c",
      "trap 'echo asked; exit 3' TERM; echo up; while :; do sleep 0.05; done",
    ]);
    await gentle.printed(1);
    assert.equal(await gentle.stop(), 3);
    assert.deepEqual(gentle.output, ["up", "asked"]);

    const stubborn = startRun(s, [
      "--grace",
      "200ms",
      "--",
      "sh",
      "-c",
      "trap '' TERM; sleep 1000 & echo up; wait; wait",
    ]);
    await stubborn.printed(1);
    assert.equal(await stubborn.stop(), 137);
    assert.equal(stubborn.all("killing").length, 1);

    const parent = startRun(s, ["--", "sh", "-c", "sleep 1000 & echo $!; wait"]);
    const child = Number(await parent.printed(1));
    assert.equal(await parent.stop(), 143);
    await hasEnded(child);
  }),
);

test(
  "SIGTERM while the program is down, or before it is there, ends it at once; so does a program that is not there any more",
  story(async (s) => {
    const down = startRun(s, ["--backoff", "1h", "--", "sh", "-c", "exit 4"]);
    await down.told("restarting");
    assert.equal(await down.stop(), 4);

    const early = startRun(s, ["--", "sleep", "1000"]);
    await early.told("mode");
    assert.equal(await early.stop(), 143);

    const before = startRun(s, ["--", "sleep", "1000"], { asText: true });
    await until("it listens to signals", () => catchesHangup(before.pid));
    assert.equal(await before.stop(), 143);
    assert.deepEqual(
      before.warned.filter((line) => line.includes("defect")),
      [],
    );

    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    const removed = join(folder, "program");
    writeFileSync(removed, '#!/bin/sh\nrm "$0"; exit 5\n', { mode: 0o755 });
    const gone = startRun(s, ["--backoff", "0s", "--", removed]);
    assert.equal(await gone.ended, 127, "it cannot be started again");
  }),
);

test(
  "SIGUSR1, SIGUSR2, SIGWINCH, SIGINT and SIGQUIT are passed on, each once",
  story(async (s) => {
    const names = ["USR1", "USR2", "WINCH", "INT", "QUIT"] as const;
    const traps = names.map((name) => `trap 'echo ${name}' ${name}`).join("; ");
    const run = startRun(s, ["--", "sh", "-c", `${traps}; echo up; while :; do sleep 0.05; done`]);
    await run.printed(1);
    for (const [index, name] of names.entries()) {
      run.signal(`SIG${name}`);
      assert.equal(await run.printed(index + 2), name);
    }
    assert.equal(await run.stop(), 143);
    assert.deepEqual(run.output, ["up", ...names]);
  }),
);

test(
  "SIGINT ends a program that it ends, and it is not started again",
  story(async (s) => {
    const run = startRun(s, ["--restart", "always", "--", "sleep", "1000"]);
    await run.told("started");
    run.signal("SIGINT");
    assert.equal(await run.ended, 130);
    assert.equal(run.all("started").length, 1);
  }),
);

test(
  "the pid of the program is that of the launcher that stood ready",
  story(async (s) => {
    const run = startRun(s, ["--backoff", "0s", "--", "sh", "-c", "echo $$; sleep 1000"]);
    await run.printed(1);
    const ready = await run.told("ready", 2);
    await run.crash();
    assert.equal(Number(await run.printed(2)), ready.pid);
    assert.equal(run.programPid, ready.pid);
    await until("nothing unread", () => run.output.length === 2);
    assert.equal(await run.stop(), 143);
  }),
);

for (const [words, said] of [
  [[], /run what\?/],
  [["--mode", "adapt", "--", "true"], /adapt/],
  [["--port", "eighty", "--", "true"], /eighty/],
  [["--port", "0", "--", "true"], /port 0/],
  [["--port", "70000", "--", "true"], /70000/],
  [["--backoff", "1s..1ms", "--", "true"], /--backoff "1s\.\.1ms" is no range of times/],
  [["--max-restarts", "5", "--", "true"], /--max-restarts "5"/],
  [["--grace", "soon", "--", "true"], /--grace.*soon/],
  [["--hold", "-1s", "--", "true"], /--hold.*-1s/],
  [["--netns", "1", "--", "true"], /namespace/],
  [["--record", "/tmp/portmortem-run.json", "--", "true"], /nothing to record/],
  [["--ports", "80", "--", "true"], /--ports/],
  [["--list", "--name", "api"], /--name would change nothing/],
  [["--stop-all", "--while-down", "refuse"], /--while-down would change nothing/],
  [["--list", "--grace", "1s"], /--grace would change nothing/],
] as const)
  test(
    `run ${words.join(" ")} is refused`,
    story(async (s) => {
      const run = startRun(s, words, { asText: true });
      assert.equal(await run.ended, 2);
      assert.match(run.warned[0] ?? "", /^portmortem: /);
      assert.match(run.warned[0] ?? "", said);
      assert.deepEqual(run.output, []);
    }),
  );
