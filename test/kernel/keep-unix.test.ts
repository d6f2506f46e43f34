// Paths of Unix sockets: what a dead life has left behind is cleared for the next one, and nothing else ever is.
import assert from "node:assert/strict";
import { chmodSync, chownSync, existsSync, lstatSync, mkdirSync, mkdtempSync, realpathSync } from "node:fs";
import { renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";
import { KeptProgram } from "./kept-program.ts";
import type { KeptOptions } from "./kept-program.ts";
import { SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const ACTOR = join(import.meta.dirname, "../programs/socket-actor.js");
const NOBODY = 65_534;

function keptActor(s: Story, options: KeptOptions = {}): KeptProgram {
  const kept = new KeptProgram(options, process.execPath, ACTOR);
  s.atEnd(() => kept.end());
  return kept;
}

function folderOf(s: Story, mode = 0o700): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "portmortem-")));
  chmodSync(folder, mode);
  s.atEnd(() => rmSync(folder, { recursive: true }));
  return folder;
}

type Type = "stream" | "dgram";

async function bind(kept: KeptProgram, to: string, type: Type = "stream"): Promise<number | string> {
  const fd = await kept.call("socket", { family: "unix", type });
  assert.ok(typeof fd === "number", `${fd}`);
  return kept.call("bind", { fd, to });
}

/** A path at which there is a socket that nobody has. */
function deserted(s: Story, path: string): void {
  const code = `const s=require("node:net").createServer().listen(process.argv[1],()=>process.kill(process.pid,"SIGKILL"))`;
  // The command's own end by a signal is no failure here.
  s.system("sh", "-c", '"$@" || true', "sh", process.execPath, "-e", code, path);
  assert.ok(lstatSync(path).isSocket());
}

for (const type of ["stream", "dgram"] as const)
  test(
    `${type}: each life binds the path that the last one has left behind`,
    story(async (s) => {
      const folder = folderOf(s);
      const kept = keptActor(s);
      const path = join(folder, "own.sock");
      assert.equal(await bind(kept, path, type), 0);
      for (let life = 2; life <= 3; life++) {
        await kept.crash();
        assert.equal(await bind(kept, path, type), 0);
        assert.equal(kept.all("path-cleared").length, life - 1);
      }
      const { path: cleared, pid } = kept.all("path-cleared").at(-1)!;
      assert.deepEqual([cleared, pid], [path, kept.programPid]);
      assert.equal(await bind(kept, path, type), "EADDRINUSE", "it is alive");
      assert.equal(await bind(kept, "@abstract", type), 0);
      assert.equal(kept.all("path-cleared").length, 2);
    }),
  );

test(
  "the path is one that the program sees: from its folder, over links, under its own root",
  story(async (s) => {
    const folder = folderOf(s);
    for (const name of ["real", "root", "root/run"]) mkdirSync(join(folder, name));
    symlinkSync(join(folder, "real"), join(folder, "link"));
    const kept = keptActor(s, { cwd: folder });
    const cleared = (): number => kept.all("path-cleared").length;
    for (const to of ["./own.sock", "link/own.sock", "real/../real//third.sock", join(folder, "link/other.sock")]) {
      deserted(s, resolve(folder, to));
      const before = cleared();
      assert.equal(await bind(kept, to), 0, to);
      assert.equal(cleared(), before + 1, to);
    }
    // Another file of the same name lies outside of its root; a link in there leads to what its own root has at that place.
    symlinkSync("/run", join(folder, "root/link"));
    deserted(s, join(folder, "root/run/in-root.sock"));
    assert.equal(await kept.call("chroot", { to: join(folder, "root") }), 0);
    assert.equal(await bind(kept, "/link/in-root.sock"), 0);
    deserted(s, join(folder, "real/far.sock"));
    assert.equal(await bind(kept, "real/far.sock"), 0, "the folder that it is in is outside");
    assert.equal(cleared(), 6);
  }),
);

