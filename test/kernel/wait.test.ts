// `portmortem wait` against the running kernel: the moment at which a bind works is found by a loop of binds, and compared.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { drop } from "../../src/act/drop.ts";
import { waitUntilBindable } from "../../src/act/wait-until-bindable.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { readText } from "../../src/host/linux/read-file.ts";
import type { Why } from "../../src/verdict/why.ts";
import { NAMED_NAMESPACES, IP, SECOND_USER } from "./needs.ts";
import { CLI, story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** The promise, and what a busy machine of two processors may add to it beside the time in which this thread waits for its turn. */
const LATE_MS = 100;
const BUSY_MS = 150;

type WaitAnswer = Why & { readonly schema: string };

/** Waits while `end` makes the port free. Answers how long after the first bind that worked it said so. */
async function lateness(
  port: number,
  end: () => Promise<unknown>,
  options: Parameters<typeof waitUntilBindable>[1] = {},
): Promise<{ readonly lateMs: number; readonly answer: Why }> {
  const host = createLinuxHost();
  const waiting = new Promise<void>((resolve) => (told = resolve));
  const found = waitUntilBindable(`127.0.0.1:${port}`, {
    reuseAddr: false,
    timeoutMs: 20_000,
    ...options,
    onWaiting: () => told(),
  }).then((answer) => ({ answer, at: ownTimeMs() }));
  await waiting;
  const begun = end();
  const attempt = { protocol: "tcp", address: "127.0.0.1", port, reuseAddr: false, reusePort: false } as const;
  // What else this process has to do gets its turns between the binds.
  let worked: number | undefined;
  const loop = (async () => {
    while (worked === undefined) {
      const answer = host.probeBind(attempt);
      if ("result" in answer && answer.result === "ok") worked = ownTimeMs();
      else await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await Promise.all([begun, loop]);
  const { answer, at } = await found;
  return { lateMs: at - worked!, answer };
}
let told: () => void = () => undefined;

/** A clock that stands still while others have the processors: of /proc/PID/schedstat the second number, in nanoseconds (sched_run_delay). */
function ownTimeMs(): number {
  const [, waitedNs = 0] = (readText("/proc/thread-self/schedstat") ?? "").split(" ").map(Number);
  return performance.now() - waitedNs / 1e6;
}

function assertInTime({ lateMs, answer }: { readonly lateMs: number; readonly answer: Why }): void {
  assert.equal(answer.bindable, true);
  assert.deepEqual(answer.attempts[0]?.by, "probe");
  assert.ok(lateMs > -LATE_MS && lateMs < LATE_MS + BUSY_MS, `${lateMs} ms after the first bind that worked`);
}

async function timeWait(s: Story, port: number): Promise<void> {
  const server = s.actor();
  const client = s.actor();
  const listener = await server.listen(`127.0.0.1:${port}`);
  const fd = await client.connect(`127.0.0.1:${port}`);
  const accepted = await server.accept(listener);
  await server.close(listener);
  await server.close(accepted);
  await client.close(fd);
  await s.socket(`state time-wait sport = :${port}`);
}

test(
  "a listener whose program is killed",
  story(async (s) => {
    const server = s.actor();
    await server.listen("127.0.0.1:48301");
    assertInTime(await lateness(48_301, () => server.kill()));
  }),
);

test(
  "a listener that is closed while its program goes on",
  story(async (s) => {
    const server = s.actor();
    const fd = await server.listen("127.0.0.1:48302");
    assertInTime(await lateness(48_302, () => server.close(fd)));
  }),
);

test(
  "a listener that two processes share: the last one counts",
  story(async (s) => {
    const server = s.actor();
    const fd = await server.listen("127.0.0.1:48303");
    const heir = await server.call("bequeath", { fd });
    s.atEnd(() => process.kill(heir, "SIGKILL"));
    assertInTime(
      await lateness(48_303, async () => {
        await server.kill();
        assert.equal((await s.sockets("state listening sport = :48303")).length, 1);
        process.kill(heir, "SIGKILL");
        s.atEnd(() => undefined);
      }),
    );
  }),
);

test(
  "a socket that is only bound",
  story(async (s) => {
    const holder = s.actor();
    const fd = await holder.bound("127.0.0.1:48304");
    assertInTime(await lateness(48_304, () => holder.close(fd)));
  }),
);

test(
  "a FIN-WAIT-2 that ends by the kernel's own clock",
  story(async (s) => {
    s.system("sh", "-c", "echo 2 > /proc/sys/net/ipv4/tcp_fin_timeout");
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:48305");
    await s.actor().connect("127.0.0.1:48305");
    const accepted = await server.accept(listener);
    await server.close(listener);
    await server.close(accepted);
    await s.socket("state fin-wait-2 sport = :48305");
    assertInTime(await lateness(48_305, async () => undefined));
  }),
);

test(
  "a TIME-WAIT that somebody clears before its time, of which the kernel tells nobody",
  story(async (s) => {
    await timeWait(s, 48_306);
    assertInTime(await lateness(48_306, () => drop({ filter: "state time-wait sport = :48306" })));
  }),
);

test(
  "a listener that leaves a TIME-WAIT behind: it goes on waiting, and says for what",
  story(async (s) => {
    const server = s.actor();
    const client = s.actor();
    const listener = await server.listen("127.0.0.1:48307");
    const fd = await client.connect("127.0.0.1:48307");
    await server.accept(listener);
    const rules: string[] = [];
    const abort = new AbortController();
    const waiting = waitUntilBindable("127.0.0.1:48307", {
      reuseAddr: false,
      signal: abort.signal,
      onWaiting: ({ blockers }, freeInMs) => rules.push(`${blockers[0]?.rule} ${freeInMs === undefined}`),
    });
    await until("it waits", () => rules.includes("listener true"));
    await server.kill();
    await client.close(fd);
    await until("it waits for what is left", () => rules.includes("time-wait false"));
    abort.abort(new Error("enough"));
    await assert.rejects(waiting, /enough/);
  }),
);

test(
  "a free port is free at once; a time that is up is exit status 1, with what is in the way",
  story(async (s) => {
    const free = await s.command<WaitAnswer>(["wait", "48308", "--json"]);
    assert.deepEqual([free.status, free.json.schema, free.json.bindable], [0, "portmortem.wait/1", true]);
    await s.actor().listen("127.0.0.1:48308");
    const taken = await s.command<WaitAnswer>(["wait", "48308", "--timeout", "300ms", "--json"]);
    assert.deepEqual([taken.status, taken.json.bindable], [1, false]);
    assert.deepEqual(
      taken.json.blockers.map(({ rule }) => rule),
      ["listener"],
    );
  }),
);

test(
  "the options of the bind count: with SO_REUSEADDR on both sides a TIME-WAIT is no reason to wait",
  story(async (s) => {
    await timeWait(s, 48_309);
    const without = await s.command<WaitAnswer>(["wait", "48309", "--no-reuse-addr", "--timeout", "200ms", "--json"]);
    assert.equal(without.status, 1);
    const udp = await s.command<WaitAnswer>(["wait", "48309", "--udp", "--timeout", "200ms", "--json"]);
    assert.equal(udp.status, 0);
  }),
);

test(
  "as whom it was waited for is said, where that is another",
  story(async (s) => {
    const { status, text } = await s.command(["wait", "127.0.0.1:48031", "--user", "65534"]);
    assert.equal(status, 0);
    assert.match(text, /^port 48031 is free: 127\.0\.0\.1 can be bound as uid 65534, /);
  }, SECOND_USER),
);

test(
  "a UDP port",
  story(async (s) => {
    const holder = s.actor();
    const fd = await holder.bound("127.0.0.1:48310", { type: "dgram" });
    const waiting = waitUntilBindable({ address: "127.0.0.1", port: 48_310, protocol: "udp" }, { timeoutMs: 10_000 });
    await holder.close(fd);
    assert.equal((await waiting).bindable, true);
  }),
);

test(
  "in another namespace",
  story(
    async (s) => {
      const name = `portmortem-wait-${process.pid}`;
      s.system("ip", "netns", "add", name);
      s.atEnd(() => s.system("ip", "netns", "delete", name));
      s.system("ip", "-n", name, "link", "set", "lo", "up");
      const there = s.actorIn(`/run/netns/${name}`);
      await there.listen("127.0.0.1:48311");
      await s.actor().listen("127.0.0.1:48311");
      const seen: Why[] = [];
      const waiting = waitUntilBindable("48311", {
        netns: name,
        timeoutMs: 10_000,
        onWaiting: (answer) => seen.push(answer),
      });
      await until("it waits", () => seen.length > 0);
      await there.kill();
      assert.equal((await waiting).bindable, true);
    },
    IP,
    NAMED_NAMESPACES,
  ),
);

test(
  "what time does not bring is not waited for: a privileged port is exit status 3 at once",
  story(async (s) => {
    const { status, json } = await s.command<WaitAnswer>(["wait", "80", "--user", "65534", "--json"]);
    assert.equal(status, 3);
    assert.deepEqual(
      json.blockers.map(({ rule }) => rule),
      ["privileged-port"],
    );
  }),
);

test(
  "Ctrl-C ends it with 130, and says that the port is still taken",
  story(async (s) => {
    await s.actor().listen("127.0.0.1:48312");
    const child = spawn(process.execPath, [CLI, "wait", "48312"], { stdio: ["ignore", "pipe", "pipe"] });
    s.atEnd(() => child.kill("SIGKILL"));
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (piece: string) => (said += piece));
    const ended = new Promise<number | null>((resolve) => child.on("close", resolve));
    await until("it hears signals", () => {
      // SigCgt: the signals that are caught. Node catches SIGINT from the start, SIGHUP only we.
      const caught = /^SigCgt:\s+([0-9a-f]+)/m.exec(s.system("cat", `/proc/${child.pid}/status`))?.[1] ?? "0";
      return (BigInt(`0x${caught}`) & 1n) !== 0n;
    });
    child.kill("SIGINT");
    assert.equal(await ended, 130);
    assert.match(said, /interrupted: port 48312 is still taken/);
  }),
);
