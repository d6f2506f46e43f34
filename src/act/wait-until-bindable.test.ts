import assert from "node:assert/strict";
import { test } from "node:test";
import type { Host } from "../host/host.ts";
import { createFakeHost, listener, program } from "../testing/testing.ts";
import { waitUntilBindable } from "./wait-until-bindable.ts";

function endServer(host: Host): void {
  assert.ok(!("unable" in host.actions));
  const server = host.actions.openProcess({ pid: 812, startTicks: host.process(812)!.startTicks });
  assert.ok(!("errno" in server));
  server.signal("SIGTERM");
}

const served = (): Host =>
  createFakeHost({ processes: [program("nginx", { pid: 812, sockets: [listener({ port: 8080 })] })] });

test("waitUntilBindable() answers at once for a free port", async () => {
  const { bindable } = await waitUntilBindable(8081, { host: served() });
  assert.equal(bindable, true);
});

test("waitUntilBindable() answers once the listener is gone", async () => {
  const host = served();
  let looks = 0;
  const answer = await waitUntilBindable(8080, {
    host,
    onWaiting: ({ blockers }, freeInMs) => {
      assert.deepEqual([blockers[0]?.rule, freeInMs], ["listener", undefined]);
      if (++looks === 3) endServer(host);
    },
  });
  assert.deepEqual([answer.bindable, looks], [true, 3]);
});

test("waitUntilBindable() gives up when the time is up, with what is in the way", async () => {
  const { bindable, blockers } = await waitUntilBindable(8080, { host: served(), timeoutMs: 60 });
  assert.deepEqual([bindable, blockers[0]?.rule], [false, "listener"]);
});

test("waitUntilBindable() does not wait for a right", async () => {
  const host = createFakeHost({ system: { uid: 1000 } });
  const { bindable, blockers } = await waitUntilBindable(80, { host });
  assert.deepEqual([bindable, blockers[0]?.rule], [false, "privileged-port"]);
});

test("waitUntilBindable() binds only with a reason: not while all that is in the way is there", async () => {
  const base = served();
  let binds = 0;
  const host = new Proxy(base, {
    get: (target, name: keyof Host) => {
      const value: unknown = target[name];
      if (name === "probeBind") binds++;
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
  let looks = 0;
  let asked = 0;
  await waitUntilBindable(8080, {
    host,
    timeoutMs: 500,
    onWaiting: () => {
      if (looks++ === 0) asked = binds;
      else assert.equal(binds, asked, "a look is no bind");
    },
  });
  assert.ok(looks > 3);
});

test("waitUntilBindable() ends with the signal's reason", async () => {
  const abort = new AbortController();
  const waiting = waitUntilBindable(8080, {
    host: served(),
    signal: abort.signal,
    onWaiting: () => abort.abort(new Error("enough")),
  });
  await assert.rejects(waiting, /enough/);
});

test("waitUntilBindable() refuses options that it does not have", async () => {
  const misspelt = { host: served(), timeoutms: 5 };
  await assert.rejects(waitUntilBindable(8080, misspelt), { code: "PM_USAGE", hint: "did you mean timeoutMs?" });
});
