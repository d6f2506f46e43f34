// Which sockets are kept, given back, and let go: an actor makes each call by hand, is killed, and makes them again.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { ActorCalls } from "../programs/socket-actor.ts";
import type { KeepLine } from "../programs/keep.ts";
import { KeptProgram } from "./kept-program.ts";
import type { KeptOptions } from "./kept-program.ts";
import { SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const ACTOR = join(import.meta.dirname, "../programs/socket-actor.js");

function keptActor(s: Story, options: KeptOptions = {}): KeptProgram {
  const kept = new KeptProgram(options, process.execPath, ACTOR);
  s.atEnd(() => kept.end());
  return kept;
}

type SocketCall = Parameters<ActorCalls["socket"]>[0];

async function bind(kept: KeptProgram, to: string, options: Partial<SocketCall> = {}): Promise<number | string> {
  const fd = await kept.call("socket", { family: to.startsWith("[") ? "ipv6" : "ipv4", ...options });
  assert.ok(typeof fd === "number", `${fd}`);
  const bound = await kept.call("bind", { fd, to });
  return bound === 0 ? fd : bound;
}

async function listen(kept: KeptProgram, to: string, options: Partial<SocketCall> = {}, backlog = 16): Promise<number> {
  const fd = await bind(kept, to, options);
  assert.ok(typeof fd === "number", `bind to ${to}: ${fd}`);
  assert.equal(await kept.call("listen", { fd, backlog }), 0, `listen on ${to}`);
  return fd;
}

/** Connects, and says something: the connection waits, or is accepted. */
async function guest(s: Story, to: string): Promise<void> {
  const client = s.actor();
  const fd = await client.connect(to);
  await client.call("write", { fd, text: `for ${to}` });
}

async function servedBy(kept: KeptProgram, fd: number): Promise<string | number> {
  const connection = await kept.call("accept", { fd });
  return typeof connection === "number" ? kept.call("read", { fd: connection }) : connection;
}

test(
  "IPv4 and IPv6, several ports, wildcards beside addresses: each life has each again, with the connections that came meanwhile",
  story(async (s) => {
    const places = ["127.0.0.1:7000", "[::1]:7000", "0.0.0.0:7001", "[::]:7002", "127.0.0.2:7000"];
    const kept = keptActor(s);
    for (const place of places) await listen(kept, place);
    await kept.told("listening", places.length);
    assert.equal(kept.all("kept").length, places.length);
    for (let life = 1; life <= 3; life++) {
      await kept.crash();
      const to = places.map((place) => place.replace("0.0.0.0", "127.0.0.1").replace("[::]", "127.0.0.1"));
      for (const place of to) await guest(s, place);
      // In another order than the last time.
      for (const place of life === 2 ? [...places].reverse() : places) {
        const fd = await listen(kept, place);
        assert.equal(await servedBy(kept, fd), `for ${to[places.indexOf(place)]}`);
      }
    }
    assert.equal(kept.all("returned").length, 3 * places.length);
    assert.equal(kept.all("kept").length, places.length, "nothing was kept twice");
  }),
);

test(
  "SO_REUSEPORT: each of several sockets at one place is kept, and what a later life does not take is let go",
  story(async (s) => {
    const kept = keptActor(s);
    for (let worker = 0; worker < 3; worker++) await listen(kept, "127.0.0.1:7000", { reusePort: true });
    assert.equal(await bind(kept, "127.0.0.1:7000", { reusePort: false }), "EADDRINUSE", "the kernel's own answer");
    await kept.crash();
    for (let worker = 0; worker < 2; worker++) await listen(kept, "127.0.0.1:7000", { reusePort: true });
    assert.equal(kept.all("returned").length, 2);
    assert.equal((await kept.told("released")).because, "unclaimed");
    const { length } = await s.sockets("state listening");
    assert.equal(length, 2, "nobody would accept on the third");
  }),
);

test(
  "a program that runs again and does not listen yet: who waits is told of, until it does",
  story(async (s) => {
    const kept = keptActor(s);
    await listen(kept, "127.0.0.1:7000");
    await kept.crash();
    await guest(s, "127.0.0.1:7000");
    const sinceItRuns = (): readonly KeepLine[] =>
      kept.lines.slice(kept.lines.findLastIndex(({ kind }) => kind === "started"));
    await until("it is told", () => sinceItRuns().some((line) => line.kind === "waiting" && line.connections === 1));
    const fd = await listen(kept, "127.0.0.1:7000");
    await kept.told("listening", 2);
    // That takes two looks.
    await kept.call("close", { fd });
    await kept.told("released");
    const since = kept.lines.slice(kept.lines.findLastIndex(({ kind }) => kind === "listening"));
    assert.deepEqual(
      since.map(({ kind }) => kind).filter((kind) => kind === "waiting"),
      [],
    );
  }),
);

test(
  "UDP: the socket and the datagrams that came meanwhile",
  story(async (s) => {
    const kept = keptActor(s, { ports: [7000] });
    await bind(kept, "127.0.0.1:7000", { type: "dgram" });
    await kept.told("kept");
    await kept.crash();
    const client = s.actor();
    const to = await client.connect("127.0.0.1:7000", { type: "dgram" });
    await client.call("write", { fd: to, text: "while you were away" });
    const fd = await bind(kept, "127.0.0.1:7000", { type: "dgram" });
    assert.ok(typeof fd === "number");
    assert.equal(await kept.call("read", { fd }), "while you were away");
  }),
);

test(
  "the descriptor has the flags of the socket in whose place it is",
  story(async (s) => {
    const kept = keptActor(s);
    await listen(kept, "127.0.0.1:7000");
    const flagsOf = (fd: number): number => {
      const text = readFileSync(`/proc/${kept.programPid}/fdinfo/${fd}`, "utf8");
      return Number.parseInt(/^flags:\t(\d+)/m.exec(text)![1]!, 8);
    };
    const NONBLOCK = 0o4000;
    const CLOEXEC = 0o2000000;
    await kept.crash();
    const nonBlocking = await listen(kept, "127.0.0.1:7000", { nonBlocking: true });
    assert.equal(flagsOf(nonBlocking) & (NONBLOCK | CLOEXEC), NONBLOCK | CLOEXEC);
    assert.equal(await kept.call("accept", { fd: nonBlocking }), "EAGAIN");
    await kept.crash();
    const blocking = await listen(kept, "127.0.0.1:7000");
    assert.equal(flagsOf(blocking) & (NONBLOCK | CLOEXEC), CLOEXEC);
  }),
);

test(
  "a new backlog holds, and so does V6ONLY: a wildcard for IPv6 alone is another place than one for both",
  story(async (s) => {
    const kept = keptActor(s);
    await listen(kept, "[::]:7000", { v6only: false }, 5);
    await kept.crash();
    await listen(kept, "[::]:7000", { v6only: false }, 77);
    const before = await s.socket("sport = :7000 and state listening");
    assert.deepEqual(before.queues, { accepting: 0, backlog: 77 });
    await kept.crash();
    await listen(kept, "[::]:7000", { v6only: true });
    assert.equal((await kept.told("released")).because, "moved");
    assert.equal((await s.socket("sport = :7000 and state listening")).v6only, true);
  }),
);

test(
  "a program that moves to another address, or to all of them, is not blocked by what it had before",
  story(async (s) => {
    const kept = keptActor(s, { ports: [7000] });
    await listen(kept, "127.0.0.1:7000");
    await kept.crash();
    await listen(kept, "0.0.0.0:7000");
    await kept.crash();
    await listen(kept, "127.0.0.3:7000");
    assert.deepEqual(
      (await s.sockets("state listening")).map(({ local }) => local.address),
      ["127.0.0.3"],
    );
  }),
);

test(
  "a program that closes its listener and goes on is respected, and may open it again at once",
  story(async (s) => {
    const kept = keptActor(s);
    const first = await listen(kept, "127.0.0.1:7000");
    await kept.call("close", { fd: first });
    const again = await listen(kept, "127.0.0.1:7000");
    assert.equal(kept.all("returned").length, 1, "the kept one stood in its way, so it got that");
    await kept.call("close", { fd: again });
    assert.equal((await kept.told("released")).because, "closed");
    assert.deepEqual(await s.sockets("state listening"), [], "who connects is refused");
    const client = s.actor();
    const fd = await client.call("socket", { family: "ipv4" });
    assert.deepEqual(await client.try("connect", { fd, to: "127.0.0.1:7000" }), { id: 2, errno: "ECONNREFUSED" });
  }),
);

test(
  "a listener that a child has inherited is in use, also when the parent has closed it or is dead",
  story(async (s) => {
    const kept = keptActor(s);
    const fd = await listen(kept, "127.0.0.1:7000");
    const child = await kept.call("bequeath", { fd });
    assert.ok(typeof child === "number");
    // The keeper ends what an earlier life has left behind, once the next one serves.
    s.atEnd(() => spawnSync("kill", ["-KILL", `${child}`]));
    await kept.call("close", { fd });
    assert.equal(await bind(kept, "127.0.0.1:7000", { reuseAddr: true }), "EADDRINUSE");
    await kept.crash();
    const again = await listen(kept, "127.0.0.1:7000");
    await guest(s, "127.0.0.1:7000");
    assert.equal(await servedBy(kept, again), "for 127.0.0.1:7000");
  }),
);

test(
  "port 0 and ports that were not named are left alone",
  story(async (s) => {
    const kept = keptActor(s, { ports: [7000] });
    await listen(kept, "127.0.0.1:0");
    await listen(kept, "127.0.0.1:7001");
    await listen(kept, "127.0.0.1:7000");
    await kept.told("listening");
    assert.deepEqual(
      kept.all("kept").map(({ place }) => place.port),
      [7000],
    );
    await kept.crash();
    assert.deepEqual(
      (await s.sockets("state listening")).map(({ local }) => local.port),
      [7000],
    );
    const whatever = keptActor(s);
    await listen(whatever, "127.0.0.1:0");
    await listen(whatever, "127.0.0.1:7002");
    await whatever.told("listening");
    assert.deepEqual(
      whatever.all("kept").map(({ place }) => place.port),
      [7002],
    );
  }),
);

test(
  "a child with another user's rights does not get what its parent had",
  story(async (s) => {
    const kept = keptActor(s, { ports: [80] });
    const fd = await listen(kept, "127.0.0.1:80");
    await kept.told("listening");
    await kept.crash();
    await kept.call("setuid", { uid: 65_534 });
    assert.equal(await bind(kept, "127.0.0.1:80"), "EACCES", "as the kernel says to nobody");
    assert.ok(fd >= 0);
  }, SECOND_USER),
);

test(
  "connections wait for --hold, then are refused; the program's next listen opens the port again",
  story(async (s) => {
    const kept = keptActor(s, { holdMs: 50 });
    await listen(kept, "127.0.0.1:7000");
    await kept.told("listening");
    await kept.crash(); // and it does not listen yet
    assert.equal((await kept.told("refusing")).because, "hold");
    const client = s.actor();
    const fd = await client.call("socket", { family: "ipv4" });
    assert.ok("errno" in (await client.try("connect", { fd, to: "127.0.0.1:7000" })));
    const again = await listen(kept, "127.0.0.1:7000");
    await guest(s, "127.0.0.1:7000");
    assert.equal(await servedBy(kept, again), "for 127.0.0.1:7000");
  }),
);

test(
  "with --while-down refuse nobody waits at all",
  story(async (s) => {
    const kept = keptActor(s, { whileDown: "refuse", restarts: { firstMs: 60_000, mostMs: 60_000 } });
    await listen(kept, "127.0.0.1:7000");
    await kept.told("listening");
    process.kill(kept.programPid, "SIGKILL");
    assert.equal((await kept.told("refusing")).because, "refuse");
    await until("it does not listen", async () => (await s.sockets("state listening")).length === 0);
    kept.command("stop");
    assert.equal((await kept.told("done")).end.because, "stopped");
  }),
);
