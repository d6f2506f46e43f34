// `portmortem run` as the first process of a pid namespace, as in a container, and from npm scripts.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { descendants } from "../../src/host/linux/descendants.ts";
import { readText } from "../../src/host/linux/read-file.ts";
import { STATIC_C, cProgram } from "./c-program.ts";
import { once } from "./needs.ts";
import { startRun } from "./run-command.ts";
import { spawnSync } from "node:child_process";
import { hasEnded, stateOf } from "./started-command.ts";
import { CLI, story } from "./story.ts";
import { until } from "./until.ts";

const UNSHARE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"];

const PID_NAMESPACES = once(() => {
  const { status, stderr, error } = spawnSync("unshare", [...UNSHARE.slice(1), "true"], { encoding: "utf8" });
  return status === 0 ? undefined : `probed: ${UNSHARE.join(" ")}; ${error?.message ?? stderr.trim()}`;
});

test(
  "as pid 1 it reaps orphans of its program, and SIGTERM ends it",
  story(async (s) => {
    // Its grandchild's parent ends at once: an orphan, which ends later.
    const body = "(sh -c 'sleep 0.3' &) ; echo up $$ $PPID; while :; do sleep 0.05; done";
    const run = startRun(s, ["--", "sh", "-c", body], { under: UNSHARE });
    assert.match(await run.printed(1), /^up \d+ 1$/);
    const family = descendants(run.pid);
    const [first] = family;
    assert.ok(first !== undefined);
    await until("no zombie", () => descendants(run.pid).every((pid) => stateOf(pid) !== "Z"));
    await until("the orphan is gone", () => descendants(first).length <= 3);
    process.kill(first, "SIGTERM");
    assert.equal(await run.ended, 143);
    for (const pid of family) await hasEnded(pid);
  }, PID_NAMESPACES),
);

test(
  "as pid 1 it keeps a program's port over a crash",
  story(
    async (s) => {
      const run = startRun(s, ["-p", "49200", "--backoff", "0s", "--", cProgram("port-server"), "49200"], {
        under: UNSHARE,
      });
      await run.told("listening");
      const program = await until("the program", () => descendants(run.pid).find(isPortServer));
      process.kill(program, "SIGKILL");
      await run.told("returned");
      await run.told("listening", 2);
      assert.equal(await run.printed(2), "listening on 49200");
    },
    PID_NAMESPACES,
    STATIC_C,
  ),
);

test(
  "from an npm script: SIGTERM to npm ends the program",
  story(async (s) => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    // npm signals the shell of a script, and that one ends without a word to its child: as with any program, exec puts it in its place.
    const start = `exec ${process.execPath} ${CLI} run -p 49200 -- ${cProgram("port-server")} 49200`;
    writeFileSync(join(folder, "package.json"), JSON.stringify({ name: "x", scripts: { start } }));
    const npm = s.child("sh", ["-c", `cd ${folder} && exec npm run --silent start`]);
    assert.equal(await npm.line(), "listening on 49200");
    const family = descendants(npm.pid);
    assert.ok(family.some(isPortServer));
    npm.signal("SIGTERM");
    for (const pid of family) await hasEnded(pid);
  }, STATIC_C),
);

function isPortServer(pid: number): boolean {
  return readText(`/proc/${pid}/comm`)?.trim() === "port-server";
}
