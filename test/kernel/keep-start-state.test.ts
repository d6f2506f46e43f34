// A kept program starts as a shell would have started it: everything that exec hands on is printed by a program, and compared.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { STATIC_C, cProgram } from "./c-program.ts";
import { SCRIPT, SECOND_USER } from "./needs.ts";
import type { Need } from "./needs.ts";
import { story } from "./story.ts";

const KEEP = join(import.meta.dirname, "../programs/keep.js");

const SETTINGS = '{"restarts":{"restart":"never"},"silent":true}';

/** What cannot be the same, or is meant to be another. */
const OWN = /^(pid|ppid|group|foreground|Seccomp|variable _=)/;

interface Started {
  readonly lines: readonly string[];
  readonly status: number | null;
}

interface Scene {
  /** A shell's preparations, "ulimit -Sn 1000". */
  readonly before?: string;
  readonly env?: NodeJS.ProcessEnv;
  readonly uid?: number;
  readonly cwd?: string;
}

/** Runs `words` under a shell that has made the preparations; stdin is a file, stdout a pipe. */
async function run(words: readonly string[], scene: Scene): Promise<Started> {
  const input = openSync("/dev/null", "r");
  const { before = ":", env, uid, cwd } = scene;
  const child = spawn("/bin/sh", ["-c", `${before}; "$@"; exit $?`, "sh", ...words], {
    stdio: [input, "pipe", "inherit"],
    env: { ...process.env, ...env },
    ...(uid === undefined ? {} : { uid, gid: uid }),
    cwd: cwd ?? "/",
  });
  closeSync(input);
  let text = "";
  child.stdout!.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const status = await new Promise<number | null>((resolve) => child.on("close", resolve));
  return { lines: text.trimEnd().split("\n"), status };
}

async function compare(scene: Scene, ...args: string[]): Promise<{ readonly plain: Started; readonly kept: Started }> {
  const program = cProgram("print-state");
  const plain = await run([program, ...args], scene);
  const kept = await run([process.execPath, KEEP, SETTINGS, program, ...args], scene);
  assert.equal(plain.status, 7);
  const same = ({ lines }: Started): string[] => lines.filter((line) => !OWN.test(line));
  assert.ok(same(plain).length > 60, "the program prints what it has");
  assert.deepEqual(same(kept), same(plain));
  return { plain, kept };
}

test(
  "a kept program has the arguments, environment, folder, descriptors, signals and limits that a shell would have given it",
  story(async () => {
    const { kept } = await compare(
      {
        before: "ulimit -Sn 1000; ulimit -Sc 0; umask 027; readonly bytes=$(printf 'a\\377b'); export WEIRD=$bytes",
        env: { EMPTY: "", SPACED: " a b ", NODE_OPTIONS: "--max-old-space-size=100", NODE_ENV: "production" },
        cwd: tmpdir(),
      },
      "a b",
      "",
      "ü",
    );
    for (const line of [
      "limit 7 1000 ",
      "variable WEIRD=a\\ffb",
      "variable NODE_OPTIONS=--max-old-space-size=100",
      "secure 0",
    ])
      assert.ok(
        kept.lines.some((one) => one.startsWith(line)),
        line,
      );
    assert.ok(kept.lines.includes("Seccomp:\t2"), "it is under the filter");
  }, STATIC_C),
);

test(
  "an ordinary user's program has no_new_privs set, and nothing else that is different",
  story(
    async () => {
      const scene = { uid: 65_534 };
      const program = cProgram("print-state");
      const plain = await run([program], scene);
      const kept = await run([process.execPath, KEEP, SETTINGS, program], scene);
      const different = kept.lines.filter((line) => !plain.lines.includes(line) && !OWN.test(line));
      assert.deepEqual(different, ["NoNewPrivs:\t1"]);
    },
    STATIC_C,
    SECOND_USER,
  ),
);

const NOT_ROOT: Need = () => (process.getuid?.() === 0 ? undefined : "probed: getuid(); not root");

test(
  "without a path the program is looked for in PATH, past files that are not for it, and a text is given to the shell",
  story(
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
      try {
        writeFileSync(join(folder, "text-without-interpreter"), 'echo "shell $0 $1"; exit 3\n', { mode: 0o755 });
        symlinkSync(cProgram("print-state"), join(folder, "state-of-it"));
        const env = { PATH: `/nowhere:${folder}/text-without-interpreter:${folder}:${process.env["PATH"]}` };
        const found = await run([process.execPath, KEEP, SETTINGS, "state-of-it"], { env });
        assert.ok(found.lines.includes(`execfn ${folder}/state-of-it`), found.lines.join("\n"));
        assert.ok(found.lines.includes("argument state-of-it"));
        const text = await run([process.execPath, KEEP, SETTINGS, "text-without-interpreter", "x"], { env });
        assert.deepEqual(text.lines, [`shell ${folder}/text-without-interpreter x`]);
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    STATIC_C,
    NOT_ROOT,
  ),
);

test(
  "on a terminal the program is in the foreground process group, and its settings are untouched",
  story(
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
      try {
        const program = cProgram("print-state");
        const under = async (words: readonly string[]): Promise<string[]> => {
          const line = words.map((word) => `'${word}'`).join(" ");
          const file = join(folder, "typescript");
          await run(["script", "-qec", line, file], {});
          return readFileSync(file, "utf8").replaceAll("\r", "").split("\n");
        };
        const plain = await under([program]);
        const kept = await under([process.execPath, KEEP, SETTINGS, program]);
        const [group] = /\d+/.exec(kept.find((line) => line.startsWith("group"))!)!;
        assert.ok(kept.includes(`foreground ${group} ${group} ${group}`), kept.join("\n"));
        const terminal = (lines: readonly string[]): string[] =>
          lines.filter((line) => /^(terminal|descriptor|signal)/.test(line));
        assert.ok(terminal(plain).some((line) => line.startsWith("terminal")));
        assert.deepEqual(terminal(kept), terminal(plain));
      } finally {
        rmSync(folder, { recursive: true });
      }
    },
    STATIC_C,
    SCRIPT,
  ),
);
