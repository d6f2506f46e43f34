// The finding of doctor about listeners that nobody meant to keep, with processes that really lost what they were started from.
import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { SCRIPT } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { typed } from "./typed.ts";
import { until } from "./until.ts";

const SERVER = `
  process.on("SIGHUP", () => undefined);
  require("node:net").createServer().listen(5173, "127.0.0.1", () =>
    require("node:fs").writeFileSync(process.argv[2], String(process.pid)));
`;

interface Tree {
  readonly folder: string;
  /** A shell command that starts the server in it and goes on. */
  readonly start: string;
  /** Waits until it listens; it is ended when the story is. */
  pid(): Promise<number>;
}

/** A folder with a server in it. A tree of sources has a package.json. */
function makeTree(s: Story, isSource: boolean): Tree {
  const place = realpathSync(mkdtempSync(join(tmpdir(), "portmortem-tree-")));
  s.atEnd(() => rmSync(place, { recursive: true }));
  const folder = join(place, "shop");
  const pidFile = join(place, "pid");
  mkdirSync(folder);
  writeFileSync(join(place, "server.cjs"), SERVER);
  if (isSource) writeFileSync(join(folder, "package.json"), "{}");
  return {
    folder,
    start: `cd ${folder} && ${process.execPath} ../server.cjs ${pidFile} &`,
    async pid() {
      const pid = await until("the server listens", () => numberIn(pidFile));
      s.atEnd(async () => {
        if ((await s.sockets("state listening sport = :5173")).length === 1) process.kill(pid, "SIGKILL");
        await s.gone("sport = :5173");
      });
      return pid;
    },
  };
}

function numberIn(path: string): number | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return text === "" ? undefined : Number(text);
  } catch {
    return undefined;
  }
}

/** Runs a shell as the leader of a session of its own, which is over when this returns. */
function inSession(s: Story, command: string): void {
  s.system("setsid", "-w", "sh", "-c", `(${command}) </dev/null >/dev/null 2>&1`);
}

const only = ["listener-left-behind"];

test(
  "listener-left-behind: a server in a directory that was deleted, whose session is over",
  story(async (s) => {
    const tree = makeTree(s, false);
    inSession(s, tree.start);
    const pid = await tree.pid();
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "its directory is there");
    rmSync(tree.folder, { recursive: true });
    const { status, json } = await s.doctor({ only });
    const ending = json.findings[0]?.advice[0];
    assert.equal(status, 0, "information is nothing to fail for");
    assert.deepEqual(
      json.findings.map(({ level, evidence }) => [level, evidence["pid"], evidence["ports"], evidence["hints"]]),
      [
        [
          "info",
          pid,
          [5173],
          [
            "its working directory was deleted",
            "the process that started it has ended",
            "the leader of its session has ended",
          ],
        ],
      ],
    );
    assert.equal(ending?.command, "portmortem free 127.0.0.1:5173");
    const { status: ended, text } = await typed(ending.command);
    assert.equal(ended, 0, text);
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
  }),
);

test(
  "listener-left-behind: a server of a source tree, started by a script two hours ago; not one that was started just now",
  story(async (s) => {
    const tree = makeTree(s, true);
    inSession(s, tree.start);
    const pid = await tree.pid();
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    const { json } = await s.doctor({ only, startedMsEarlier: 2 * 3_600_000 });
    assert.deepEqual(
      json.findings.map(({ evidence }) => [evidence["pid"], evidence["sourceTree"]]),
      [[pid, tree.folder]],
    );
  }),
);

test(
  "listener-left-behind: a server of a source tree whose terminal was closed",
  story(async (s) => {
    const tree = makeTree(s, true);
    const waits = `until [ -s ${tree.folder}/../pid ]; do sleep 0.02; done`;
    s.system("script", "-qec", `sh -c '${tree.start} ${waits}'`, "/dev/null");
    const pid = await tree.pid();
    const { json } = await s.doctor({ only, fixture: "listener-left-behind" });
    assert.deepEqual(
      json.findings.map(({ evidence }) => evidence["pid"]),
      [pid],
    );
    const [hint] = json.findings.map(({ evidence }) => (evidence["hints"] as readonly string[])[0]);
    assert.equal(hint, "its terminal was closed");
  }, SCRIPT),
);

test(
  "listener-left-behind has nothing to say of a daemon, nor of a server whose starter is there",
  story(async (s) => {
    const daemon = makeTree(s, false);
    inSession(
      s,
      daemon.start
        .replace(`cd ${daemon.folder} && `, "cd / && ")
        .replace("../server.cjs", join(daemon.folder, "../server.cjs")),
    );
    await daemon.pid();
    await s.actor().listen("127.0.0.1:7000");
    assert.deepEqual((await s.doctor({ only, startedMsEarlier: 30 * 86_400_000 })).json.findings, []);
  }),
);
