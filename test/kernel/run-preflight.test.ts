// What `portmortem run --port` does before the first start: what is nobody's is cleared, who lives is named, and ended only with --take.
import assert from "node:assert/strict";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { startLoad, startRun } from "./run-command.ts";
import { hasEnded, isAlive, startServer } from "./started-command.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** The documents' program, alone, after it has closed connections first. */
async function leaveTimeWaits(s: Story): Promise<void> {
  const alone = s.child(cProgram("port-server"), ["49200"]);
  assert.equal(await alone.line(), "listening on 49200");
  const load = startLoad(s, 49_200, 1);
  await until("answers", () => load.counts.answered >= 3);
  await load.stop();
  await alone.kill();
  assert.ok((await s.sockets("state time-wait and sport = :49200")).length > 0);
}

test(
  "TIME-WAIT of a program that ran alone before is cleared and said, and the program has its port",
  story(async (s) => {
    await leaveTimeWaits(s);
    const run = startRun(s, ["--port", "49200", "--", cProgram("port-server"), "49200"], { asText: true });
    assert.equal(await run.printed(1), "listening on 49200");
    await run.said(/^portmortem: port 49200: .*TIME-WAIT/);
    assert.equal((await s.sockets("state time-wait and sport = :49200")).length, 0);
  }, STATIC_C),
);

test(
  "a program that lives on the port is named and left alone: exit status 1, nothing is started",
  story(async (s) => {
    const other = await startServer(s, 49_200, "drains");
    const run = startRun(s, ["--port", "49200", "--", "echo", "started"], { asText: true });
    assert.equal(await run.ended, 1);
    assert.deepEqual(run.output, []);
    assert.match(run.warned[0] ?? "", new RegExp(`port 49200 is taken: node \\(pid ${other.pid}\\)`));
    assert.match(run.warned[1] ?? "", /--take/);
    assert.ok(isAlive(other.pid));

    const asJson = startRun(s, ["--port", "49200", "--", "echo", "started"]);
    assert.equal(await asJson.ended, 1);
    assert.deepEqual(asJson.output, [], "stdout is the program's");
    const error = JSON.parse(asJson.warned.join("")) as { schema: string; error: { code: string } };
    assert.equal(error.schema, "portmortem.error/1");
    assert.equal(error.error.code, "PM_PORT_TAKEN");
  }),
);

for (const how of ["drains", "ignores"] as const)
  test(
    `--take ends who has the port, here one that ${how}; who is connected to it is not touched`,
    story(async (s) => {
      const other = await startServer(s, 49_200, how);
      const client = s.actor();
      await client.connect("127.0.0.1:49200");
      const words = ["-p", "49200", "--take", "--grace", "1s", "--", cProgram("port-server"), "49200"];
      const run = startRun(s, words, { asText: true });
      assert.equal(await run.printed(1), "listening on 49200");
      assert.ok(isAlive(client.pid), "who is connected is not touched");
      if (how === "ignores") {
        await run.said(new RegExp(`49200: waiting for node .*\\(pid ${other.pid}\\) to end, at most 1 s$`));
        await run.said(new RegExp(`49200: pid ${other.pid} has not ended within 1 s and is killed`));
      } else
        await run.said(
          new RegExp(`49200: node .*\\(pid ${other.pid}\\) listens on 127\\.0\\.0\\.1:49200: asked to end`),
        );
      // Its listener is closed; what it still answers is left to it.
      if (how === "drains") await client.kill();
      await hasEnded(other.pid);
      const load = startLoad(s, 49_200, 1);
      await until("an answer", () => load.counts.answered >= 1);
      await load.stop();
    }, STATIC_C),
  );

test(
  "a port that a client holds as its own is taken too, and only --take ends it",
  story(async (s) => {
    const far = s.actor();
    await far.listen("127.0.0.1:7000");
    const client = s.actor();
    await client.connect("127.0.0.1:7000", { from: "127.0.0.1:49200" });
    const run = startRun(s, ["-p", "49200", "--", cProgram("port-server"), "49200"], { asText: true });
    assert.equal(await run.ended, 1);
    assert.match(run.warned[0] ?? "", /port 49200 is taken/);
    const taking = startRun(s, ["-p", "49200", "--take", "--", cProgram("port-server"), "49200"], { asText: true });
    assert.equal(await taking.printed(1), "listening on 49200");
    assert.ok(isAlive(client.pid) && isAlive(far.pid), "only the connection is ended");
  }, STATIC_C),
);

test(
  "a program that listens on another port than the one that was named: that is said, once",
  story(async (s) => {
    const words = ["--port", "127.0.0.1:49200", "--port", "8080", "--", cProgram("port-server"), "49201"];
    const run = startRun(s, words, { asText: true });
    await run.said(/^portmortem: port-server listens on .*:49201: not kept, for --port says 127\.0\.0\.1:49200, 8080$/);
    const asJson = startRun(s, ["--port", "49300", "--", cProgram("port-server"), "49301"]);
    const { places, named } = await asJson.told("elsewhere");
    assert.deepEqual([places.map(({ port }) => port), named], [[49_301], [{ port: 49_300 }]]);
  }, STATIC_C),
);
