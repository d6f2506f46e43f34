// `npm start -- ARGS` in a clone that is set up: the command's own output and exit status, and nothing of npm's.
import assert from "node:assert/strict";
import { test } from "node:test";
import { jsonOf, portmortem, runToEnd, type Outcome } from "./command.ts";

/** As typed in a shell: without what `npm test` gives to its scripts. */
function npmStart(args: readonly string[]): Outcome {
  const unset = Object.keys(process.env).filter((name) => /^npm_/i.test(name));
  return runToEnd(["env", ...unset.flatMap((name) => ["-u", name]), "npm", "start", "--", ...args]);
}

for (const args of [["why", "49200"], ["why", "70000"], ["--version"], []])
  test(`npm start -- ${args.join(" ")} is portmortem ${args.join(" ")}`, () => {
    assert.deepEqual(npmStart(args), portmortem(args));
  });

test("npm start -- ls --json is one JSON document", () => {
  const outcome = npmStart(["ls", "--json", "--no-owners"]);
  assert.equal(outcome.status, 0);
  assert.equal(outcome.stderr, "");
  assert.equal(jsonOf(outcome)["schema"], "portmortem.ls/1");
});
