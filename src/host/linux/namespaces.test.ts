import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readlinkSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isPortmortemError } from "../../base/errors.ts";
import { findNamespaces, resolveNetns } from "./namespaces.ts";
import { ProcessTable } from "./process-table.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";
import type { SystemRoots } from "./system-roots.ts";

/** Names are links to this process' own namespace; a leftover of a name is an empty file. */
function withTree(run: (roots: SystemRoots, directory: string) => void): () => void {
  return () => {
    const directory = mkdtempSync(join(tmpdir(), "pm-ns-"));
    try {
      mkdirSync(join(directory, "netns"));
      mkdirSync(join(directory, "docker/netns"), { recursive: true });
      symlinkSync("/proc/self/ns/net", join(directory, "netns/blue"));
      symlinkSync("/proc/self/ns/net", join(directory, "docker/netns/1a2b3c"));
      writeFileSync(join(directory, "netns/leftover"), "");
      run({ ...SYSTEM_ROOTS, run: directory }, directory);
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

const own = statSync("/proc/self/ns/net").ino;

function codeOf(run: () => unknown): string | undefined {
  try {
    run();
    return undefined;
  } catch (error) {
    assert.ok(isPortmortemError(error), String(error));
    return `${error.code}: ${error.message} (${error.hint})`;
  }
}

test(
  "findNamespaces() joins processes and names",
  withTree((roots, directory) => {
    const processes = [{ pid: 900, netns: own }, { pid: 12, netns: own }, { pid: 40, netns: 7 }, { pid: 41 }];
    assert.deepEqual(
      findNamespaces(processes, roots),
      [
        { inode: 7, names: [], path: "/proc/40/ns/net", pid: 40, processes: 1 },
        { inode: own, names: ["blue", "1a2b3c"], path: join(directory, "netns/blue"), pid: 12, processes: 2 },
      ].toSorted((a, b) => a.inode - b.inode),
    );
  }),
);

test("findNamespaces() finds the running system's own namespace", () => {
  const found = findNamespaces(new ProcessTable().processes()).find(({ inode }) => inode === own);
  assert.ok(found !== undefined && found.processes > 0);
  assert.equal(statSync(found.path ?? "").ino, own);
});

test(
  "resolveNetns() takes a name, a path and a pid",
  withTree((roots, directory) => {
    assert.equal(resolveNetns({ name: "blue" }, roots), join(directory, "netns/blue"));
    assert.equal(resolveNetns({ name: "1a2b3c" }, roots), join(directory, "docker/netns/1a2b3c"));
    assert.equal(resolveNetns({ path: "/proc/self/ns/net" }, roots), "/proc/self/ns/net");
    assert.equal(resolveNetns({ pid: process.pid }, roots), `/proc/${process.pid}/ns/net`);
    assert.equal(readlinkSync(resolveNetns({ pid: process.pid }, roots)), `net:[${own}]`);
  }),
);

test(
  "resolveNetns() names what exists when a name does not",
  withTree((roots) => {
    assert.match(
      codeOf(() => resolveNetns({ name: "nowhere" }, roots)) ?? "",
      /^PM_NETNS_NOT_FOUND: .*"nowhere" \(.*: blue, 1a2b3c;/,
    );
    assert.match(
      codeOf(() => resolveNetns({ name: "leftover" }, roots)) ?? "",
      /^PM_NETNS_NOT_FOUND/,
      "an empty file is no namespace",
    );
    assert.match(codeOf(() => resolveNetns({ name: "../etc" }, roots)) ?? "", /^PM_NETNS_NOT_FOUND/);
    assert.match(
      codeOf(() => resolveNetns({ name: "x" }, { ...roots, run: "/nonexistent" })) ?? "",
      /there are no named ones here/,
    );
  }),
);

test("resolveNetns() refuses what is no network namespace", () => {
  assert.match(
    codeOf(() => resolveNetns({ path: "/etc/passwd" })) ?? "",
    /^PM_NETNS_NOT_FOUND: \/etc\/passwd is not a network namespace/,
  );
  assert.match(codeOf(() => resolveNetns({ path: "/proc/self/ns/mnt" })) ?? "", /is not a network namespace/);
  assert.match(codeOf(() => resolveNetns({ path: "/nonexistent" })) ?? "", /^PM_NETNS_NOT_FOUND: .*ENOENT/);
  assert.match(codeOf(() => resolveNetns({ pid: 0x3fffffff })) ?? "", /^PM_NETNS_NOT_FOUND: no process has the pid/);
});
