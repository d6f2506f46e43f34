// A recording is a bug report: it gives the same answer anywhere, and it keeps what is nobody's business to itself.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { jsonOf, missingForNetns, portmortem, quote, shellAlone } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "portmortem-record-"));
after(() => rmSync(folder, { recursive: true }));

const PROGRAM = `const server = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(server.address().port));`;
const SECRETS = ["--password", "hunter2", "--api-key=k3y", "postgres://me:pa55@db/x", "/srv/private/plan.txt"];

describe("--record and --replay", () => {
  let child: ChildProcess;
  let port = 0;
  const path = join(folder, "why.json");
  const redactedPath = join(folder, "redacted.json");

  before(async () => {
    child = spawn(process.execPath, ["-", ...SECRETS], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin!.end(PROGRAM);
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    port = Number(String(line));
  });
  after(() => {
    child.kill("SIGKILL");
  });

  test("a recording changes no answer", () => {
    const recorded = portmortem(["why", `127.0.0.1:${port}`, "--record", path]);
    assert.equal(recorded.status, 1);
    assert.equal(recorded.stdout, portmortem(["why", `127.0.0.1:${port}`]).stdout);
    assert.match(recorded.stdout, /hunter2/, "the screen is this user's own");
  });

  test("only this user may read it", () => {
    assert.equal(statSync(path).mode & 0o777, 0o600);
  });

  test("what sounds like a secret is not in it", () => {
    const text = readFileSync(path, "utf8");
    assert.doesNotMatch(text, /hunter2|k3y|pa55/);
    assert.match(text, /plan\.txt/);
  });

  test("the replay gives the same verdict", () => {
    // Not a second look at the machine: what runs beside this test may have changed by then.
    const again = `${path}-json`;
    const live = jsonOf(portmortem(["why", `127.0.0.1:${port}`, "--json", "--record", again]));
    assert.deepEqual(
      comparable(jsonOf(portmortem(["why", `127.0.0.1:${port}`, "--json", "--replay", again]))),
      comparable(live),
    );
  });

  test(
    "the replay needs neither the socket, nor the native binding, nor this network",
    { skip: missingForNetns() },
    () => {
      const options = ["why", `127.0.0.1:${port}`, "--json", "--replay", path];
      const here = portmortem(options);
      assert.deepEqual(portmortem(options, { env: { PORTMORTEM_NO_FFI: "1" } }), here);
      assert.deepEqual(shellAlone(`portmortem ${options.map(quote).join(" ")}`), here);
    },
  );

  test("--redact leaves the arguments out", () => {
    assert.equal(portmortem(["why", `127.0.0.1:${port}`, "--redact", "--record", redactedPath]).status, 1);
    const text = readFileSync(redactedPath, "utf8");
    assert.doesNotMatch(text, /hunter2|k3y|pa55|plan\.txt/);
    const { stdout, status } = portmortem(["why", `127.0.0.1:${port}`, "--replay", redactedPath]);
    assert.equal(status, 1);
    assert.match(stdout, /pid \d+/);
  });

  test("ls replays too", () => {
    const file = join(folder, "ls.json");
    const live = portmortem(["ls", `sport = :${port}`, "--json", "--record", file]);
    const replayed = portmortem(["ls", `sport = :${port}`, "--json", "--replay", file]);
    assert.deepEqual(comparable(jsonOf(replayed)), comparable(jsonOf(live)));
    assert.equal((jsonOf(live)["sockets"] as unknown[]).length, 1);
  });
});

/** Command lines are cleaned in a recording, and start times are read to a hundredth of a second each time: both differ, and may. */
function comparable(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (key, inner: unknown) => (key === "args" || key === "startedAt" ? undefined : inner)),
  );
}
