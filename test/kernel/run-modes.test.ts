// `portmortem run --mode …`: what each mode keeps, and what it falls back to where the machine says no.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { listRuns } from "../../src/keep/list-runs.ts";
import { stopRuns } from "../../src/keep/stop-runs.ts";
import { STATIC_C, cProgram } from "./c-program.ts";
import { HAS_PYTHON, PYTHON } from "./needs.ts";
import { REFUSER, refusing } from "./refuse.ts";
import { startLoad, startRun } from "./run-command.ts";
import { startServer } from "./started-command.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

const PROGRAMS = join(import.meta.dirname, "../programs");
const TAKES_SOCKETS = {
  node: [process.execPath, join(PROGRAMS, "takes-sockets.js")],
  python: [PYTHON, join(PROGRAMS, "../../../test/programs/takes-sockets.py")],
};

/** What is read until the end; undefined: refused. */
function read(port: number, host = "127.0.0.1"): Promise<string | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = connect(port, host);
    socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
    let code: string | undefined;
    socket.on("error", (error: NodeJS.ErrnoException) => (code = error.code));
    socket.on("close", () => resolve(code === "ECONNREFUSED" ? undefined : text));
  });
}

for (const [language, words] of Object.entries(TAKES_SOCKETS))
  test(
    `activate: a ${language} program is handed its ports by name, who waits over a crash is served, --hold ends that`,
    story(
      async (s) => {
        const ports = ["-p", "49200", "-p", "127.0.0.1:49201"];
        const run = startRun(s, [...ports, "--mode", "activate", "--backoff", "2s", "--hold", "1s", "--", ...words]);
        const { pid } = await run.told("started");
        assert.equal(await read(49_200), `49200 ${pid}\n`);
        assert.equal(await read(49_200, "::1"), `49200 ${pid}\n`);
        assert.match((await read(49_201)) ?? "", new RegExp(`^127.0.0.1_49201 ${pid}\\n$`));
        process.kill(pid, "SIGKILL");
        await run.told("restarting");
        const waited = read(49_201);
        await run.told("refusing");
        assert.equal(await read(49_200), undefined, "refused at once");
        assert.equal(await waited, "", "who waited is not left hanging");
        const next = await run.told("started", 2);
        assert.equal(await read(49_200), `49200 ${next.pid}\n`, "it listens again");
        process.kill(next.pid, "SIGKILL");
        await run.told("restarting", 2);
        const served = read(49_201);
        run.signal("SIGTERM");
        await run.ended;
        assert.equal(await served, "", "it was in the queue, and is let go with it");
      },
      language === "python" ? HAS_PYTHON : STATIC_C,
    ),
  );

test(
  "activate: who connects while it is down waits in the queue and is served by the next life",
  story(async (s) => {
    const words = ["-p", "49200", "--mode", "activate", "--backoff", "100ms", "--", ...TAKES_SOCKETS.node];
    const run = startRun(s, words);
    const { pid } = await run.told("started");
    assert.equal(await read(49_200), `49200 ${pid}\n`);
    process.kill(pid, "SIGKILL");
    await run.told("restarting");
    const answer = await read(49_200);
    assert.equal(answer, `49200 ${run.programPid}\n`);
    assert.notEqual(run.programPid, pid);
  }),
);

test(
  "activate without a port is refused",
  story(async (s) => {
    const run = startRun(s, ["--mode", "activate", "--", "true"], { asText: true });
    assert.equal(await run.ended, 2);
    assert.match(run.warned[0] ?? "", /mode activate without a port/);
  }),
);

test(
  "plain: the remains of each life are cleared before the next, and a port that somebody alive took is waited for",
  story(async (s) => {
    const program = cProgram("port-server");
    const run = startRun(s, ["-p", "49200", "--mode", "plain", "--backoff", "1s", "--", program, "49200"]);
    assert.equal(await run.printed(1), "listening on 49200");
    const load = startLoad(s, 49_200, 1);
    await until("answers", () => load.counts.answered >= 3);
    await load.stop();
    await run.crash();
    assert.equal(await run.printed(2), "listening on 49200");
    assert.match((await run.told("cleared")).text, /TIME-WAIT/);

    run.kill();
    await run.told("restarting", 2);
    const other = await startServer(s, 49_200, "drains");
    const { text } = await run.told("port-taken");
    assert.match(text, new RegExp(`49200 is taken: node \\(pid ${other.pid}\\)`));
    assert.equal(run.output.length, 2);
    await other.kill();
    assert.equal(await run.printed(3), "listening on 49200");
    assert.equal(run.all("port-taken").length, 1, "it is said once");
    assert.equal(await run.stop(), 143);
  }, STATIC_C),
);

