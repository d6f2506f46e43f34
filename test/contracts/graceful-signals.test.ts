// What shutdownOnSignals() promises, with real processes and real signals.
import assert from "node:assert/strict";
import http from "node:http";
import type net from "node:net";
import { after, describe, test } from "node:test";
import { shutdownOnSignals } from "../../src/graceful/graceful.ts";
import type { GracefulScene } from "../programs/graceful-server.ts";
import { ask, GracefulChild, outcome } from "./graceful-child.ts";
import { until } from "../kernel/until.ts";

const LONG_MS = 60_000;
const ONE = [{ host: "127.0.0.1" }];
const PATIENT = { graceMs: LONG_MS, idleMs: LONG_MS, lingerMs: LONG_MS };

const started: GracefulChild[] = [];
after(async () => {
  for (const child of started) await child.kill();
});
function start(scene: GracefulScene): GracefulChild {
  const child = new GracefulChild({ listen: ONE, ...scene });
  started.push(child);
  return child;
}

describe("shutdownOnSignals()", { timeout: 60_000 }, () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const)
    test(`drains on ${signal}: no response is lost, and the status is 0`, async () => {
      const child = start({ shutdown: PATIENT });
      const port = await child.port();
      const agent = new http.Agent({ keepAlive: true });
      const answer = ask(port, "/held", agent);
      await child.event("asked");
      child.child.kill(signal);
      assert.equal((await child.event("begins"))["signal"], signal);
      await until("it refuses", async () => (await outcome(port)) === "ECONNREFUSED");
      assert.equal(child.of("drained").length, 0);
      child.finish();
      assert.deepEqual(await answer, { text: `${child.pid} /held`, connection: "close" });
      assert.deepEqual(await child.ended, { code: 0, signal: null });
      assert.deepEqual(
        child.events.slice(-3).map(({ event }) => event),
        ["drained", "done", "exit"],
      );
      assert.equal((await child.event("done"))["hasty"], false);
      agent.destroy();
    });

  test("hurries on the second signal, and still ends what is answered in time", async () => {
    const child = start({ shutdown: { ...PATIENT, hastyGraceMs: 400 } });
    const port = await child.port();
    const never = outcome(port, "/never");
    await child.event("asked");
    const later = outcome(port, "/later");
    await child.event("asked", 2);
    child.child.kill("SIGTERM");
    await until("it refuses", async () => (await outcome(port)) === "ECONNREFUSED");
    await new Promise((resolve) => setTimeout(resolve, 60));
    child.child.kill("SIGINT");
    assert.equal(await later, "answered");
    assert.equal(await never, "ECONNRESET");
    assert.deepEqual(await child.ended, { code: 0, signal: null });
    assert.equal((await child.event("drained"))["aborted"], 1);
    assert.equal((await child.event("done"))["hasty"], true);
  });

  test("takes what comes at the same moment for one: npm passes on what the terminal has sent already", async () => {
    const child = start({ shutdown: { ...PATIENT, hastyGraceMs: 0 } });
    const port = await child.port();
    const answer = outcome(port, "/held");
    await child.event("asked");
    child.child.kill("SIGINT");
    child.child.kill("SIGTERM");
    await until("it refuses", async () => (await outcome(port)) === "ECONNREFUSED");
    child.finish();
    assert.equal(await answer, "answered");
    await child.ended;
    assert.equal((await child.event("done"))["hasty"], false);
  });

  test("ends at once on the third signal, by it", async () => {
    const child = start({ shutdown: { ...PATIENT, hastyGraceMs: LONG_MS } });
    const never = outcome(await child.port(), "/never");
    await child.event("asked");
    for (let count = 0; count < 3; count++) {
      child.child.kill("SIGTERM");
      await new Promise((resolve) => setTimeout(resolve, 80));
    }
    assert.deepEqual(await child.ended, { code: null, signal: "SIGTERM" });
    assert.equal(await never, "ECONNRESET");
  });

  test("still accepts clients for readinessMs after beforeDrain", async () => {
    const child = start({ shutdown: { ...PATIENT, readinessMs: 300 } });
    const port = await child.port();
    child.child.kill("SIGTERM");
    await child.event("begins");
    assert.equal(await outcome(port), "answered");
    await until("it refuses", async () => (await outcome(port)) === "ECONNREFUSED");
    assert.deepEqual(await child.ended, { code: 0, signal: null });
  });

  test("waits for a hook no longer than hookMs", async () => {
    const child = start({ hangs: true, shutdown: { ...PATIENT, hookMs: 50 } });
    await child.port();
    child.child.kill("SIGTERM");
    assert.deepEqual(await child.ended, { code: 0, signal: null });
  });

  test("a second signal ends the waiting for beforeDrain", async () => {
    const child = start({ hangs: true, shutdown: { ...PATIENT, hookMs: LONG_MS } });
    await child.port();
    child.child.kill("SIGTERM");
    await child.event("begins");
    await new Promise((resolve) => setTimeout(resolve, 60));
    child.child.kill("SIGTERM");
    assert.deepEqual(await child.ended, { code: 0, signal: null });
  });

  test("keeps process.exitCode; a hook that fails is status 1", async () => {
    const set = start({ exitCode: 7 });
    const failing = start({ fails: true });
    const both = start({ fails: true, exitCode: 7 });
    for (const [child, code] of [
      [set, 7],
      [failing, 1],
      [both, 7],
    ] as const) {
      await child.port();
      child.child.kill("SIGTERM");
      assert.deepEqual(await child.ended, { code, signal: null });
    }
    assert.equal((await failing.event("done"))["hooks"], 1);
  });

  test("ends a process that something else keeps, unless it is told not to", async () => {
    const ends = start({ isHeld: true, shutdown: { exitMs: 0 } });
    const stays = start({ isHeld: true, shutdown: { exitMs: false } });
    await ends.port();
    await stays.port();
    ends.child.kill("SIGTERM");
    stays.child.kill("SIGTERM");
    assert.deepEqual(await ends.ended, { code: 0, signal: null });
    await stays.event("done");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(stays.of("exit").length, 0);
  });

  test("leaves the signals to Node again after remove()", async () => {
    const child = start({ removes: true });
    await child.port();
    child.child.kill("SIGTERM");
    assert.deepEqual(await child.ended, { code: null, signal: "SIGTERM" });
  });

  test("refuses what is no server, and adds no handler then", () => {
    const before = process.listenerCount("SIGTERM");
    assert.throws(() => shutdownOnSignals({} as net.Server), { code: "PM_USAGE" });
    assert.throws(() => shutdownOnSignals([], { readinessMs: -1 }), { code: "PM_USAGE" });
    assert.throws(() => shutdownOnSignals([], { exitMs: Number.NaN }), { code: "PM_USAGE" });
    const shutdown = shutdownOnSignals([]);
    assert.equal(process.listenerCount("SIGTERM"), before + 1);
    assert.equal(shutdown.begun, false);
    shutdown.remove();
    assert.equal(process.listenerCount("SIGTERM"), before);
  });
});

