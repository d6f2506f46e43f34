// What a service manager hears, at a socket like systemd's: with the credentials of who says it (test/programs/notify-receiver.py).
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { ServiceManager } from "../../src/host/linux/service-manager.ts";
import type { Program } from "./actor.ts";
import { once } from "./needs.ts";
import { CLI, story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const RECEIVER = join(dirname(CLI), "../test/programs/notify-receiver.py");

const PYTHON = once(() => {
  const { status, error } = spawnSync("python3", ["-c", "import socket; socket.CMSG_SPACE"]);
  return status === 0 ? undefined : `probed: python3; ${error?.message ?? `exit ${status}`}`;
});

interface Heard {
  readonly pid: number;
  readonly said: readonly (readonly [string, string])[];
  readonly monotonicUs: number;
}

async function receiver(s: Story, name: string, ...words: string[]): Promise<Program> {
  const program = s.child("python3", [RECEIVER, name, ...words]);
  assert.equal(await program.line(), "bound");
  return program;
}

async function heard(from: Program): Promise<Heard> {
  return JSON.parse(await from.line()) as Heard;
}

function folder(s: Story): string {
  const path = mkdtempSync(join(tmpdir(), "portmortem-notify-"));
  s.atEnd(() => rmSync(path, { recursive: true }));
  return path;
}

for (const kind of ["a path", "an abstract name"])
  test(
    `all that is told arrives in order, in this process' name, at ${kind}`,
    story(async (s) => {
      const name = kind === "a path" ? join(folder(s), "notify") : `@portmortem-${process.pid}`;
      const manager = await receiver(s, name);
      const service = ServiceManager.fromEnvironment({ NOTIFY_SOCKET: name });
      s.atEnd(() => service.close());
      assert.deepEqual([service.isListening, service.problems, service.watchdogMs], [true, [], undefined]);
      const answers = [
        service.status("starts"),
        service.ready("serves on 49200"),
        service.reloading(),
        service.ready(),
        service.mainPid(77),
        service.stopping("é\nREADY=1"),
      ];
      assert.deepEqual(new Set(answers), new Set(["ok"]));
      const all: Heard[] = [];
      while (all.length < answers.length) all.push(await heard(manager));
      assert.deepEqual(new Set(all.map(({ pid }) => pid)), new Set([process.pid]));
      const reloadedUs = Number(all[2]!.said[1]?.[1]);
      assert.ok(reloadedUs <= all[2]!.monotonicUs && all[2]!.monotonicUs - reloadedUs < 60_000_000, "CLOCK_MONOTONIC");
      assert.deepEqual(
        all.map(({ said }) => said),
        [
          [["STATUS", "starts"]],
          [
            ["READY", "1"],
            ["STATUS", "serves on 49200"],
          ],
          [
            ["RELOADING", "1"],
            ["MONOTONIC_USEC", String(reloadedUs)],
          ],
          [["READY", "1"]],
          [["MAINPID", "77"]],
          [
            ["STOPPING", "1"],
            ["STATUS", "é READY=1"],
          ],
        ],
      );
    }, PYTHON),
  );

test(
  "what a busy manager cannot take at once it hears later, in order",
  story(async (s) => {
    const name = join(folder(s), "notify");
    const manager = await receiver(s, name, "hold");
    const service = ServiceManager.fromEnvironment({ NOTIFY_SOCKET: name });
    s.atEnd(() => service.close());
    const most = Number(s.system("cat", "/proc/sys/net/unix/max_dgram_qlen")) + 30;
    for (let number = 0; number < most; number++) assert.equal(service.status(String(number)), "ok");
    manager.say("read");
    for (let number = 0; number < most; number++)
      assert.deepEqual((await heard(manager)).said, [["STATUS", String(number)]]);
  }, PYTHON),
);

test(
  "the watchdog hears of this process while it is alive",
  story(async (s) => {
    const name = join(folder(s), "notify");
    const manager = await receiver(s, name);
    const service = ServiceManager.fromEnvironment({
      NOTIFY_SOCKET: name,
      WATCHDOG_USEC: "20000",
      WATCHDOG_PID: String(process.pid),
    });
    s.atEnd(() => service.close());
    assert.equal(service.watchdogMs, 20);
    let looks = 0;
    service.startWatchdog(() => ++looks <= 3);
    await until("it was looked at while it was not alive", () => looks >= 6);
    service.status("end");
    const words: string[] = [];
    while (words.at(-1) !== "STATUS") words.push((await heard(manager)).said[0]![0]);
    assert.deepEqual(words, ["WATCHDOG", "WATCHDOG", "WATCHDOG", "STATUS"]);
    service.close();
    const after = looks;
    assert.equal(service.ready(), "ok");
    service.startWatchdog(() => ++looks > 0);
    assert.equal(looks, after, "nothing is looked at any more");
  }, PYTHON),
);

test(
  "a manager that is not there is an answer, never an exception",
  story(async (s) => {
    const name = join(folder(s), "notify");
    const at = (address: string): string => ServiceManager.fromEnvironment({ NOTIFY_SOCKET: address }).ready();
    assert.equal(at(name), "ENOENT");
    const manager = await receiver(s, name);
    await manager.kill();
    assert.equal(at(name), "ECONNREFUSED");
    assert.equal(at(`@portmortem-nobody-${process.pid}`), "ECONNREFUSED");
    const none = ServiceManager.fromEnvironment({});
    assert.deepEqual([none.isListening, none.ready(), none.problems], [false, "ok", []]);
    const vsock = ServiceManager.fromEnvironment({ NOTIFY_SOCKET: "vsock:2:1" });
    assert.deepEqual([vsock.isListening, vsock.ready(), vsock.problems.length], [false, "ok", 1]);
  }, PYTHON),
);