const OUTER = ["-p", "49200", "--backoff", "0s", "--"];

test(
  "run within run: one keeper has the program, the other says so and starts it plainly",
  story(async (s) => {
    const inner = ["-p", "49200", "--backoff", "0s", "--", cProgram("port-server"), "49200"];
    const run = startRun(s, [...OUTER, process.execPath, join(PROGRAMS, "../../../dist/cli.cjs"), "run", ...inner]);
    assert.equal(await run.printed(1), "listening on 49200");
    await run.said(/^portmortem: {3}not adopt: .*EBUSY.*run within itself/);
    assert.equal((await run.told("kept")).place.port, 49_200, "the outer one keeps it");
    const load = startLoad(s, 49_200, 1);
    await until("answers", () => load.counts.answered >= 3);
    process.kill(Number(load.answers.at(-1)?.split(" ")[0]), "SIGKILL");
    assert.equal(await run.printed(2), "listening on 49200");
    assert.equal((await load.stop()).refused, 0);
    assert.equal(await run.stop(), 143);
  }, STATIC_C),
);

test(
  "without the native part it is started as Node starts children, which is said",
  story(async (s) => {
    const words = ["-p", "49200", "--backoff", "0s", "--", cProgram("port-server"), "49200"];
    const run = startRun(s, words, { env: { PORTMORTEM_NO_FFI: "1" } });
    assert.equal(await run.printed(1), "listening on 49200");
    const { mode, instead } = await run.told("mode");
    assert.equal(mode, "plain");
    assert.deepEqual(
      instead.map(({ mode: other }) => other),
      ["adopt", "activate"],
    );
    assert.match(instead[0]?.why ?? "", /PORTMORTEM_NO_FFI/);
    await run.crash();
    assert.equal(await run.printed(2), "listening on 49200");
    assert.equal(await run.stop(), 143);

    const strict = startRun(s, ["--mode", "adopt", "--", "true"], { env: { PORTMORTEM_NO_FFI: "1" }, asText: true });
    assert.equal(await strict.ended, 4);
    assert.match(strict.warned[0] ?? "", /mode adopt cannot be had here/);
  }, STATIC_C),
);

test(
  "where a policy forbids seccomp(2), a program that knows LISTEN_FDS is handed its port, and any other is started plainly",
  story(
    async (s) => {
      const under = refusing("call:seccomp=EPERM");
      const run = startRun(s, ["-p", "49200", "--", ...TAKES_SOCKETS.node], { under });
      const told = await run.told("mode");
      assert.equal(told.mode, "activate");
      assert.match(told.instead[0]?.why ?? "", /seccomp.*EPERM/);
      const { pid } = await run.told("started");
      assert.equal(await read(49_200), `49200 ${pid}\n`);
      await run.stop();

      const other = startRun(s, ["-p", "49200", "--", cProgram("port-server"), "49200"], { under, asText: true });
      assert.equal(await other.printed(1), "listening on 49200");
      await other.said(/^portmortem: mode plain$/);
      await other.said(/^portmortem: {3}not adopt: .*seccomp.*EPERM/);
      await other.said(/^portmortem: {3}not activate: .*LISTEN_FDS/);
      await other.stop();
    },
    STATIC_C,
    REFUSER,
  ),
);

test(
  "mode plain: the run is listed with the port that was named, and stopped by it",
  story(async (s) => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-run-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    const run = startRun(s, ["--mode", "plain", "--port", "127.0.0.1:49200", "--", "sleep", "1000"], {
      env: { PORTMORTEM_RUN_DIR: folder },
    });
    await run.told("started");
    const ports = [{ protocol: "tcp", address: "127.0.0.1", port: 49_200 }];
    await until("it is written down", async () => (await listRuns({ folder })).runs[0]?.program !== undefined);
    assert.deepEqual((await listRuns({ folder })).runs[0]?.ports, ports);
    assert.equal((await stopRuns({ folder, ports: [49_200] })).stopped.length, 1);
    await run.ended;
  }),
);
