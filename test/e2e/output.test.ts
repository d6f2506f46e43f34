// Where the output goes: pipes that close early, full disks, closed descriptors. Nothing hangs, nothing is cut, nothing is left half said.
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { describe, test } from "node:test";
import { join } from "node:path";
import { root } from "../house/repository.ts";
import { assertNoTrace, jsonOf, missingForNetns, quote, shell, shellAlone } from "./command.ts";

const crowd = `${quote(process.execPath)} ${quote(join(root, "build/test/programs/crowd.js"))}`;
/** 600 connections are about 100 kB of text: more than a pipe holds. */
const SCENE = `coproc { exec ${crowd} 9100 600; }; read -r ready <&"\${COPROC[0]}"; `;
const skip = missingForNetns();

describe("a reader that goes away", { skip }, () => {
  for (const command of ["ls", "ls --json", "ls --json --no-owners", "ls --all --info"])
    test(`portmortem ${command} ends quietly`, () => {
      const readers = ["head -1", "head -c 10", "true"];
      const pipes = readers.map((reader) => `portmortem ${command} | ${reader} >&2; echo "\${PIPESTATUS[0]}"`);
      const outcome = shellAlone(`${SCENE} ${pipes.join("\n")}`);
      assert.equal(outcome.stdout, "0\n0\n0\n");
      assertNoTrace(outcome);
      assert.doesNotMatch(outcome.stderr, /EPIPE|portmortem:/);
    });
});

test("a slow reader gets everything", { skip }, () => {
  const { stdout } = shellAlone(`${SCENE} portmortem ls --json --no-owners | { sleep 0.5; cat; }`);
  assert.equal((JSON.parse(stdout) as { sockets: unknown[] }).sockets.length, 1201);
});

test("a pipe in non-blocking mode gets everything", { skip }, () => {
  // Node's own pipes to a child are non-blocking sockets at this end.
  const script = `const {spawn}=require("node:child_process");
    const child=spawn("bash",["-c","portmortem ls --json"],{stdio:["ignore","pipe","inherit"]});
    let text="";setTimeout(()=>child.stdout.on("data",d=>text+=d).on("end",()=>console.log(JSON.parse(text).sockets.length)),300)`;
  const { stdout } = shellAlone(`${SCENE} ${quote(process.execPath)} -e ${quote(script)}`);
  assert.equal(stdout, "1201\n");
});

test("rows on a pipe are never cut", { skip }, () => {
  const long = "x".repeat(3000);
  const { stdout } = shellAlone(
    `exec -a ${long} ${crowd} 9100 1 >/dev/null & while ! portmortem ls -l | grep -q 9100; do sleep 0.05; done; COLUMNS=40 portmortem why 127.0.0.1:9100; COLUMNS=40 portmortem ls`,
  );
  assert.doesNotMatch(stdout, /127\.0…|…\d*:9100/);
  assert.match(stdout, /^ESTABLISHED {2}127\.0\.0\.1:9100 {2,}127\.0\.0\.1:\d+ {2,}\S/m);
});

describe("a full disk", { skip: !existsSync("/dev/full") && "there is no /dev/full" }, () => {
  for (const command of [
    "ls --no-owners",
    "ls --no-owners --json",
    "why 49200",
    "--version",
    "--help",
    "ls --help",
    "",
  ])
    test(`portmortem ${command} > /dev/full is exit status 4`, () => {
      const outcome = shell(`portmortem ${command} > /dev/full; echo "$?"`);
      assert.equal(outcome.stdout, "4\n");
      assert.match(outcome.stderr, /^portmortem: writing the output failed: ENOSPC$/m);
      assertNoTrace(outcome);
    });

  test("an error that can be said nowhere still has its exit status", () => {
    const outcome = shell(`portmortem why 70000 2> /dev/full; echo "$?"`);
    assert.equal(outcome.stdout, "2\n");
    assert.equal(outcome.stderr, "");
  });

  test("an error for which stdout has no room is told on stderr", () => {
    const outcome = shell(`portmortem why 70000 --json > /dev/full; echo "$?"`);
    assert.equal(outcome.stdout, "2\n");
    assert.match(outcome.stderr, /^portmortem: port 70000/);
  });
});

describe("closed descriptors", () => {
  test("without stdin", () => {
    const outcome = shell("portmortem ls --count --json <&-");
    assert.equal(jsonOf(outcome)["schema"], "portmortem.ls/1");
  });

  test("without stdout and stderr", () => {
    const outcome = shell(`portmortem why 49200 >&- 2>&-; portmortem why 70000 >&- 2>&-; echo "$?"`);
    assert.equal(outcome.stdout, "2\n");
    assertNoTrace(outcome);
  });
});

test("portmortem asks nothing of a stdin that never ends", () => {
  const outcome = shell("portmortem ls --count --json < /dev/zero");
  assert.equal(jsonOf(outcome)["schema"], "portmortem.ls/1");
});