describe("shutdownOnSignals() in a cluster", { timeout: 60_000 }, () => {
  const CLUSTER = { listen: [{ host: "127.0.0.1", port: 0 }], shutdown: PATIENT };

  for (const share of [false, true]) {
    const how = share ? "shared" : "round robin";
    test(`Ctrl-C drains workers and primary: ${how}`, async () => {
      const child = start({ ...CLUSTER, cluster: { workers: 2, share, primary: {} } });
      await child.event("listening", 2);
      const answer = outcome(await child.port(), "/later");
      await child.event("asked");
      child.signalAll("SIGINT");
      assert.equal(await answer, "answered");
      assert.deepEqual(await child.ended, { code: 0, signal: null });
      assert.deepEqual(
        child.of("worker ended").map(({ code, signal }) => ({ code, signal })),
        [
          { code: 0, signal: null },
          { code: 0, signal: null },
        ],
      );
      assert.ok(child.of("done").every(({ hasty }) => hasty === false));
    });

    test(`a signal to the primary alone drains the workers, too: ${how}`, async () => {
      const child = start({ ...CLUSTER, cluster: { workers: 2, share, primary: {} } });
      await child.event("listening", 2);
      const answer = outcome(await child.port(), "/later");
      await child.event("asked");
      child.child.kill("SIGTERM");
      assert.equal(await answer, "answered");
      assert.deepEqual(await child.ended, { code: 0, signal: null });
      assert.equal(child.of("done").length, 2);
    });

    test(`a worker ends its responses also when the primary is gone: ${how}`, async () => {
      const child = start({ ...CLUSTER, cluster: { workers: 1, share } });
      const { pid } = await child.event("listening");
      const answer = outcome(await child.port(), "/later");
      await child.event("asked");
      process.kill(pid, "SIGTERM");
      await child.event("begins");
      child.child.kill("SIGKILL");
      assert.equal(await answer, "answered");
      assert.equal((await child.event("exit"))["code"], 0);
    });
  }

  test("workers that do not end are killed", async () => {
    const child = start({ ...CLUSTER, cluster: { workers: 1, primary: { graceMs: 50, hookMs: 20 } } });
    const never = outcome(await child.port(), "/never");
    await child.event("asked");
    child.child.kill("SIGTERM");
    assert.deepEqual(await child.ended, { code: 0, signal: null });
    assert.equal((await child.event("worker ended"))["signal"], "SIGKILL");
    assert.equal(await never, "ECONNRESET");
  });
});

test("a log that throws keeps nobody from ending in order", async () => {
  const error = new Error("the log is full");
  const log = (): void => {
    throw error;
  };
  const { exitCode } = process;
  const shutdown = shutdownOnSignals([], { signals: ["SIGHUP"], exitMs: false, log });
  process.emit("SIGHUP", "SIGHUP");
  const { hookErrors } = await shutdown.done;
  shutdown.remove();
  process.exitCode = exitCode;
  assert.equal(hookErrors?.[0], error);
});
