import assert from "node:assert/strict";
import { test } from "node:test";
import { programTitle, programWords } from "./program-words.ts";
import { supervisorProgram } from "./supervisor-programs.ts";

// Command lines as /proc showed them: pm2 7.0.4, nodemon 3, forever 4, tsx 4, ts-node-dev 2, concurrently 9, nest 11, supervisor 4.2.5 (Python)
// and 0.12 (Node), runit 2.1.2, s6 2.11, daemontools 0.76, entr 5.3, watchfiles 1, on Node 20. Lines with a star are from the tools' docs.
const SUPERVISORS: readonly (readonly [
  title: string | undefined,
  kind: string | undefined,
  args: readonly string[],
])[] = [
  ["pm2", "pm2", ["PM2 v7.0.4: God Daemon (/home/deploy/.pm2)"]],
  ["pm2-runtime", "pm2", ["node", "node_modules/.bin/pm2-runtime", "start", "server.js", "--name", "api"]],
  ["pm2", "pm2", ["node", "/usr/local/bin/pm2", "start", "server.js", "--no-daemon"]], // *
  [undefined, undefined, ["node", "/usr/local/bin/pm2", "logs"]],
  ["node --watch", "watcher", ["node", "--watch", "server.js"]],
  ["node --watch", "watcher", ["node", "--watch-path=.", "server.js"]],
  ["node --watch", "watcher", ["/usr/bin/node", "-r", "./hook.js", "--watch", "server.js"]],
  [undefined, undefined, ["node", "server.js", "--watch"]],
  ["nodemon", "watcher", ["node", "/srv/app/node_modules/.bin/nodemon", "server.js"]],
  ["nodemon", "watcher", ["node", "/usr/local/lib/node_modules/nodemon/bin/nodemon.js", "--exec", "node server.js"]],
  ["tsx", "watcher", ["node", "node_modules/.bin/tsx", "watch", "server.ts"]],
  [
    "tsx",
    "watcher",
    ["node", "/srv/node_modules/.pnpm/tsx@4.20.0/node_modules/tsx/dist/cli.mjs", "watch", "server.ts"],
  ],
  [undefined, undefined, ["node", "node_modules/.bin/tsx", "server.ts"]],
  ["ts-node-dev", "watcher", ["node", "node_modules/.bin/ts-node-dev", "--respawn", "server.ts"]],
  [
    undefined,
    undefined,
    ["/usr/bin/node", "-r", "/tmp/ts-node-dev-hook-1.js", "/srv/node_modules/ts-node-dev/lib/wrap.js", "server.ts"],
  ],
  ["nest", "watcher", ["node", "node_modules/.bin/nest", "start", "--watch"]],
  ["entr", "watcher", ["entr", "-n", "-r", "node", "server.js"]],
  [undefined, undefined, ["entr", "make"]],
  ["watchfiles", "watcher", ["/srv/venv/bin/python3", "/srv/venv/bin/watchfiles", "node server.js", "ts"]],
  ["watchexec", "watcher", ["watchexec", "-r", "-e", "js", "node", "server.js"]], // *
  ["forever", "forever", ["/usr/bin/node", "/srv/node_modules/forever/bin/monitor", "server.js"]],
  ["forever", "forever", ["node", "/usr/local/bin/forever", "server.js"]], // *
  [undefined, undefined, ["node", "/usr/local/bin/forever", "stop", "server.js"]],
  ["supervisor", "node-supervisor", ["node", "node_modules/.bin/supervisor", "server.js"]],
  [
    "concurrently",
    "concurrently",
    ["node", "node_modules/.bin/concurrently", "--restart-tries", "-1", "node server.js"],
  ],
  [undefined, undefined, ["node", "node_modules/.bin/concurrently", "node server.js"]],
  [
    "supervisord",
    "supervisord",
    ["/usr/bin/python3", "/usr/bin/supervisord", "-n", "-c", "/etc/supervisor/supervisord.conf"],
  ],
  ["supervisor.supervisord", "supervisord", ["python3", "-m", "supervisor.supervisord"]],
  ["runsv", "runit", ["runsv", "api"]],
  ["s6-supervise", "s6", ["s6-supervise", "api"]],
  ["supervise", "daemontools", ["supervise", "api"]],
  ["supervise-daemon", "openrc", ["supervise-daemon", "api", "--start", "/usr/bin/node"]], // *
  // Not supervisors: they hold the port themselves, end with their child, or end all of their children with it.
  [undefined, undefined, ["/srv/venv/bin/python3", "/srv/venv/bin/gunicorn", "--reload", "-b", ":8000", "app:app"]],
  [undefined, undefined, ["/srv/venv/bin/python3", "/srv/venv/bin/uvicorn", "--reload", "app:asgi"]],
  [undefined, undefined, ["/srv/venv/bin/python3", "/srv/venv/bin/flask", "run", "--debug"]],
  [undefined, undefined, ["npm run dev"]],
  [undefined, undefined, ["sh", "-c", "nodemon server.js"]],
  [undefined, undefined, ["node", "/srv/app/node_modules/.bin/vite", "--port", "3000"]],
  [undefined, undefined, ["next-server (v14.2.35)"]],
  [undefined, undefined, ["node", "node_modules/.bin/nf", "start"]],
  [undefined, undefined, ["node", "-e", "nodemon"]],
  [undefined, undefined, []],
];

test("supervisorProgram() knows a supervisor by its command line, and takes no other program for one", () => {
  for (const [title, kind, args] of SUPERVISORS) {
    const found = supervisorProgram(args);
    assert.deepEqual([found?.title, found?.kind], [title, kind], args.join(" "));
  }
});

test("programWords() looks behind the interpreter, and no further", () => {
  assert.deepEqual(programWords(["/usr/bin/python3.11", "-u", "-m", "flask", "run"]), {
    names: ["flask"],
    interpreter: "python3.11",
    script: "flask",
    options: ["-u"],
    rest: ["run"],
  });
  assert.deepEqual(programWords(["node", "--import", "./hook.mjs", "/a/b/server.mjs", "-p", "1"]).names, ["server"]);
  assert.deepEqual(programWords(["node", "/x/node_modules/@scope/tool/cli.js"]).names, ["cli", "@scope/tool"]);
  assert.deepEqual(programWords(["node", "-e", "code"]).names, ["node"]);
  assert.deepEqual(programWords(["/usr/sbin/nginx", "-g", "daemon off;"]).names, ["nginx"]);
});

test("programTitle() says the script behind an interpreter", () => {
  assert.equal(programTitle("node", ["/usr/bin/node", "/srv/respawn.js", "x"]), "node respawn.js");
  assert.equal(programTitle("node", ["node /srv/api/server.js ", "", ""]), "node server.js", "a title of its own");
  assert.equal(programTitle("sh", ["/bin/sh", "-c", "while :; do node server.js; done"]), "sh");
  assert.equal(programTitle("node", ["node", "-e", "1"]), "node");
});
