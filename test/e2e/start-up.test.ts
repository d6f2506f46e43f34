// Start-up is most of a short command: what it does not need must not be loaded. Says which modules, not how many milliseconds.
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { CLI, runToEnd } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "portmortem-start-"));
after(() => rmSync(folder, { recursive: true }));
const hook = join(folder, "hook.cjs");
/** Prints the built-in modules, and the files, that were loaded when the process ends. */
writeFileSync(
  hook,
  `process.on("exit", () => require("node:fs").writeSync(2, JSON.stringify({
    builtins: process.moduleLoadList.filter((name) => name.startsWith("NativeModule ")).map((name) => name.slice(13)),
    files: Object.keys(require.cache) })));`,
);

function loaded(args: readonly string[]): { builtins: string[]; files: string[] } {
  const { stderr } = runToEnd([process.execPath, "--require", hook, CLI, ...args]);
  return JSON.parse(stderr.slice(stderr.lastIndexOf('{"builtins"'))) as { builtins: string[]; files: string[] };
}

/** What an empty program loads under the same hook. */
function atRest(): Set<string> {
  writeFileSync(join(folder, "empty.cjs"), "");
  const { stderr } = runToEnd([process.execPath, "--require", hook, join(folder, "empty.cjs")]);
  return new Set((JSON.parse(stderr) as { builtins: string[] }).builtins);
}

const COSTLY = [
  "child_process",
  "net",
  "http",
  "https",
  "http2",
  "crypto",
  "dgram",
  "dns",
  "tls",
  "readline",
  "worker_threads",
  "zlib",
];

/** A socket of our own: what the machine runs besides (containers, whose engine is asked over HTTP) must not count. */
const server = createServer().listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address() as { port: number };
after(() => {
  server.close();
});

for (const args of [
  ["--version"],
  [],
  ["--help"],
  ["ls", "--help"],
  ["why", "70000"],
  ["ls", "--no-owners"],
  ["ls", `sport = :${port}`],
  ["ls", "--count"],
  ["why", `127.0.0.1:${port}`],
  ["doctor"],
  ["explain"],
  ["explain", "time-wait"],
  ["drop", `state time-wait sport = :${port}`],
  ["wait", `127.0.0.1:${port}`, "--timeout", "100ms"],
])
  test(`portmortem ${args.join(" ").replace(String(port), "PORT")} loads no costly module`, () => {
    const rest = atRest();
    const { builtins } = loaded(args);
    assert.deepEqual(
      builtins.filter((name) => COSTLY.includes(name) && !rest.has(name)),
      [],
    );
  });

for (const args of [
  ["--version"],
  ["--help"],
  ["why", "--help"],
  ["why", "70000"],
  ["ls", "state bogus"],
  ["doctor", "--only", "bogus"],
  ["explain", "kill-9"],
])
  test(`portmortem ${args.join(" ")} does not load the native binding`, () => {
    const { files } = loaded(args);
    assert.deepEqual(
      files.filter((path) => path.includes("node_modules")),
      [],
    );
  });
