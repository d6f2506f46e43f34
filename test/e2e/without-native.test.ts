// koffi's binary is an optional package. Without it everything that only looks still works, from /proc, and says what it cannot see.
import assert from "node:assert/strict";
import { copyFileSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { createServer, type Server } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { after, before, describe, test } from "node:test";
import { assertNoTrace, CLI, jsonOf, portmortem, type RunOptions } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "portmortem-alone-"));
for (const name of readdirSync(dirname(CLI)).filter((file) => /^cli(?:-\w+\.parts|\.cjs)$/.test(file)))
  copyFileSync(join(dirname(CLI), name), join(folder, name));
after(() => rmSync(folder, { recursive: true }));

interface Item {
  readonly what: string;
  readonly why: string;
}

const ways: readonly { name: string; options: RunOptions; why: RegExp }[] = [
  { name: "PORTMORTEM_NO_FFI=1", options: { env: { PORTMORTEM_NO_FFI: "1" } }, why: /PORTMORTEM_NO_FFI=1 is set/ },
  {
    name: "the command's files alone, without node_modules",
    options: { cli: join(folder, "cli.cjs"), cwd: folder },
    why: /koffi could not be loaded/,
  },
];

describe("without the native binding", () => {
  let server: Server;
  let port = 0;

  before(async () => {
    server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    ({ port } = server.address() as { port: number });
  });
  after(() => {
    server.close();
  });

  for (const { name, options, why } of ways) {
    test(`${name}: ls finds the socket and its owner, and says what is missing`, () => {
      const outcome = portmortem(["ls", `sport = :${port}`], options);
      assert.equal(outcome.status, 0);
      assert.match(outcome.stdout, new RegExp(`^LISTEN +127\\.0\\.0\\.1:${port} .*\\[${process.pid}\\]`, "m"));
      assert.match(outcome.stderr, /^not seen: .*\/proc\/net/m);
      assert.match(outcome.stderr, why);
      assertNoTrace(outcome);
    });

    test(`${name}: why finds the listener by the rules`, () => {
      const outcome = portmortem(["why", `127.0.0.1:${port}`, "--json"], options);
      assert.equal(outcome.status, 1);
      const { bindable, attempts, blockers, incomplete } = jsonOf(outcome) as unknown as {
        bindable: boolean;
        attempts: { result: string; by: string }[];
        blockers: { rule: string; socket: { owners: { pid: number }[] } }[];
        incomplete: Item[];
      };
      assert.equal(bindable, false);
      assert.ok(attempts.every(({ result, by }) => result === "EADDRINUSE" && by === "rules"));
      assert.equal(blockers[0]?.rule, "listener");
      assert.equal(blockers[0]?.socket.owners[0]?.pid, process.pid);
      assert.ok(incomplete.some((item) => item.what === "a real bind" && why.test(item.why)));
    });

    test(`${name}: a free port is free by the rules, and it says why no bind was tried`, () => {
      const outcome = portmortem(["why", "127.0.0.1:49207"], options);
      assert.equal(outcome.status, 0);
      assert.match(outcome.stdout, /by\s+the\s+rules/);
      assert.match(outcome.stderr, /^not seen: a real bind: /m);
      assertNoTrace(outcome);
    });

    test(`${name}: --version and --help`, () => {
      assert.equal(portmortem(["--version"], options).status, 0);
      assert.equal(portmortem(["why", "--help"], options).status, 0);
    });
  }
});
