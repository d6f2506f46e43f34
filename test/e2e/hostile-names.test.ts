// Command lines are written by others. What they hold must reach a terminal as text, and a program as it is.
import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { jsonOf, portmortem } from "./command.ts";

const EVIL = "\u001b]0;owned\u0007\u001b[31mred\nFAKE LINE\r\u009b2J \u202e txt \u2028 end";
const NAME = "ev\u001b[2Jil\nname";

/** A listener with a hostile name (`comm`); what else is hostile stands in its arguments. */
const PROGRAM = `require("node:fs").writeFileSync("/proc/self/comm", ${JSON.stringify(NAME)});
  const server = require("node:net").createServer().listen(0, "127.0.0.1", () => console.log(server.address().port));`;

describe("a process with escape sequences and line breaks in its command line", () => {
  let child: ChildProcess;
  let port = 0;

  before(async () => {
    child = spawn(process.execPath, ["-", EVIL], { stdio: ["pipe", "pipe", "inherit"] });
    child.stdin!.end(PROGRAM);
    const [line] = (await once(child.stdout!, "data")) as [Buffer];
    port = Number(String(line));
  });

  after(() => {
    child.kill("SIGKILL");
  });

  for (const command of ["ls", "why"])
    test(`portmortem ${command} writes none of it as it is`, () => {
      const args = command === "ls" ? ["ls", `sport = :${port}`] : ["why", `127.0.0.1:${port}`];
      const { stdout, stderr } = portmortem(args);
      assert.match(stdout, /ev\\e\[2Jil\\nname/);
      assert.doesNotMatch(`${stdout}${stderr}`, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202e\u2028]/);
      assert.doesNotMatch(stdout, /^FAKE LINE/m);
      if (command === "why") assert.match(stdout, /\\e\]0;owned\\x07\\e\[31mred\\nFAKE LINE\\r\\x9b2J/);
    });

  test("portmortem ls --count --by process neither", () => {
    const { stdout } = portmortem(["ls", "--count", "--by", "process", `sport = :${port}`]);
    assert.match(stdout, /^ev\\e\[2Jil\\nname\[\d+\] +1$/m);
  });

  for (const command of ["ls", "why"])
    test(`portmortem ${command} --json tells it exactly, in ASCII-clean text`, () => {
      const args = command === "ls" ? ["ls", `sport = :${port}`] : ["why", `127.0.0.1:${port}`];
      const outcome = portmortem([...args, "--json"]);
      assert.doesNotMatch(outcome.stdout.trimEnd(), /[\u0000-\u001f\u007f-\u009f\u202e\u2028]/);
      const json = jsonOf(outcome) as unknown as {
        sockets?: { owners: { command: string; args: string[] }[] }[];
        blockers?: { socket: { owners: { command: string; args: string[] }[] } }[];
      };
      const owner = (json.sockets?.[0] ?? json.blockers?.[0]?.socket)?.owners[0];
      assert.equal(owner?.command, NAME);
      assert.equal(owner?.args.at(-1), EVIL);
    });

  test("a filter finds it by its exact name", () => {
    const outcome = portmortem(["ls", `sport = :${port} and command = "${NAME}"`, "--json"]);
    assert.equal((jsonOf(outcome)["sockets"] as unknown[]).length, 1);
  });
});
