// `portmortem run` without root: it works, at the price of no_new_privs, which is said.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { copyCommand } from "./copied-command.ts";
import { HAS_PYTHON, PYTHON, SECOND_USER } from "./needs.ts";
import type { Need } from "./needs.ts";
import { startLoad, startRun } from "./run-command.ts";
import type { RunCommand, RunOptions } from "./run-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const NOBODY = 65_534;
const IS_ROOT: Need = () => (process.getuid?.() === 0 ? undefined : "probed: getuid(); not root");

function startAsNobody(s: Story, words: readonly string[], options: RunOptions = {}): RunCommand {
  const copy = copyCommand();
  s.atEnd(() => copy.remove());
  return startRun(s, words, { ...options, uid: NOBODY, cli: copy.cli });
}

const SERVER = `
import os, socket
listener = socket.socket()
listener.bind(("127.0.0.1", 49200))
listener.listen(64)
print("up", flush=True)
while True:
    connection, _ = listener.accept()
    connection.recv(100)
    connection.sendall(b"%d" % os.getpid())
    connection.close()
`;

test(
  "an ordinary user's program is kept, and -v says that no_new_privs is set",
  story(
    async (s) => {
      const words = ["-v", "-p", "49200", "--backoff", "0s", "--", PYTHON, "-c", SERVER];
      const run = startAsNobody(s, words, { asText: true });
      await run.printed(1);
      await run.said(/^portmortem: mode adopt$/);
      await run.said(/PR_SET_NO_NEW_PRIVS is set/);
      const load = startLoad(s, 49_200);
      await until("answers", () => load.counts.answered >= 3);
      process.kill(Number(load.answers.at(-1)), "SIGKILL");
      await run.printed(2);
      const from = load.counts.answered;
      await until("answers of the next life", () => load.counts.answered >= from + 3);
      assert.equal((await load.stop()).refused, 0);
      assert.equal(run.warned.filter((line) => line.includes("NO_NEW_PRIVS")).length, 1, run.warned.join("\n"));
      assert.equal(await run.stop(), 143);
    },
    HAS_PYTHON,
    SECOND_USER,
  ),
);

test(
  "as root it is not set",
  story(async (s) => {
    const run = startRun(s, ["-v", "--", "grep", "NoNewPrivs", "/proc/self/status"], { asText: true });
    assert.equal(await run.ended, 0);
    assert.deepEqual(run.output, ["NoNewPrivs:\t0"]);
    assert.ok(!run.warned.some((line) => line.includes("NO_NEW_PRIVS")));
  }, IS_ROOT),
);

test(
  "a set-user-ID program below an ordinary user's gains nothing; in mode plain it does",
  story(
    async (s) => {
      const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
      s.atEnd(() => rmSync(folder, { recursive: true }));
      chmodSync(folder, 0o755);
      const program = join(folder, "id");
      copyFileSync("/usr/bin/id", program);
      chmodSync(program, 0o4755);
      const alone = spawnSync(program, ["-u"], { uid: NOBODY, gid: NOBODY, cwd: "/", encoding: "utf8" });
      // The folder may be mounted nosuid: then there is nothing to be gained.
      const gained = alone.stdout.trim();
      const kept = startAsNobody(s, ["--", program, "-u"]);
      assert.equal(await kept.ended, 0);
      assert.deepEqual(kept.output, [String(NOBODY)]);
      const plain = startAsNobody(s, ["--mode", "plain", "--", program, "-u"]);
      assert.equal(await plain.ended, 0);
      assert.deepEqual(plain.output, [gained]);
    },
    IS_ROOT,
    SECOND_USER,
  ),
);

test(
  "a port below 1024 is refused before anything is started, and the right that lacks is named",
  story(
    async (s) => {
      const run = startAsNobody(s, ["-p", "80", "--", "echo", "started"], { asText: true });
      assert.notEqual(await run.ended, 0);
      assert.deepEqual(run.output, []);
      assert.match(run.warned.join("\n"), /port 80 cannot be bound: .*CAP_NET_BIND_SERVICE/s);
      assert.doesNotMatch(run.warned.join("\n"), /taken|--take/);
    },
    IS_ROOT,
    SECOND_USER,
  ),
);
