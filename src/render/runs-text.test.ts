import assert from "node:assert/strict";
import { test } from "node:test";
import type { ListedRun } from "../tcp/run-record.ts";
import { renderRuns, renderStop } from "./runs-text.ts";
import { createStyle } from "./style.ts";
import { textWidth } from "./text-layout.ts";

const style = createStyle(false);

const run = (given: Partial<ListedRun> = {}): ListedRun => ({
  id: "a1",
  name: "api",
  state: "kept",
  keeper: { pid: 700 },
  program: { pid: 701 },
  command: "node",
  args: ["server.js"],
  ports: [{ protocol: "tcp", address: "::", port: 49_200 }],
  mode: "adopt",
  cwd: "/srv",
  startedAt: "2026-01-01T00:00:00.000Z",
  upMs: 3_723_400,
  restarts: 2,
  ...given,
});

test("renderRuns() is a table, and says below it what is not as usual", () => {
  const { program: _, ...down } = run({
    name: "job",
    state: "down",
    text: "its program does not run",
    ports: [],
    upMs: 900,
  });
  assert.equal(
    renderRuns({ runs: [run(), down], incomplete: [] }, { style }),
    [
      "NAME  PID  PORTS  MODE          UP  RESTARTS  COMMAND",
      "api   701  49200  adopt  1 h 2 min         2  node server.js",
      "job     -  -      adopt        0 s         2  node server.js",
      "job: its program does not run",
      "",
    ].join("\n"),
  );
  assert.equal(renderRuns({ runs: [], incomplete: [] }, { style }), "nothing runs under portmortem run\n");
});

test("renderRuns() rounds down how long a run is up", () => {
  const hourMs = 3_600_000;
  const texts = [59_999, 60_000, hourMs - 1, hourMs, 24 * hourMs - 1, 76 * hourMs].map(
    (upMs) => /adopt +(\S.*?) {2,}2/.exec(renderRuns({ runs: [run({ upMs })], incomplete: [] }, { style }))?.[1],
  );
  assert.deepEqual(texts, ["59 s", "1 min", "59 min", "1 h 0 min", "23 h 59 min", "3 d 4 h"]);
});

test("renderRuns() names an address where it is not all of them, and each place once", () => {
  const ports = [
    { protocol: "tcp", address: "0.0.0.0", port: 80 },
    { protocol: "tcp", address: "::", port: 80 },
    { protocol: "tcp", address: "::1", port: 81 },
    { protocol: "udp", address: "127.0.0.1", port: 53 },
  ] as const;
  assert.match(
    renderRuns({ runs: [run({ ports })], incomplete: [] }, { style }),
    / 80,\[::1\]:81,127\.0\.0\.1:53\/udp /,
  );
});

test("renderRuns() fits 80 columns on a terminal, and is never cut on a pipe", () => {
  const long = run({ name: "a-name-that-is-rather-long", args: ["x".repeat(200)], text: "word ".repeat(40) });
  const shown = renderRuns({ runs: [long], incomplete: [] }, { style, width: 80 });
  for (const line of shown.split("\n")) assert.ok(textWidth(line) <= 80, line);
  assert.ok(renderRuns({ runs: [long], incomplete: [] }, { style }).includes("x".repeat(200)));
});

test("renderRuns() and renderStop() escape what comes from outside", () => {
  const evil = "\u001b[2Jx";
  const listed = renderRuns({ runs: [run({ name: evil, command: evil, text: evil })], incomplete: [] }, { style });
  const stopped = renderStop(
    {
      stopped: [{ id: "a", name: evil, keeper: { pid: 1 }, killed: false, text: evil }],
      failed: [{ id: "a", name: evil, text: evil }],
      notFound: [{ name: evil, text: `no run is called ${evil}` }],
      incomplete: [],
    },
    { style },
  );
  assert.equal((listed + stopped).includes("\u001b"), false);
});

test("renderStop() tells what was stopped, what was not, and what was not found", () => {
  const result = {
    stopped: [
      { id: "a", name: "api", keeper: { pid: 7 }, program: { pid: 8 }, killed: false, text: "its keeper ended it" },
    ],
    failed: [{ id: "b", name: "web", text: "pid 9: another user's, this user may not signal it" }],
    notFound: [{ port: 80, text: "no run keeps port 80" }],
    incomplete: [],
  };
  assert.equal(
    renderStop(result, { style }),
    "stopped api (pid 8): its keeper ended it\nnot stopped web: pid 9: another user's, this user may not signal it\nnot found: no run keeps port 80\n",
  );
});
