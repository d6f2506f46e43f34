// The examples are true: marked command lines print what the text says (console-block.ts tells how to mark them), and TypeScript compiles
// against the built package.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { consoleBlocks, patternOf, type ConsoleBlock } from "./console-block.ts";
import { exists, read, root } from "./repository.ts";

const pages = ["README.md", "docs/cli.md"];
const pagesWithCode = [
  ...pages,
  ...(exists("docs") ? readdirSync(join(root, "docs")) : []).map((name) => `docs/${name}`),
];

const ALONE = ["unshare", "--user", "--map-root-user", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"];
const SEPARATOR = "--8<-- next command --8<--";

describe("examples", () => {
  const path = mkdtempSync(join(tmpdir(), "portmortem-readme-"));
  symlinkSync(join(root, "dist/cli.cjs"), join(path, "portmortem"));
  after(() => rmSync(path, { recursive: true }));

  for (const page of pages) test(`${page} exists`, () => void read(page));
  test("README.md has a block that is run", () => {
    assert.ok(consoleBlocks("README.md", read("README.md")).length > 0, "no `<!-- run -->` before a ```console block");
  });

  for (const page of pages.filter(exists))
    for (const block of consoleBlocks(page, read(page)))
      test(`${page}:${block.line} prints what it says`, { skip: block.netns && missingForNetns() }, () => {
        const outputs = run(block, path);
        for (const [at, { command, expected }] of block.steps.entries()) {
          const actual = outputs[at] ?? "";
          if (!patternOf(expected, block.any).test(actual))
            assert.equal(actual.trimEnd(), expected.join("\n").trimEnd(), `$ ${command}   (the block is not true)`);
        }
      });
});

/** Why a block cannot have a network namespace of its own here; false if it can. */
function missingForNetns(): string | false {
  const probe = [...ALONE, "ip", "link", "set", "lo", "up"];
  const { status, stderr, error } = spawnSync(probe[0] ?? "", probe.slice(1), { encoding: "utf8" });
  return status === 0 ? false : `${probe.join(" ")}: ${error?.message ?? stderr.trim()}`;
}

/** Runs the block's commands in one shell; their outputs. */
function run({ steps, netns, setup }: ConsoleBlock, path: string): string[] {
  const script = [
    ...(netns ? ["ip link set lo up || exit 97"] : []),
    ...(setup === undefined ? [] : [`{ ${setup}\n} >&2 || exit 98`]),
    ...steps.map(({ command }) => `${command}\n(s=$?; echo '${SEPARATOR}'; exit $s)`),
    "exit 0",
  ].join("\n");
  const args = [...(netns ? ALONE : ["env"]), "sh", "-c", script];
  const { status, stdout, stderr } = spawnSync(args[0] ?? "", args.slice(1), {
    cwd: root,
    encoding: "utf8",
    timeout: 60_000,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PATH: `${path}:${process.env["PATH"]}`, NO_COLOR: "1", COLUMNS: "100", LC_ALL: "C.UTF-8" },
  });
  assert.equal(status, 0, `the example could not be run (status ${status})\n${stdout}${stderr}`);
  return stdout.split(`${SEPARATOR}\n`);
}

test("TypeScript examples compile against the built package", () => {
  const folder = join(root, "build/examples");
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  let count = 0;
  for (const page of pagesWithCode.filter((name) => name.endsWith(".md") && exists(name))) {
    const markdown = read(page);
    for (const match of markdown.matchAll(/^```ts\n([^]*?)^```/gm)) {
      const line = markdown.slice(0, match.index).split("\n").length;
      // The file's name tells where the example stands.
      writeFileSync(join(folder, `${page.replace(/[/.]/g, "-")}-line-${line}.ts`), `${match[1] ?? ""}\nexport {};\n`);
      count++;
    }
  }
  if (count === 0) return;
  const compilerOptions = { rootDir: "../..", noUnusedLocals: false, incremental: false };
  writeFileSync(
    join(folder, "tsconfig.json"),
    JSON.stringify({ extends: "../../tsconfig.json", compilerOptions, include: ["."] }),
  );
  const { status, stdout } = spawnSync(
    process.execPath,
    [join(root, "node_modules/typescript/bin/tsc"), "-p", folder],
    {
      encoding: "utf8",
    },
  );
  assert.equal(status, 0, stdout);
});
