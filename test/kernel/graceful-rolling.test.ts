// An http server that is replaced again and again under load. `FILE_MINUTES=60 ROLLING_RESTARTS=100 npm test -- graceful-rolling` does it a hundred times.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import type { DrainReport } from "../../src/graceful/graceful.ts";
import { AF_INET, SOCK_CLOEXEC, SOCK_STREAM } from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { encodeSockaddr } from "../../src/wire/sockaddr.ts";
import { HttpLoad } from "./http-load.ts";
import { resetsSent } from "./resets-sent.ts";
import { startRun } from "./run-command.ts";
import { story, type Story } from "./story.ts";
import { until } from "./until.ts";

const RESTARTS = Number(process.env["ROLLING_RESTARTS"] ?? 20);
const PORT = 49_200;
const ANSWERS_A_LIFE = 100;
const PROGRAM = join(import.meta.dirname, "../programs/rolling-server.js");

interface Life {
  /** SIGTERM, and all that there is to know once it has ended by itself. */
  end(): Promise<{ readonly status: number | null; readonly report: DrainReport }>;
}

/** A server that listens. `listener`: a descriptor that it inherits. */
async function begin(s: Story, listener?: number): Promise<Life> {
  const handOver = listener === undefined ? "" : "LISTEN_PID=$$ LISTEN_FDS=1";
  const way = listener === undefined ? "reuseport" : "inherited";
  const child = spawn("sh", ["-c", `${handOver} exec "$@"`, "sh", process.execPath, PROGRAM, way, String(PORT)], {
    stdio: ["ignore", "pipe", "inherit", ...(listener === undefined ? [] : [listener])],
  });
  s.atEnd(() => child.kill("SIGKILL"));
  const lines: string[] = [];
  createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  await until("the server is ready", () => lines.includes("ready"));
  return {
    end: async () => {
      child.kill("SIGTERM");
      const status = await ended;
      return { status, report: JSON.parse(lines.at(-1) ?? "null") as DrainReport };
    },
  };
}

/** The same under `portmortem run`, which ends the predecessor by itself once the successor listens. */
function keptBySignal(s: Story): () => Promise<Life> {
  const run = startRun(s, ["--", process.execPath, PROGRAM, "kept", String(PORT)]);
  const reports = (): readonly string[] => run.output.filter((line) => line.startsWith("{"));
  let lives = 0;
  return async () => {
    const nth = ++lives;
    if (nth > 1) run.signal("SIGHUP");
    await until(`life ${nth} is ready`, () => run.output.filter((line) => line === "ready").length >= nth, 20_000);
    return {
      end: async () => {
        if (nth === lives) run.signal("SIGTERM");
        const line = await until(`report ${nth}`, () => reports()[nth - 1], 30_000);
        const { end } = await run.told("ended", nth);
        return { status: "status" in end ? end.status : null, report: JSON.parse(line) as DrainReport };
      },
    };
  };
}

/** Replaces it under load, and holds the promise against what the clients and the kernel saw. */
async function roll(s: Story, beginNext: () => Promise<Life>): Promise<void> {
  let life = await beginNext();
  const load = new HttpLoad(PORT, { keepAlive: 6, perRequest: 6 });
  const total = { connections: 0, closedByUs: 0, aborted: 0, timeWaitLeft: 0 };
  for (let restart = 1; restart <= RESTARTS; restart++) {
    const from = load.answered;
    await until(`answers before restart ${restart}`, () => load.answered >= from + ANSWERS_A_LIFE);
    const next = await beginNext();
    const { status, report } = await life.end();
    assert.equal(status, 0);
    for (const name of ["connections", "closedByUs", "aborted", "timeWaitLeft"] as const)
      total[name] += report[name] ?? 0;
    life = next;
  }
  await load.stop();
  assert.deepEqual(Object.fromEntries(load.failures), {}, `of ${load.answered} answered`);
  assert.ok(total.connections >= RESTARTS, "there was something to drain");
  assert.deepEqual({ ...total, connections: 0 }, { connections: 0, closedByUs: 0, aborted: 0, timeWaitLeft: 0 });
  assert.equal((await s.sockets(`state time-wait and sport = :${PORT}`)).length, 0);
  assert.equal(resetsSent(), 0);
  await life.end();
}

test(
  `${RESTARTS} rolling restarts with one inherited listener: no request fails, nothing is reset, no TIME-WAIT is left`,
  story(async (s) => {
    const loaded = loadLibc();
    assert.ok(!("why" in loaded));
    const { libc } = loaded;
    const listener = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    s.atEnd(() => libc.close(listener));
    const address = encodeSockaddr("127.0.0.1", PORT)!;
    assert.equal(libc.bind(listener, address, address.length), 0);
    assert.equal(libc.listen(listener, 511), 0);
    await roll(s, () => begin(s, listener));
  }),
);

test(
  `${RESTARTS} rolling restarts with SO_REUSEPORT and net.ipv4.tcp_migrate_req: likewise`,
  story(async (s) => {
    // Those who wait in the queue of the listener that is closed, and those whose handshake is not over, are given to the other one.
    if (process.env["ROLLING_MIGRATE"] !== "0") writeFileSync("/proc/sys/net/ipv4/tcp_migrate_req", "1");
    await roll(s, () => begin(s));
  }),
);

test(
  `${RESTARTS} hand-overs of \`portmortem run\`: likewise`,
  story((s) => roll(s, keptBySignal(s))),
);
