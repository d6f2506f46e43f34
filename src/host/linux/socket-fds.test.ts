import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, openSync, readlinkSync } from "node:fs";
import { createServer } from "node:net";
import type { Server } from "node:net";
import { test } from "node:test";
import { readLinkByFs } from "./read-file.ts";
import { loadLibc } from "./libc.ts";
import { readLowSocketsByLibc } from "./read-link.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";
import { readSocketFds } from "./socket-fds.ts";

/** Node has no public way to a server's descriptor. */
function fdOf(server: Server): number {
  return (server as unknown as Record<"_handle", { readonly fd: number }>)["_handle"].fd;
}

test("readSocketFds() finds a real listener's descriptor and inode", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const fd = fdOf(server);
    const answer = readSocketFds(process.pid);
    assert.ok("fds" in answer && answer.complete);
    const found = answer.fds.find((each) => each.fd === fd);
    assert.equal(`socket:[${found?.inode}]`, readlinkSync(`/proc/self/fd/${fd}`));
  } finally {
    server.close();
  }
});

test("readSocketFds() looks only below a number, unless the process has no more descriptors than that", async () => {
  const files = Array.from({ length: 100 }, () => openSync("/dev/null", "r"));
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const fd = fdOf(server);
    assert.ok(fd > 64);
    const low = readSocketFds(process.pid, { below: 64 });
    assert.ok("fds" in low && !low.complete && low.fds.every((each) => each.fd < 64));
    const whole = readSocketFds(process.pid, { below: 5000 });
    assert.ok("fds" in whole && whole.complete && whole.fds.some((each) => each.fd === fd));
  } finally {
    for (const file of files) closeSync(file);
    server.close();
  }
});

test("readSocketFds() reads the low descriptors by readlinkat(2) as it reads them by their paths", async (context) => {
  const native = loadLibc();
  if ("why" in native) return context.skip(native.why);
  const readLowSockets = readLowSocketsByLibc(native.libc);
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const below = fdOf(server) + 1;
    const asked = { roots: { ...SYSTEM_ROOTS, proc: "/proc" }, below };
    const low = readSocketFds(process.pid, { ...asked, readLowSockets });
    assert.deepEqual(low, readSocketFds(process.pid, asked));
    const from = below - 1;
    const last = readSocketFds(process.pid, { ...asked, from, readLowSockets });
    assert.deepEqual(last, readSocketFds(process.pid, { ...asked, from }));
    assert.ok("fds" in last && last.fds.length === 1 && last.fds[0]?.fd === from);
    assert.ok("fds" in low && low.fds.some(({ fd }) => fd === below - 1));
  } finally {
    server.close();
  }
  const child = spawn("true", { stdio: "ignore" });
  await once(child, "exit");
  assert.equal(readLowSockets(`/proc/${child.pid}/fd`, 0, 8), 2, "ENOENT");
});

test("readSocketFds() answers ENOENT for a process that is gone", async () => {
  const child = spawn("true", { stdio: "ignore" });
  await once(child, "exit");
  assert.deepEqual(readSocketFds(child.pid!), { errno: "ENOENT" });
  assert.deepEqual(readSocketFds(child.pid!, { below: 8 }), { errno: "ENOENT" });
});

test("readSocketFds() answers ENOENT when the process dies between listing and reading", async () => {
  const child = spawn("sleep", ["60"], { stdio: "ignore" });
  await once(child, "spawn");
  const exit = once(child, "exit");
  child.kill("SIGKILL");
  await exit;
  // The listing is this process' own, the links are the dead one's.
  const answer = readSocketFds(process.pid, {
    readLink: (path) => readLinkByFs(path.replace(`/${process.pid}/`, `/${child.pid}/`)),
  });
  assert.ok("fds" in answer && answer.fds.length === 0, "descriptors that vanish are left out while the process lives");
  assert.deepEqual(
    readSocketFds(process.pid, { readLink: () => 3 }),
    { errno: "ENOENT" },
    "ESRCH: it has no descriptors any more",
  );
});

test("readSocketFds() passes a refusal on", () => {
  assert.deepEqual(readSocketFds(process.pid, { readLink: () => 13 }), { errno: "EACCES" });
});

test("readSocketFds() leaves no trace in Error.stackTraceLimit", () => {
  const before = Error.stackTraceLimit;
  readSocketFds(0x3fffffff);
  assert.equal(Error.stackTraceLimit, before);
});
