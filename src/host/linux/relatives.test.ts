import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { findRelatives } from "./relatives.ts";

test("findRelatives() finds parent, child and grandchild, and nobody who is no relative", async () => {
  const child = spawn("sh", ["-c", "sleep 60 & echo $!; wait"], { stdio: ["ignore", "pipe", "ignore"] });
  const sibling = spawn("sleep", ["60"]);
  const lines = createInterface({ input: child.stdout });
  try {
    const [line] = (await once(lines, "line")) as [string];
    const grandchild = Number(line);
    const mine = findRelatives(process.pid) ?? [];
    for (const pid of [process.ppid, child.pid!, grandchild, sibling.pid!]) assert.ok(mine.includes(pid), String(pid));
    const theirs = findRelatives(child.pid!) ?? [];
    for (const pid of [process.ppid, process.pid, grandchild]) assert.ok(theirs.includes(pid), String(pid));
    assert.ok(!theirs.includes(sibling.pid!), "a sibling has what the parent has, and is its relative, not ours");
    process.kill(grandchild);
  } finally {
    child.kill();
    sibling.kill();
  }
});

test("findRelatives() is undefined for a process that is gone, and where the kernel lists no children", async () => {
  const child = spawn("true");
  await once(child, "exit");
  assert.equal(findRelatives(child.pid!), undefined);
  assert.equal(findRelatives(process.pid, "/no/such/proc"), undefined);
});
