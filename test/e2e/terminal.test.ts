// On a real terminal (a pty, made by script(1) of util-linux): the width is kept, colours come and go as asked.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { describe, test } from "node:test";
import { textWidth } from "../../src/render/text-layout.ts";
import { root } from "../house/repository.ts";
import { missingForNetns, portmortem, quote, shellAlone, type RunOptions } from "./command.ts";

const victim = `${quote(process.execPath)} ${quote(join(root, "build/test/programs/crowd.js"))} 9100 3`;
const skip = missingForNetns() || missingForPty();

/** Why there can be no terminal here; false if there can. */
function missingForPty(): string | false {
  const { status, stdout, error } = spawnSync("script", ["-qec", "stty cols 40; stty size", "/dev/null"], {
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
  });
  return status === 0 && /\b40\b/.test(stdout) ? false : `script(1) gives no terminal: ${error?.message ?? stdout}`;
}

/** What `portmortem ARGS` writes to a terminal of this many columns, with a listener and three connections on port 9100. */
function onTerminal(args: string, columns: number, options: RunOptions = {}): string {
  const typed = `stty cols ${columns} rows 24; portmortem ${args}`;
  const { stdout } = shellAlone(
    `coproc { exec ${victim}; }; read -r ready <&"\${COPROC[0]}"; SHELL=/bin/bash script -qec ${quote(typed)} /dev/null`,
    options,
  );
  return stdout.replaceAll("\r\n", "\n");
}

const CODES = /\u001b\[[0-9;]*m/g;
const COLOUR = /\u001b\[[0-9]+m/;

describe("a terminal", { skip }, () => {
  for (const columns of [40, 80, 200])
    for (const args of ["ls", "ls -l", "ls --all --info", "ls --udp", "ls --count --by process"])
      test(`portmortem ${args} fits ${columns} columns`, () => {
        const text = onTerminal(args, columns);
        for (const line of text.split("\n")) assert.ok(textWidth(line) <= columns, JSON.stringify(line));
      });

  for (const columns of [40, 80, 200])
    test(`portmortem why fits ${columns} columns, but for words that are longer`, () => {
      const text = onTerminal("why 9100", columns);
      for (const line of text.split("\n"))
        assert.ok(
          textWidth(line) <= columns || !/\S \S/.test(line.trim()) || line.includes("$ "),
          JSON.stringify(line),
        );
    });

  for (const columns of [72, 80, 200])
    test(`portmortem explain fits ${columns} columns`, () => {
      for (const word of ["", " time-wait", " half-open", " exit"]) {
        const text = onTerminal(`explain${word}`, columns).replace(CODES, "");
        for (const line of text.split("\n"))
          assert.ok(textWidth(line) <= columns || line.includes("$ "), JSON.stringify(line));
      }
    });

  for (const args of ["ls --info", "why 9100 -v", "doctor -v", "drop --dry-run dport = :9100"])
    test(`portmortem ${args} writes nothing but ASCII where the locale has no more`, () => {
      assert.match(onTerminal(args, 40, { env: { LC_ALL: "C" } }).replace(CODES, ""), /^[\n\x20-\x7e]+$/);
    });

  test("a narrow table keeps the state, the port and the program", () => {
    const text = onTerminal("ls -l", 30).replace(CODES, "");
    assert.match(text, /^LISTEN\s+…?\S*:9100\s+node\[?/m);
  });

  test("a wide terminal shows all", () => {
    const text = onTerminal("ls -l", 200).replace(CODES, "");
    assert.match(text, /^LISTEN {2}127\.0\.0\.1:9100 +0\/\d+ +node\[\d+\]$/m);
  });

  test("there is colour", () => {
    assert.match(onTerminal("ls", 80), COLOUR);
    assert.match(onTerminal("why 9100", 80), COLOUR);
  });

  for (const [what, args, env] of [
    ["NO_COLOR", "ls", { NO_COLOR: "1" }],
    ["--color never", "ls --color never", {}],
    ["--color never against FORCE_COLOR", "ls --color never", { FORCE_COLOR: "1" }],
    ["TERM=dumb", "ls", { TERM: "dumb" }],
    ["--json", "ls --json", { FORCE_COLOR: "1" }],
  ] as const)
    test(`there is none with ${what}`, () => {
      assert.doesNotMatch(onTerminal(args, 80, { env }), /\u001b/);
    });
});

describe("a pipe", () => {
  for (const args of [
    ["ls", "--no-owners"],
    ["why", "49200"],
    ["--help"],
    ["ls", "--help"],
    ["ls", "--json", "--no-owners"],
    ["explain"],
    ["explain", "time-wait"],
    [],
  ])
    test(`portmortem ${args.join(" ")} writes no escape code`, () => {
      const { stdout, stderr } = portmortem(args);
      assert.doesNotMatch(`${stdout}${stderr}`, /\u001b/);
    });

  for (const [what, args, env] of [
    ["--color always", ["why", "49200", "--color", "always"], {}],
    ["--color always against NO_COLOR", ["why", "49200", "--color", "always"], { NO_COLOR: "1" }],
    ["FORCE_COLOR", ["why", "49200"], { FORCE_COLOR: "1" }],
  ] as const)
    test(`there is colour with ${what}`, () => {
      assert.match(portmortem(args, { env }).stdout, COLOUR);
    });

  for (const env of [{ NO_COLOR: "1", FORCE_COLOR: "1" }, { FORCE_COLOR: "0" }])
    test(`there is none with ${JSON.stringify(env)}`, () => {
      assert.doesNotMatch(portmortem(["why", "49200"], { env }).stdout, /\u001b/);
    });
});
