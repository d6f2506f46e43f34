import assert from "node:assert/strict";
import { test } from "node:test";
import type { ProcessNode } from "../tcp/process-node.ts";
import { jobOf } from "./process-tree.ts";
import { findProtected } from "./protected-processes.ts";

const SELF = { pid: 900, ancestors: [] as readonly number[] };

/** A line for each: pid, parent, group, session, command line; a pid's start is its number. */
function nodesOf(text: string): ReadonlyMap<number, ProcessNode> {
  return new Map(
    text
      .trim()
      .split("\n")
      .map((line): [number, ProcessNode] => {
        const [pid, parentPid, processGroup, sessionId, ...args] = line.trim().split(/ +/);
        const [state, words] = args[0] === "<Z>" ? ["Z", args.slice(1)] : ["S", args];
        const title = words[0]!.replaceAll("_", " ");
        const command = title.replace(/^.*\//, "").slice(0, 15);
        const ids = { parentPid: Number(parentPid), processGroup: Number(processGroup), sessionId: Number(sessionId) };
        return [
          Number(pid),
          { pid: Number(pid), startTicks: Number(pid), ...ids, command, args: [title, ...words.slice(1)], state },
        ];
      }),
  );
}

/** The tree as indented pids, holders with a star. */
function treeOf(text: string, owners: readonly number[], self = SELF): string[] {
  const nodes = nodesOf(text);
  const kept = findProtected(nodes, self);
  return jobOf(nodes, owners, (pid) => kept.has(pid)).map(
    ({ pid, depth, holds }) => `${"-".repeat(depth)}${pid}${holds ? "*" : ""}`,
  );
}

const DEV = `
  1 0 1 1 /sbin/init
  100 1 100 100 -bash
  110 100 110 100 vim notes.md
  200 100 200 100 npm run dev
  210 200 200 100 sh -c vite --port 3000
  211 210 200 100 node /srv/app/node_modules/.bin/vite --port 3000
  220 211 200 100 /srv/app/node_modules/@esbuild/linux-x64/bin/esbuild --service=0.25.0 --ping
  230 211 200 100 node worker.js
  300 100 300 100 node other.js`;

test("jobOf() is the program as it was started, from npm down, and none of the shell's other jobs", () => {
  assert.deepEqual(treeOf(DEV, [211]), ["200", "-210", "--211*", "---220", "---230"]);
  assert.deepEqual(treeOf(DEV, [230, 211]), ["200", "-210", "--211*", "---220", "---230*"]);
  assert.deepEqual(treeOf(DEV, [300]), ["300*"]);
});

test("jobOf() has a tree for each program that holds the port, the older first", () => {
  assert.deepEqual(treeOf(DEV, [300, 211]), ["200", "-210", "--211*", "---220", "---230", "300*"]);
});

test("jobOf() leaves out what made a session of its own, with all below it", () => {
  const browser = `${DEV}
    400 211 400 400 chrome http://localhost:3000
    401 400 400 400 chrome --type=renderer`;
  assert.deepEqual(treeOf(browser, [211]), ["200", "-210", "--211*", "---220", "---230"]);
  // Unless it is the one that holds the port.
  assert.deepEqual(treeOf(browser, [401]), ["400", "-401*"]);
  assert.deepEqual(treeOf(browser, [401, 211]), ["200", "-210", "--211*", "---220", "---230", "---400", "----401*"]);
});

test("jobOf() takes a child that only got a group of its own, as a watcher's or a task runner's", () => {
  const watched = `
    100 1 100 100 zsh
    200 100 200 100 watchexec -r node server.js
    201 200 201 100 node server.js
    202 201 201 100 node worker.js`;
  assert.deepEqual(treeOf(watched, [201]), ["201*", "-202"]);
  assert.deepEqual(treeOf(watched, [200]), ["200*", "-201", "--202"]);
});

test("jobOf() stops below this command's ancestors, in a script whose jobs share one group", () => {
  const script = `
    1 0 1 1 init
    50 1 50 50 runner
    100 50 100 50 sh ./ci.sh
    110 100 100 50 npm start
    111 110 100 50 node server.js
    120 100 100 50 node database.js
    900 100 100 50 node portmortem free 3000 --tree`;
  assert.deepEqual(treeOf(script, [111], { pid: 900, ancestors: [100, 50, 1] }), ["110", "-111*"]);
  // Asked from elsewhere, the script is what was started.
  assert.deepEqual(treeOf(script.replace(/\n.*900.*/, ""), [111]), ["100", "-110", "--111*", "-120"]);
});

test("jobOf() never has this command, its ancestors or process 1, also where they hold the port", () => {
  const script = `
    1 0 1 1 init
    100 1 1 1 node test.js
    900 100 1 1 node portmortem free 3000 --tree
    901 900 1 1 node helper.js`;
  const self = { pid: 900, ancestors: [100, 1] };
  assert.deepEqual(treeOf(script, [1, 100, 900], self), []);
  assert.deepEqual(treeOf(script, [901], self), ["901*"]);
});

test("jobOf() stops below a shell that is given its commands one by one, where it has no job control", () => {
  for (const shell of [
    "bash",
    "-zsh",
    "sh -i",
    "bash --rcfile /etc/rc",
    "bash --init-file /x.sh",
    "busybox sh",
    "sh -s x",
  ]) {
    const text = `
      100 1 100 100 ${shell}
      200 100 100 100 node server.js
      201 100 100 100 node other.js`;
    const expected = shell === "busybox sh" ? ["100", "-200*", "-201"] : ["200*"];
    assert.deepEqual(treeOf(text, [200]), expected, shell);
  }
  for (const shell of ["bash start.sh", "sh -c server", "bash -lc server", "sh -e run", "zsh -o pipefail -c server"])
    assert.deepEqual(treeOf(`100 1 100 100 ${shell}\n200 100 100 100 node server.js`, [200]), ["100", "-200*"], shell);
});

test("jobOf() stops below what keeps other services, and below the script that has started the desktop", () => {
  const runit = `
    1 0 1 1 runit
    10 1 10 10 runsvdir -P /etc/service
    20 10 20 20 runsv api
    21 20 20 20 node server.js
    22 21 20 20 node worker.js`;
  assert.deepEqual(treeOf(runit, [22]), ["21", "-22*"]);
  const desktop = `
    10 1 10 10 xinit /etc/X11/xinit/xinitrc
    20 10 20 10 sh /etc/X11/xinit/xinitrc
    21 20 20 10 node server.js
    22 20 20 10 i3`;
  assert.deepEqual(treeOf(desktop, [21]), ["21*"]);
  const pm2 = `
    10 1 10 10 PM2_v7.0.3:_God_Daemon_(/root/.pm2)
    21 10 10 10 node /srv/api.js
    22 10 10 10 node /srv/web.js`;
  assert.deepEqual(treeOf(pm2, [21]), ["21*"]);
});

test("jobOf() leaves out zombies, and owners that are not known", () => {
  const text = `
    200 1 200 100 npm start
    210 200 200 100 <Z> worker
    211 200 200 100 node server.js`;
  assert.deepEqual(treeOf(text, [211, 4711]), ["200", "-211*"]);
  assert.deepEqual(treeOf(text, [4711]), []);
  // Children of the dead are adopted: who has some has only lost its first thread.
  assert.deepEqual(treeOf(text.replace("211 200", "211 210"), [211]), ["200", "-210", "--211*"]);
});

test("jobOf() is not led astray by a parent's number that was given away, nor by a group that has no number", () => {
  const text = `
    500 1 7 100 newer
    200 500 7 100 node server.js`;
  assert.deepEqual(treeOf(text, [200]), ["200*"]);
  const outside = `
    100 0 0 0 app
    200 100 0 0 node server.js`;
  assert.deepEqual(treeOf(outside, [200]), ["200*"]);
});