test(
  "what is alive, no socket, a link, or in a folder that cannot be had stays, and the kernel's answer is the program's",
  story(async (s) => {
    const folder = folderOf(s);
    const kept = keptActor(s);
    const at = (name: string): string => join(folder, name);
    writeFileSync(at("file"), "text");
    mkdirSync(at("folder"));
    s.system("mkfifo", at("fifo"));
    deserted(s, at("dead"));
    symlinkSync(at("dead"), at("link"));
    symlinkSync(at("nowhere"), at("dangling"));
    const server = createServer().listen(at("alive"));
    s.atEnd(() => server.close());
    const renamed = createServer().listen(at("before"));
    s.atEnd(() => renamed.close());
    await new Promise((resolve) => renamed.once("listening", resolve));
    renameSync(at("before"), at("renamed"));
    const held = s.actor();
    const fd = await held.call("socket", { family: "unix" });
    await held.call("bind", { fd, to: at("bound") });
    for (const name of ["file", "folder", "fifo", "link", "dangling", "alive", "renamed", "bound"])
      for (const type of ["stream", "dgram"] as const) {
        assert.equal(await bind(kept, at(name), type), "EADDRINUSE", name);
        assert.ok(lstatSync(at(name), { throwIfNoEntry: false }) !== undefined, name);
      }
    assert.equal(await bind(kept, at("missing/own.sock")), "ENOENT");
    assert.equal(await bind(kept, at("file/own.sock")), "ENOTDIR");
    assert.equal(
      await bind(kept, `/${"missing".repeat(14)}/own.sock`),
      "ENOENT",
      "as long as it may be, without a zero",
    );
    assert.equal(await bind(kept, "./"), "EADDRINUSE");
    // A socket that has a name already, and one of another family: their bind fails, so nothing is to be cleared for it.
    const named = await kept.call("socket", { family: "unix" });
    assert.ok(typeof named === "number");
    assert.equal(await kept.call("bind", { fd: named, to: at("named") }), 0);
    assert.equal(await kept.call("bind", { fd: named, to: at("dead") }), "EADDRINUSE");
    const inet = await kept.call("socket", { family: "ipv4" });
    assert.ok(typeof inet === "number");
    assert.equal(await kept.call("bind", { fd: inet, to: at("dead") }), "EAFNOSUPPORT");
    assert.ok(existsSync(at("dead")));
    assert.equal(kept.all("path-cleared").length, 0);
    assert.equal(await bind(kept, at("dead")), 0);
  }),
);

test(
  "a program with another user's rights has its own sockets cleared, where that user could",
  story(async (s) => {
    const folder = folderOf(s, 0o1777);
    const closed = folderOf(s, 0o755);
    const kept = keptActor(s);
    for (const path of [join(folder, "own"), join(folder, "roots"), join(closed, "own")]) deserted(s, path);
    for (const path of [join(folder, "own"), join(closed, "own")]) chownSync(path, NOBODY, NOBODY);
    await kept.call("setuid", { uid: NOBODY });
    assert.equal(await bind(kept, join(folder, "roots")), "EADDRINUSE");
    assert.equal(await bind(kept, join(closed, "own")), "EADDRINUSE", "nobody may not unlink it there");
    assert.equal(await bind(kept, join(folder, "own")), 0);
    assert.equal(lstatSync(join(folder, "own")).uid, NOBODY);
    assert.equal(kept.all("path-cleared").length, 1);
    // The keeper is itself again.
    await kept.crash();
    deserted(s, join(closed, "roots"));
    assert.equal(await bind(kept, join(closed, "roots")), 0);
  }, SECOND_USER),
);

test(
  "an ordinary user's keeper clears what is that user's",
  story(async (s) => {
    const folder = folderOf(s, 0o1777);
    const kept = keptActor(s, { uid: NOBODY, cwd: "/" });
    for (const name of ["own", "roots"]) deserted(s, join(folder, name));
    chownSync(join(folder, "own"), NOBODY, NOBODY);
    assert.equal(await bind(kept, join(folder, "own")), 0);
    assert.equal(await bind(kept, join(folder, "roots")), "EADDRINUSE");
  }, SECOND_USER),
);
