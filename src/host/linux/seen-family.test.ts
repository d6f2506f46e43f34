import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { adoptOrphans } from "./descendants.ts";
import { loadLibc } from "./libc.ts";
import { SeenFamily } from "./seen-family.ts";

test("a grandchild that was seen is an orphan once its parent has ended; one that was not seen, and a child of ours, are none", async (context) => {
  const native = loadLibc();
  if ("why" in native) return context.skip(native.why);
  adoptOrphans(native.libc);
  const own = spawn("sleep", ["100"]);
  const parent = spawn("sh", ["-c", "sleep 100 & echo $!; read line; sleep 100 & echo $!; read line"]);
  const [first] = (await once(parent.stdout, "data")) as [Buffer];
  const seen = Number(first.toString());
  const family = new SeenFamily();
  assert.deepEqual(family.orphans(), []);
  family.look([parent.pid!]);
  parent.stdin.write("\n");
  const [second] = (await once(parent.stdout, "data")) as [Buffer];
  const unseen = Number(second.toString());
  try {
    assert.deepEqual(family.orphans(), [], "its parent lives");
    parent.kill("SIGKILL");
    await once(parent, "exit");
    assert.deepEqual(family.orphans(), [seen]);
    assert.deepEqual(family.orphans(1), [], "none is as old as the machine");
    family.look([]);
    assert.deepEqual(family.orphans(), [seen], "an orphan is remembered");
  } finally {
    for (const pid of [seen, unseen]) if (pid > 1) process.kill(pid, "SIGKILL");
    own.kill("SIGKILL");
  }
  // It has ended, though nobody has waited for it.
  const until = performance.now() + 8000;
  while (family.orphans().length > 0 && performance.now() < until)
    await new Promise((resolve) => setTimeout(resolve, 4));
  assert.deepEqual(family.orphans(), []);
});
