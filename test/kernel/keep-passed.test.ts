// Programs that are handed their sockets as they start: the ones of systemd's protocol, without a filter; and what else they are handed.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { connect } from "node:net";
import { once } from "node:events";
import { mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { PassedSocket, PreparedProgram, ProgramOptions, StartedProgram } from "../../src/host/keeping.ts";
import { LinuxKeeping } from "../../src/host/linux/linux-keeping.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { STATIC_C, cProgram } from "./c-program.ts";
import { RUNS_32_BITS, write32 } from "./elf32.ts";
import { HAS_PYTHON, PYTHON } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const PROGRAMS = join(import.meta.dirname, "../programs");
const SOURCES = join(import.meta.dirname, "../../../test/programs");
const OPTIONS = { backlog: 64, reuseAddr: true, reusePort: false };

function keeping(s: Story): LinuxKeeping {
  const native = loadLibc();
  if ("why" in native) throw new Error(native.why);
  const host = new LinuxKeeping(native);
  s.atEnd(() => host.close());
  return host;
}

function listener(s: Story, host: LinuxKeeping, address: string, port: number): PassedSocket {
  const family = address.includes(":") ? "ipv6" : "ipv4";
  const socket = host.bindListener({ protocol: "tcp", family, address, port, scopeIndex: 0 }, OPTIONS);
  assert.ok(!("errno" in socket), JSON.stringify(socket));
  s.atEnd(() => socket.close());
  return socket;
}

async function prepared(s: Story, host: LinuxKeeping, program: ProgramOptions): Promise<PreparedProgram> {
  const ready = await host.prepare(program);
  assert.ok(!("errno" in ready), JSON.stringify(ready));
  s.atEnd(async () => {
    ready.discard();
    await ready.ended;
  });
  return ready;
}

async function started(ready: PreparedProgram): Promise<StartedProgram> {
  const program = await ready.start();
  assert.ok(!("errno" in program), JSON.stringify(program));
  return program;
}

/** Connects now; `answer` settles with all that the server says. */
async function guest(port: number, host = "127.0.0.1"): Promise<{ readonly answer: Promise<string> }> {
  const socket = connect(port, host);
  await once(socket, "connect");
  let text = "";
  socket.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  return { answer: once(socket, "close").then(() => text.trimEnd()) };
}

const SERVERS = [
  { name: "Node", command: process.execPath, source: join(PROGRAMS, "takes-sockets.js"), needs: [] },
  { name: "Python", command: PYTHON, source: join(SOURCES, "takes-sockets.py"), needs: [HAS_PYTHON] },
];

for (const { name, command, source, needs } of SERVERS) {
  test(
    `${name}: each life gets both sockets, and who came while it was down is served`,
    story(
      async (s) => {
        const host = keeping(s);
        const sockets = [listener(s, host, "127.0.0.1", 49_200), listener(s, host, "::1", 49_201)];
        const names = ["web", "control:plane"];
        const passed = sockets.map(({ fd }, index) => ({ fd, name: names[index]! }));
        const options: ProgramOptions = { command, args: [source], passed, stdio: ["ignore", 2, 2] };
        let next = await prepared(s, host, options);
        assert.equal(next.noNewPrivs, false);
        for (let life = 1; life <= 3; life++) {
          const [web, control] = [await guest(49_200), await guest(49_201, "::1")];
          assert.equal(sockets[0]!.waitingCount(), 1);
          const program = await started(next);
          assert.equal(await web.answer, `web ${program.pid}`);
          assert.equal(await control.answer, `control_plane ${program.pid}`);
          assert.doesNotMatch(readFileSync(`/proc/${program.pid}/status`, "utf8"), /^Seccomp_filters:\t[1-9]/m);
          // The next one is ready before the first dies, as the keeper has it; it is no holder.
          next = await prepared(s, host, options);
          await until("the program has it", () => host.findHolder(sockets[0]!.inode)?.pid === program.pid);
          program.signal("SIGKILL");
          assert.deepEqual(await program.ended, { signal: "SIGKILL" });
          assert.equal(host.findHolder(sockets[0]!.inode), undefined);
        }
        assert.equal(sockets[0]!.stopListening(), "ok");
        await assert.rejects(guest(49_200), /ECONNREFUSED/);
        assert.equal(sockets[0]!.listen(64), "ok");
        const late = await guest(49_200);
        const program = await started(next);
        assert.equal(await late.answer, `web ${program.pid}`);
      },
      ...needs,
    ),
  );
}

test(
  "nothing but what is passed is open in the program, with a filter or without, and LISTEN_* say what it is",
  story(async (s) => {
    const host = keeping(s);
    const sockets = [1, 2, 3].map((index) => listener(s, host, "127.0.0.1", 7000 + index));
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    const openOf = (lines: readonly string[]): string[] =>
      lines.flatMap((line) => /^descriptor (\d+)/.exec(line)?.[1] ?? []).sort();
    const plain = openOf(spawnSync(cProgram("print-state"), { encoding: "utf8" }).stdout.split("\n"));
    const calls = { onBind: () => undefined, onListen: () => undefined, onLastGone: () => undefined };
    // The second under a filter: so the first life's notification descriptor is among what its launcher has.
    for (const [index, more] of [{}, { calls }, { calls }, {}].entries()) {
      const file = join(folder, `${index}`);
      const passed = sockets.map(({ fd }, at) => ({ fd, name: `s${at}` }));
      const ready = await prepared(s, host, {
        command: cProgram("print-state"),
        args: [],
        passed,
        stdio: ["ignore", openSync(file, "w"), 2],
        env: { LISTEN_FDS: "77", OTHER: "x" },
        ...more,
      });
      const program = await started(ready);
      await program.ended;
      const lines = readFileSync(file, "utf8").split("\n");
      assert.deepEqual(openOf(lines), ["3", "4", "5", ...plain].sort(), lines.join("\n"));
      assert.deepEqual(
        lines.filter((line) => line.startsWith("variable ")),
        ["LISTEN_FDS=3", "OTHER=x", `LISTEN_PID=${program.pid}`, "LISTEN_FDNAMES=s0:s1:s2"].map(
          (one) => `variable ${one}`,
        ),
      );
    }
  }, STATIC_C),
);

test(
  "a program that cannot be started says so also when descriptors were to be passed",
  story(async (s) => {
    const host = keeping(s);
    const { fd } = listener(s, host, "127.0.0.1", 7000);
    const ready = await prepared(s, host, { command: "/nowhere/at-all", args: [], passed: [{ fd, name: "" }] });
    assert.deepEqual(await ready.start(), { errno: "ENOENT", path: "/nowhere/at-all" });
  }),
);

test(
  "a program tells how many bits it has: a 32-bit one is heard nothing of",
  story(async (s) => {
    const host = keeping(s);
    const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
    s.atEnd(() => rmSync(folder, { recursive: true }));
    for (const [command, bits] of [
      [process.execPath, 64],
      [write32(folder), 32],
    ] as const) {
      const program = await started(await prepared(s, host, { command, args: [] }));
      assert.equal(program.bits, bits);
      program.signal("SIGKILL");
      await program.ended;
    }
  }, RUNS_32_BITS),
);

test(
  "an old life that goes on keeps its socket from blocking, the first one after it does not",
  story(async (s) => {
    const host = keeping(s);
    const socket = listener(s, host, "127.0.0.1", 7000);
    const blocks = (): boolean =>
      !/^flags:\t0?\d*4\d{3}$/m.test(readFileSync(`/proc/self/fdinfo/${socket.fd}`, "utf8"));
    const options: ProgramOptions = {
      command: process.execPath,
      args: [join(PROGRAMS, "takes-sockets.js")],
      passed: [{ fd: socket.fd, name: "one" }],
      stdio: ["ignore", 2, 2],
    };
    assert.ok(blocks());
    const first = await started(await prepared(s, host, options));
    await until("Node has made it non-blocking", () => !blocks());
    const second = await started(await prepared(s, host, options));
    assert.ok(!blocks(), "two have it");
    for (const program of [first, second]) {
      program.signal("SIGKILL");
      await program.ended;
    }
    await (await prepared(s, host, { ...options, command: "true", args: [] })).start();
    assert.ok(blocks());
  }),
);

test(
  "bindListener() says which step was refused, and leaves nothing open",
  story(async (s) => {
    const host = keeping(s);
    listener(s, host, "127.0.0.1", 7000);
    const at = { protocol: "tcp", family: "ipv4", address: "127.0.0.1", port: 7000, scopeIndex: 0 } as const;
    assert.deepEqual(host.bindListener(at, OPTIONS), { step: "bind(2)", errno: "EADDRINUSE" });
    assert.deepEqual(host.bindListener({ ...at, address: "203.0.113.7" }, OPTIONS), {
      step: "bind(2)",
      errno: "EADDRNOTAVAIL",
    });
    assert.deepEqual(host.bindListener({ ...at, address: "here" }, OPTIONS), {
      step: "the address here",
      errno: "EINVAL",
    });
    const udp = host.bindListener({ ...at, protocol: "udp" }, OPTIONS);
    assert.ok(!("errno" in udp));
    s.atEnd(() => udp.close());
    assert.equal(udp.place()?.protocol, "udp");
    assert.deepEqual(
      host.bindListener({ ...at, protocol: "udp" }, OPTIONS),
      { step: "bind(2)", errno: "EADDRINUSE" },
      "no SO_REUSEADDR on UDP",
    );
    const both = { ...at, family: "ipv6", address: "::", port: 7001, v6only: true } as const;
    const shared = { ...OPTIONS, reusePort: true };
    for (const socket of [host.bindListener(both, shared), host.bindListener(both, shared)]) {
      assert.ok(!("errno" in socket), JSON.stringify(socket));
      s.atEnd(() => socket.close());
      assert.equal(socket.place()?.v6only, true);
      assert.ok(socket.isListening());
    }
    assert.equal((await s.sockets("state listening")).length, 3);
  }),
);
