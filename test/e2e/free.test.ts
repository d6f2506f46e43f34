// The built `portmortem free` as a script and as a person gets it: exit statuses, what goes where, and how it looks.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import { textWidth } from "../../src/render/text-layout.ts";
import { root } from "../house/repository.ts";
import { assertNoTrace, missingForNetns, quote, shellAlone } from "./command.ts";
import type { Outcome, RunOptions } from "./command.ts";

const program = (name: string): string =>
  `${quote(process.execPath)} ${quote(join(root, `build/test/programs/${name}.js`))}`;
/** A listener on port 9100 with three connections to it from other processes' sides, and one on 9101 that ignores SIGTERM. */
const SCENE = `
coproc A { exec ${program("crowd")} 9100 3; }; read -r ready <&"\${A[0]}"
exec 9< <(exec ${program("server-asked-to-end")} 9101 ignores); read -r ready <&9
`;
const CODES = /\u001b\[[0-9;]*[mK]/g;

function inScene(script: string, options: RunOptions = {}): Outcome {
  const outcome = shellAlone(`${SCENE}${script}`, options);
  assertNoTrace(outcome);
  return outcome;
}

function onTerminal(args: string, columns: number): string {
  const typed = `stty cols ${columns} rows 24; portmortem ${args}`;
  return inScene(`SHELL=/bin/bash script -qec ${quote(typed)} /dev/null </dev/null`).stdout.replaceAll("\r\n", "\n");
}

const skip = missingForNetns();
const skipTerminal = skip || (spawnSync("script", ["--version"]).error?.message ?? false);

describe("portmortem free", { skip }, () => {
  for (const [args, status, said] of [
    ["9200", 0, /^port 9200 can be bound already$/],
    ["9200 9201", 0, /^port 9200 can be bound already\nport 9201 can be bound already$/],
    ["9100 --yes", 0, /^port 9100 is free: a bind works$/m],
    ["9100 --dry-run", 0, /^nothing was done \(--dry-run\)$/m],
    ["9101 --yes --grace 100ms", 1, /\$ portmortem free 9101 --grace 100ms --force\nport 9101 is still taken$/],
    ["9101 --yes --grace 100ms --force", 0, /^port 9101 is free: a bind works$/m],
    ["9100 9101 --yes --grace 100ms", 5, /^port 9100 is free: a bind works\nport 9101 is still taken$/m],
    ["9100 9300 --yes", 0, /^port 9100 is free: a bind works\nport 9300 can be bound already$/m],
    ["9200 203.0.113.9:9100 --yes", 1, /^port 9200 can be bound already\n203\.0\.113\.9:9100 cannot be bound$/m],
    ["203.0.113.9:9100 --yes", 1, /no device of this machine[^]*^203\.0\.113\.9:9100 cannot be bound$/m],
  ] as const)
    test(`${args} ends with ${status}`, () => {
      const outcome = inScene(`portmortem free ${args}`);
      assert.equal(outcome.status, status, outcome.stderr);
      assert.equal(outcome.stderr, "");
      assert.match(outcome.stdout.trimEnd(), said);
      assert.doesNotMatch(outcome.stdout, /\u001b/);
    });

  test("off a terminal a process is not asked to end without --yes: status 2, and it is said who would be", () => {
    const outcome = inScene(
      "portmortem free 9100 9101; status=$?; portmortem why 9100 >/dev/null; echo $?; exit $status",
    );
    assert.equal(outcome.status, 2);
    assert.equal(outcome.stdout, "1\n");
    assert.match(
      outcome.stderr,
      /^portmortem: nobody is here to be asked about this: node \S+ \(pid \d+\) listens on .*; and 1 more\n {2}.*--yes\n$/,
    );
    const json = inScene("portmortem free 9100 --json");
    assert.equal(json.status, 2);
    assert.match(json.stdout, /"code":"PM_NEEDS_CONSENT"/);
  });

  test("--json is the answer, with plan and done", () => {
    const outcome = inScene("portmortem free 9100 9101 --json --yes --grace 100ms");
    assert.equal(outcome.status, 5);
    const answer = JSON.parse(outcome.stdout) as FreeResult & { readonly schema: string };
    assert.equal(answer.schema, "portmortem.free/1");
    assert.deepEqual(
      answer.endpoints.map(({ port, bindable }) => [port, bindable]),
      [
        [9100, true],
        [9101, false],
      ],
    );
    assert.equal(answer.bindable, false);
    assert.deepEqual(
      answer.done.flatMap((step) => (step.kind === "signal" ? [[step.signal, step.result]] : [])),
      [
        ["SIGTERM", "ok"],
        ["SIGTERM", "failed"],
      ],
    );
    assert.deepEqual(
      answer.plan.map(({ kind }) => kind),
      ["signal", "destroy", "signal", "destroy"],
    );
  });

  test("-q says what was done all the same, on stdout only", () => {
    const outcome = inScene("portmortem free 9100 -q --yes");
    assert.match(outcome.stdout, /SIGTERM[^]*is free/);
    assert.equal(outcome.stderr, "");
  });
});

describe("portmortem free on a terminal", { skip: skipTerminal }, () => {
  for (const columns of [40, 80, 200])
    for (const args of ["9100 9101 --force --dry-run", "9100 9101 --yes --grace 100ms", "9100 --no-reuse-addr --yes"])
      test(`free ${args} fits ${columns} columns, its texts in one column`, () => {
        const text = onTerminal(`free ${args}`, columns).replace(CODES, "").replaceAll("\r", "");
        for (const line of text.split("\n"))
          assert.ok(textWidth(line) <= columns || line.includes("$ "), JSON.stringify(line));
        const rows = text.split("\n").filter((line) => /^ {2}\S/.test(line));
        assert.ok(rows.length > 0);
        for (const row of rows) assert.match(row, /^ {2}\S+ {2,}\S/);
        assert.equal(new Set(rows.map((row) => /^ {2}\S+ +/.exec(row)?.[0].length)).size, 1, text);
      });

  test("where the answer goes into a file, the plan is seen all the same, and the file has all that was done", () => {
    const typed = "stty cols 80 rows 24; portmortem free 9100 > answer.txt";
    const text = inScene(
      `cd "$(mktemp -d)"; echo y | SHELL=/bin/bash script -qec ${quote(typed)} /dev/null; cat answer.txt >&2; rm -r "$PWD"`,
    );
    assert.match(text.stdout, /SIGTERM {2}node [^]*do that\? \[y\/N\]/);
    assert.match(text.stderr, /SIGTERM {2}node [^]*^port 9100 is free: a bind works$/m);
  });

  test("nobody answers the question: nothing is done", () => {
    const text = onTerminal("free 9100", 80);
    assert.match(text, /do that\? \[y\/N\]/);
    assert.match(text, /nothing was done/);
  });
});
