import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { PortmortemError } from "../../base/errors.ts";
import { checkRunFolder, makeRunFolder, runFolders } from "./run-folder.ts";

const root = mkdtempSync(join(tmpdir(), "portmortem-folder-"));
after(() => rmSync(root, { recursive: true }));
const uid = process.geteuid!();
const runtime = join(root, "runtime");
mkdirSync(runtime, { mode: 0o700 });

test("runFolders() are the user's runtime folder, root's, and /tmp", () => {
  const env = { XDG_RUNTIME_DIR: runtime };
  const tmp = join(root, `tmp/portmortem-${uid}`);
  const own = uid === 0 ? [join(root, "run/portmortem")] : [];
  assert.deepEqual(runFolders({ env, uid, root }), [join(runtime, "portmortem"), ...own, tmp]);
  assert.deepEqual(runFolders({ env: {}, uid, root }), [...own, tmp]);
});

test("runFolders() passes over a runtime folder that is another's, no folder, or not absolute", () => {
  const tmp = join(root, "tmp/portmortem-4242");
  for (const path of [runtime, join(root, "none"), "runtime", ""])
    assert.deepEqual(runFolders({ env: { XDG_RUNTIME_DIR: path }, uid: 4242, root }), [tmp]);
});

test("runFolders() is one folder alone where one is named", () => {
  const env = { XDG_RUNTIME_DIR: runtime, PORTMORTEM_RUN_DIR: "/named" };
  assert.deepEqual(runFolders({ env, uid, root }), ["/named"]);
  assert.deepEqual(runFolders({ env, uid, root, folder: "/given" }), ["/given"]);
  assert.equal(runFolders({ env: { PORTMORTEM_RUN_DIR: "" }, uid: 4242, root }).length, 1);
});

test("makeRunFolder() takes the first that can be made, for this user alone", () => {
  const made = makeRunFolder([join(root, "none/portmortem"), join(runtime, "portmortem")], uid);
  assert.equal(made, join(runtime, "portmortem"));
  assert.equal(checkRunFolder(made, uid), "ok");
  assert.equal(makeRunFolder([made], uid), made, "it is there already");
});

test("makeRunFolder() does not go on to the next where one is not to be trusted", () => {
  const open = join(root, "open");
  mkdirSync(open);
  const good = join(root, "good");
  for (const mode of [0o777, 0o770, 0o702]) {
    chmodSync(open, mode);
    assert.throws(() => makeRunFolder([open, good], uid), /others may write to it/);
  }
  const link = join(root, "link");
  symlinkSync(runtime, link);
  assert.throws(() => makeRunFolder([link, good], uid), PortmortemError);
  assert.equal(checkRunFolder(good, uid), "missing");
});
