import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { programMentions } from "./program-mentions.ts";

const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
after(() => rmSync(folder, { recursive: true }));
const WORDS = ["LISTEN_FDS", "sd_listen_fds"];
const MEGABYTE = 1024 * 1024;

function file(name: string, text: string | Buffer): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, 0o755);
  return path;
}

test("a word in the program's own file, and in none of it", () => {
  assert.equal(programMentions({ command: file("knows", "\0\0sd_listen_fds\0"), args: [] }, WORDS), true);
  assert.equal(programMentions({ command: file("knows-not", "\0\0listen\0"), args: [] }, WORDS), false);
  assert.equal(programMentions({ command: join(folder, "is-not-there"), args: [] }, WORDS), false);
  assert.equal(programMentions({ command: file("empty", ""), args: [] }, WORDS), false);
});

test("a word that lies across two pieces of a large file", () => {
  for (const before of [1, 5, 9, 10, 13]) {
    const text = Buffer.alloc(2 * MEGABYTE, 120);
    text.write("LISTEN_FDS", MEGABYTE - before);
    assert.equal(programMentions({ command: file(`large-${before}`, text), args: [] }, WORDS), true, `${before}`);
  }
});

test("a script that the program is given, from its own folder; what is no file is none", () => {
  const command = file("interpreter", "x");
  mkdirSync(join(folder, "below"), { recursive: true });
  file("below/script", "process.env.LISTEN_FDS");
  assert.equal(programMentions({ command, args: ["-u", "script", "80"], cwd: join(folder, "below") }, WORDS), true);
  assert.equal(programMentions({ command, args: ["script"], cwd: folder }, WORDS), false);
  assert.equal(programMentions({ command, args: ["below", "/dev/zero", ""], cwd: folder }, WORDS), false);
});

test("a name is looked for in the PATH that the program will have", () => {
  file("named", "LISTEN_FDS");
  assert.equal(programMentions({ command: "named", args: [], env: { PATH: `/nowhere:${folder}` } }, WORDS), true);
  assert.equal(programMentions({ command: "named", args: [], env: { PATH: "/nowhere" } }, WORDS), false);
});
