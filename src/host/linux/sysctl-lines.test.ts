import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { readSysctlLines } from "./sysctl-lines.ts";

/** Files by path; a value that starts with `->` is a link. */
function withTree(files: Readonly<Record<string, string>>, run: (root: string) => void): void {
  const root = mkdtempSync(join(tmpdir(), "portmortem-sysctl-"));
  try {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(root, path)), { recursive: true });
      if (text.startsWith("->")) symlinkSync(text.slice(2), join(root, path));
      else writeFileSync(join(root, path), text);
    }
    run(root);
  } finally {
    rmSync(root, { recursive: true });
  }
}

const linesOf = (root: string): string[] =>
  readSysctlLines(root).map(({ path, line, name, value }) => `${path.slice(root.length)}:${line} ${name}=${value}`);

test("readSysctlLines() reads by the files' names across the directories, and /etc/sysctl.conf last", () => {
  withTree(
    {
      "/etc/sysctl.conf": "fs.file-max = 5\n",
      "/etc/sysctl.d/20-b.conf": "net.core.somaxconn = 2\n",
      "/run/sysctl.d/10-a.conf": "net.core.somaxconn = 1\n",
      "/usr/lib/sysctl.d/99-z.conf": "kernel.panic = 1\nnet.core.somaxconn = 4\nfs.protected_fifos = 1\n",
      "/usr/local/lib/sysctl.d/30-c.conf": "net.core.somaxconn = 3\n",
      "/etc/sysctl.d/notes.txt": "net.core.somaxconn = 9\n",
    },
    (root) =>
      assert.deepEqual(linesOf(root), [
        "/run/sysctl.d/10-a.conf:1 net.core.somaxconn=1",
        "/etc/sysctl.d/20-b.conf:1 net.core.somaxconn=2",
        "/usr/local/lib/sysctl.d/30-c.conf:1 net.core.somaxconn=3",
        "/usr/lib/sysctl.d/99-z.conf:2 net.core.somaxconn=4",
        "/etc/sysctl.conf:1 fs.file-max=5",
      ]),
  );
});

test("readSysctlLines() lets a file take the place of one with its name, and /dev/null switch it off", () => {
  withTree(
    {
      "/usr/lib/sysctl.d/50-default.conf": "net.core.somaxconn = 1\n",
      "/etc/sysctl.d/50-default.conf": "net.core.somaxconn = 2\n",
      "/usr/lib/sysctl.d/60-off.conf": "net.core.somaxconn = 3\n",
      "/etc/sysctl.d/60-off.conf": "->/dev/null",
    },
    (root) => assert.deepEqual(linesOf(root), ["/etc/sysctl.d/50-default.conf:1 net.core.somaxconn=2"]),
  );
});

test("readSysctlLines() reads a file once that is there under two names", () => {
  withTree(
    { "/etc/sysctl.conf": "net.core.somaxconn = 1\n", "/etc/sysctl.d/99-sysctl.conf": "->../sysctl.conf" },
    (root) => assert.deepEqual(linesOf(root), ["/etc/sysctl.d/99-sysctl.conf:1 net.core.somaxconn=1"]),
  );
});

test("readSysctlLines() is empty where there are no files", () => {
  withTree({}, (root) => assert.deepEqual(readSysctlLines(root), []));
});

test("readSysctlLines() passes over the secret key of TCP Fast Open", () => {
  withTree({ "/etc/sysctl.conf": "net.ipv4.tcp_fastopen_key = 1-2-3-4\nnet.ipv4.tcp_fastopen = 3\n" }, (root) =>
    assert.deepEqual(linesOf(root), ["/etc/sysctl.conf:2 net.ipv4.tcp_fastopen=3"]),
  );
});
