// guard() of the published files, each way: what they load later is found, and without the native part the report says what is not set.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { dirname } from "node:path";
import { test } from "node:test";
import type { GuardReport } from "../../src/graceful/graceful.ts";
import { CLI } from "./command.ts";

const SCENE = `
  const net = process.getBuiltinModule("node:net");
  const server = net.createServer().listen(0, "127.0.0.1", () => net.connect(server.address().port, "127.0.0.1").unref());
  const keepAlive = { idleMs: 5000, intervalMs: 2000, probes: 3 };
  const heartbeat = { everyMs: 5000, timeoutMs: 5000, send: (socket) => socket.write("?") };
  const guarded = guard(server, { keepAlive, userTimeoutMs: 9000, heartbeat });
  server.once("connection", async (socket) => {
    socket.unref();
    server.unref();
    // Only the guard's timer is left, and that keeps nobody.
    process.stdout.write(JSON.stringify(await guarded.report()));
  });
`;
const WAYS = {
  import: ["--input-type=module", "-e", `import { guard } from "portmortem/graceful";${SCENE}`],
  require: ["--input-type=commonjs", "-e", `const { guard } = require("portmortem/graceful");${SCENE}`],
};

function reported(way: keyof typeof WAYS, env: NodeJS.ProcessEnv = {}): GuardReport {
  const { stdout, stderr, status } = spawnSync(process.execPath, WAYS[way], {
    cwd: dirname(CLI),
    encoding: "utf8",
    env: { ...process.env, ...env },
    timeout: 20_000,
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as GuardReport;
}

for (const way of ["import", "require"] as const)
  test(`guard() by ${way} loads what it needs when it needs it`, () => {
    const { options, connections } = reported(way);
    assert.deepEqual(options.userTimeoutMs, { by: "setsockopt", value: 9000 });
    assert.equal(options.keepAliveProbes?.value, 3);
    assert.equal(connections, 1);
  });

test("guard() without the native part says what is not set, and what is in force instead", () => {
  const { options, bound } = reported("import", { PORTMORTEM_NO_FFI: "1" });
  const why = "PORTMORTEM_NO_FFI=1 is set";
  assert.deepEqual(options.userTimeoutMs, { by: "nobody", why });
  assert.deepEqual(options.keepAliveIdleMs, { by: "node", value: 5000 });
  if (options.keepAliveIntervalMs?.by === "nobody") {
    assert.deepEqual(options.keepAliveIntervalMs, { by: "nobody", why, value: 1000 });
    assert.deepEqual(options.keepAliveProbes, { by: "nobody", why, value: 10 });
  }
  // By heartbeat; the kernel's part is not bounded where data is in flight.
  assert.equal(bound.unacknowledgedMs, 5000 + 5000 + 625);
});
