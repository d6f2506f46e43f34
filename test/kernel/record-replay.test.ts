// A recording gives the same answer anywhere: on another day, in another namespace, without the native binding.
import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const NO_FFI = { env: { PORTMORTEM_NO_FFI: "1" } };

/** A listener, a connection on it and a TIME-WAIT, all on one port. */
async function stage(story: Story, port: number): Promise<void> {
  const server = story.actor();
  const listener = await server.listen(`127.0.0.1:${port}`, { reuseAddr: true });
  const client = story.actor();
  const first = await client.connect(`127.0.0.1:${port}`);
  await server.close(await server.accept(listener));
  await client.close(first);
  await client.connect(`127.0.0.1:${port}`);
  await server.accept(listener);
  await story.socket(`state time-wait sport = :${port}`);
}

function recordingFile(story: Story): string {
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  story.atEnd(() => rmSync(folder, { recursive: true }));
  return join(folder, "recording.json");
}

for (const command of ["why 127.0.0.1:49380 --json", "why 127.0.0.1:49380", "why 49380 --no-probe --json"]) {
  test(
    `--replay repeats ${command}`,
    story(async (story) => {
      await stage(story, 49_380);
      const file = recordingFile(story);
      const words = command.split(" ");
      const recorded = await story.command([...words, "--record", file]);
      assert.equal(recorded.status, 1);
      assert.equal(statSync(file).mode & 0o077, 0, "only its owner can read it");
      // Elsewhere, where none of these sockets exist.
      const other = story.actorElsewhere();
      for (const options of [{}, NO_FFI]) {
        const replayed = await story.command([...words, "--replay", file], options);
        assert.doesNotMatch(replayed.warnings, /^portmortem:/);
        assert.equal(replayed.text, recorded.text);
        // Nobody shall take its pids for those of this machine.
        const said = words.includes("--json") ? "" : replayed.warnings.slice(0, replayed.warnings.indexOf("\n"));
        assert.match(said, /^$|^recorded \d{4}-\d\d-\d\d \d\d:\d\d UTC with: .*; its pids and seconds are of then$/);
        assert.equal(said === "", words.includes("--json"));
        assert.equal(replayed.warnings.replace(/^recorded .*\n/m, ""), recorded.warnings);
        assert.equal(replayed.status, 1);
      }
      await other.kill();
    }),
  );
}

test(
  "--replay repeats why --connect, by a name and with the route that there was",
  story(async (story) => {
    await stage(story, 49_382);
    const file = recordingFile(story);
    const questions = ["--connect localhost:49382", "--connect 127.0.0.1:49382 --from 127.0.0.1:1010 --json"];
    for (const question of questions) {
      const words = ["why", ...question.split(" ")];
      const recorded = await story.command([...words, "--record", file]);
      assert.equal(recorded.status, 0, recorded.warnings);
      const other = story.actorElsewhere();
      for (const options of [{}, NO_FFI]) {
        const replayed = await story.command([...words, "--replay", file], options);
        assert.equal(replayed.text, recorded.text);
        assert.equal(replayed.status, 0);
      }
      await other.kill();
    }
  }),
);

test(
  "--replay repeats ls, and answers a narrower question from the same file",
  story(async (story) => {
    await stage(story, 49_381);
    const file = recordingFile(story);
    const recorded = await story.command<{ sockets: { state: string }[] }>(["ls", "--json", "--record", file]);
    const replayed = await story.command<{ sockets: unknown[] }>(["ls", "--json", "--replay", file]);
    assert.deepEqual(replayed.json, recorded.json);
    const narrower = await story.command<{ sockets: unknown[] }>(["ls", "--json", "--replay", file, "state time-wait"]);
    const wanted = recorded.json.sockets.filter(({ state }) => state === "TIME-WAIT");
    assert.ok(wanted.length > 0);
    assert.deepEqual(narrower.json.sockets, wanted);
  }),
);

test(
  "--redact leaves the arguments of command lines out of the file, and the verdict in",
  story(async (story) => {
    await stage(story, 49_382);
    const file = recordingFile(story);
    const recorded = await story.why(`127.0.0.1:49382 --redact --record ${file}`);
    assert.equal(recorded.status, 1);
    const text = readFileSync(file, "utf8");
    assert.doesNotMatch(text, /socket-actor/);
    const replayed = await story.why(`127.0.0.1:49382 --replay ${file}`);
    assert.equal(replayed.status, 1);
    const shape = ({ json }: typeof recorded): unknown => [
      json.bindable,
      json.attempts,
      json.blockers.map(({ rule, socket, text: sentence }) => [rule, socket?.cookie, sentence]),
      json.spared.map(({ text: sentence }) => sentence),
      json.advice,
      json.incomplete,
    ];
    assert.deepEqual(shape(replayed), shape(recorded));
    assert.equal(recorded.json.blockers[0]?.socket?.owners?.[0]?.args?.length, 2, "the answer itself has them");
    assert.ok(!JSON.stringify(replayed.json).includes("socket-actor"));
  }),
);

test(
  "a secret on a command line is not in the file",
  story(async (story) => {
    const secret = "correct-horse-battery-staple";
    const server = story.program("socket-actor", ["--password", secret, `--token=${secret}`]);
    server.say(JSON.stringify({ id: 1, call: "socket", family: "ipv4" }));
    const fd = (JSON.parse(await server.line()) as { value: number }).value;
    for (const call of [
      { call: "bind", fd, to: "127.0.0.1:49383" },
      { call: "listen", fd, backlog: 1 },
    ]) {
      server.say(JSON.stringify({ id: 1, ...call }));
      assert.match(await server.line(), /"value":0/);
    }
    const file = recordingFile(story);
    const recorded = await story.why(`127.0.0.1:49383 --record ${file}`);
    assert.equal(recorded.json.blockers[0]?.socket?.owners?.[0]?.pid, server.pid);
    assert.ok(!readFileSync(file, "utf8").includes(secret));
    assert.equal((await story.why(`127.0.0.1:49383 --replay ${file}`)).status, 1);
  }),
);
