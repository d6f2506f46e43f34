// What listen() promises of every kind of server, with real sockets. Who holds a port: test/kernel/graceful-listen.test.ts
import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import { drain, listen, type Listenable, PortTakenError, PortmortemError } from "../../src/graceful/graceful.ts";
import type { GracefulScene } from "../programs/graceful-server.ts";
import { type ChildEvent, GracefulChild, outcome } from "./graceful-child.ts";
import { Answers, SERVER_KINDS } from "./graceful-kinds.ts";

const LONG_MS = 60_000;
const HAS_REUSEPORT = (([major = 0, minor = 0]) => major > 22 || (major === 22 && minor >= 12))(
  process.versions.node.split(".").map(Number),
);

async function occupied(host = "::"): Promise<{ port: number; free: () => Promise<void> }> {
  const server = net.createServer().listen(0, host);
  await once(server, "listening");
  const free = async (): Promise<void> => {
    server.close();
    await once(server, "close");
  };
  return { port: (server.address() as net.AddressInfo).port, free };
}

/** Handlers, own properties and so on that a test can see. */
function marks(server: net.Server): object {
  return {
    emit: Object.hasOwn(server, "emit"),
    counts: server.eventNames().map((name) => [String(name), server.listenerCount(name)]),
  };
}

for (const kind of SERVER_KINDS.slice(0, 6))
  describe(`listen() of ${kind.name}`, { timeout: 30_000 }, () => {
    test("listens, and says where", async () => {
      const answers = new Answers();
      const server = kind.serve(answers);
      const { port, address, inherited, waitedMs, server: same } = await listen(server, { host: "127.0.0.1" });
      assert.equal(same, server);
      assert.deepEqual({ address, inherited, waitedMs }, { address: "127.0.0.1", inherited: false, waitedMs: 0 });
      assert.equal(port, (server.address() as net.AddressInfo).port);
      // tls and https of `localhost`, which may be ::1 first: they try the next address.
      const client = await kind.connect(port);
      assert.equal(await client.ask("hello"), "hello");
      client.leave();
      await drain(server, { graceMs: 100, idleMs: 0, lingerMs: 10 });
    });

    test("waits for the very port, without a word to the server's own handlers of errors", async () => {
      const { port, free } = await occupied();
      const server = kind.serve(new Answers());
      const told: unknown[] = [];
      server.on("error", (error) => told.push(error)).on("listening", () => told.push("listening"));
      let waits = 0;
      const before = marks(server);
      const done = listen(server, { port, retryMs: LONG_MS, onWait: () => void waits++ });
      setTimeout(() => void free(), 150);
      const { port: got, waitedMs } = await done;
      assert.equal(got, port);
      assert.ok(waitedMs >= 149, `${waitedMs}`);
      assert.deepEqual(told, ["listening"]);
      assert.ok(waits <= 1);
      assert.deepEqual({ ...before, counts: [] }, { ...marks(server), counts: [] });
      await drain(server, { graceMs: 0 });
    });

    test("fails after retryMs, and can be asked again", async () => {
      const { port, free } = await occupied();
      const server = kind.serve(new Answers());
      // What watch() adds is there from the first time on.
      await assert.rejects(listen(server, { port, retryMs: 0 }), PortTakenError);
      const before = marks(server);
      const startedAt = performance.now();
      const error = (await listen(server, { port, retryMs: 120 }).catch((thrown: unknown) => thrown)) as PortTakenError;
      assert.ok(performance.now() - startedAt >= 119);
      assert.ok(error instanceof PortTakenError && error instanceof PortmortemError);
      assert.equal(error.code, "PM_PORT_TAKEN");
      assert.equal(error.errno, "EADDRINUSE");
      assert.equal((error.cause as NodeJS.ErrnoException).code, "EADDRINUSE");
      assert.equal(error.hint, `portmortem why ${port}`);
      assert.ok((error.blockers === undefined) !== (error.blockersUnknown === undefined));
      assert.deepEqual(marks(server), before);
      await free();
      assert.equal((await listen(server, { port, retryMs: 0 })).waitedMs, 0);
      await drain(server, { graceMs: 0 });
    });
  });

describe("listen()", { timeout: 30_000 }, () => {
  const code = (expected: string, message?: RegExp) => (error: unknown) =>
    (error as PortmortemError).code === expected && (message === undefined || message.test((error as Error).message));

  test("fails at once where waiting does not help, and says what would", async () => {
    const server = net.createServer();
    const refused = (options: Parameters<typeof listen>[1]): Promise<PortmortemError> =>
      listen(server, { retryMs: LONG_MS, ...options }).then(
        () => assert.fail("it listens"),
        (error: PortmortemError) => error,
      );
    const address = await refused({ host: "192.0.2.1" });
    assert.deepEqual([address.code, address.errno], ["PM_LISTEN_REFUSED", "EADDRNOTAVAIL"]);
    assert.match(address.hint ?? "", /every address/);
    assert.equal((await refused({ path: "/no/such/folder/socket" })).code, "PM_LISTEN_REFUSED");
    assert.equal((await refused({ host: "no-such-name.invalid" })).code, "PM_LISTEN_REFUSED");
    assert.equal((await refused({ port: 65_536 })).code, "PM_USAGE");
    assert.equal((await refused({ retryMs: -1 })).code, "PM_USAGE");
    await assert.rejects(listen({} as Listenable), code("PM_USAGE"));
    await listen(server);
    assert.equal((await refused({})).code, "PM_USAGE");
    server.close();
  });

  test("ends its waiting by a signal, with the signal's reason", async () => {
    const { port, free } = await occupied();
    const server = net.createServer();
    const stop = new AbortController();
    const done = listen(server, { port, retryMs: LONG_MS, signal: stop.signal });
    const reason = new Error("enough");
    setTimeout(() => stop.abort(reason), 20);
    await assert.rejects(done, reason);
    await assert.rejects(listen(server, { port, signal: stop.signal }), reason);
    await free();
    // Aborted as it was about to listen: it does not.
    const late = new AbortController();
    const latest = listen(server, { port, signal: late.signal });
    late.abort(reason);
    await assert.rejects(latest, reason);
    assert.equal(server.listening, false);
    assert.equal((await listen(server, { port })).port, port);
    server.close();
  });

  test("listens on a path, and waits for it", async () => {
    const folder = mkdtempSync(join(tmpdir(), "portmortem-listen-"));
    const path = join(folder, "socket");
    const [one, other] = [net.createServer(), net.createServer()];
    assert.deepEqual((({ port, address }) => [port, address])(await listen(one, { path })), [undefined, path]);
    await assert.rejects(listen(other, { path, retryMs: 0 }), code("PM_PORT_TAKEN", /socket is taken/));
    setTimeout(() => one.close(), 50);
    assert.equal((await listen(other, { path })).address, path);
    other.close();
    rmSync(folder, { recursive: true });
  });

  test("takes what makes a server when it is told to listen", async () => {
    const { port, free } = await occupied();
    let calls = 0;
    const app = Object.assign(() => {}, {
      listen: (...args: unknown[]) => {
        calls++;
        return net.createServer().listen(...(args as []));
      },
    });
    setTimeout(() => void free(), 80);
    const { server, port: got } = await listen(app, { port });
    assert.equal(got, port);
    assert.ok(calls > 1);
    assert.ok(server.listening);
    server.close();
  });

  test("says what to give it in place of an app whose listen() only promises", async () => {
    const app = { listen: () => Promise.reject(new Error("nobody hears this")) };
    await assert.rejects(listen(app), { code: "PM_USAGE", hint: /app\.server/ });
  });

  test("what onWait throws is what it fails with", async () => {
    const { port, free } = await occupied();
    const error = new Error("enough");
    const onWait = (): void => {
      throw error;
    };
    await assert.rejects(listen(net.createServer(), { port, retryMs: LONG_MS, onWait }), error);
    await free();
  });

  test("reusePort shares a port where Node can, and says so where it cannot", async () => {
    const [one, other] = [net.createServer(), net.createServer()];
    if (!HAS_REUSEPORT) {
      await assert.rejects(listen(one, { reusePort: true }), code("PM_NO_REUSEPORT"));
      return;
    }
    const { port } = await listen(one, { reusePort: true, host: "127.0.0.1" });
    assert.equal((await listen(other, { reusePort: true, host: "127.0.0.1", port: Number(port) })).port, port);
    one.close();
    other.close();
  });
});

const children: GracefulChild[] = [];
const passers: net.Server[] = [];
after(async () => {
  for (const child of children) await child.kill();
  for (const server of passers) server.close();
});
function start(scene: GracefulScene, passed: readonly net.Server[] = [], names?: string): GracefulChild {
  const child = new GracefulChild(scene, passed, names);
  children.push(child);
  return child;
}

/** Listeners to hand on; connections that come to them here would be answered by nobody. */
async function opened(...hosts: string[]): Promise<{ servers: net.Server[]; ports: number[] }> {
  const servers = hosts.map((host) => net.createServer().listen(0, host));
  passers.push(...servers);
  await Promise.all(servers.map((server) => once(server, "listening")));
  return { servers, ports: servers.map((server) => (server.address() as net.AddressInfo).port) };
}

const told = ({ port, inherited }: ChildEvent): unknown[] => [port, inherited];

describe("listen() with inherited listeners", { timeout: 30_000 }, () => {
  test("takes the one of its port, whatever the order, and then no longer tells children of them", async () => {
    const { servers, ports } = await opened("127.0.0.1", "127.0.0.1");
    const child = start({ listen: ports.toReversed().map((port) => ({ port, host: "127.0.0.1" })) }, servers);
    const [first, second] = [await child.event("listening"), await child.event("listening", 2)];
    assert.deepEqual(
      [told(first), told(second)],
      [
        [ports[1], true],
        [ports[0], true],
      ],
    );
    assert.equal((first["variables"] as string[]).length, 3);
    assert.deepEqual(second["variables"], []);
  });

  test("takes them by name, by number, and in order where no port is asked for; the rest are bound", async () => {
    const { servers, ports } = await opened("127.0.0.1", "127.0.0.1", "127.0.0.1");
    const child = start(
      { listen: [{ inherited: "admin", port: 1 }, { inherited: 0, port: 1 }, {}, {}, { inherited: "admin" }] },
      servers,
      "web:admin:web",
    );
    await child.event("listening", 5);
    const places = child.of("listening").map(told);
    assert.deepEqual(places.slice(0, 3), [
      [ports[1], true],
      [ports[0], true],
      [ports[2], true],
    ]);
    assert.deepEqual(
      places.slice(3).map(([, inherited]) => inherited),
      [false, false],
    );
  });

  test("leaves those of another port, and those that are not wanted", async () => {
    const { servers, ports } = await opened("127.0.0.1");
    const free = await opened("127.0.0.1");
    free.servers[0]!.close();
    const child = start({ listen: [{ inherited: false }, { port: free.ports[0]! }, {}] }, servers);
    await child.event("listening", 3);
    const [none, other, order] = child.of("listening");
    assert.equal(none!["inherited"], false);
    assert.deepEqual(told(other!), [free.ports[0], false]);
    assert.deepEqual(told(order!), [ports[0], true]);
  });

  test("takes none that is meant for another process, and says so when the port is taken", async () => {
    const { servers, ports } = await opened("127.0.0.1");
    const before = { ...process.env };
    Object.assign(process.env, { LISTEN_PID: "1", LISTEN_FDS: "1" });
    const child = start({ listen: [{ port: ports[0]!, host: "127.0.0.1", retryMs: 0 }] }, []);
    process.env = before;
    const failed = await child.event("failed");
    assert.equal(failed["code"], "PM_PORT_TAKEN");
    assert.match(String(failed["hint"]), /LISTEN_PID/);
    assert.ok(servers[0]!.listening);
  });

  test("answers clients that came before it", async () => {
    const { servers, ports } = await opened("127.0.0.1");
    const child = start({ listen: [{ port: ports[0]! }] }, servers);
    // The listener is this process's, too, until it is closed here: then every client comes to the child.
    await child.event("listening");
    servers[0]!.close();
    assert.equal(await outcome(ports[0]!), "answered");
  });
});

describe("listen() in a cluster", { timeout: 30_000 }, () => {
  for (const share of [false, true]) {
    const how = share ? "shared" : "round robin";
    test(`workers that began to wait at different times share the port in the end: ${how}`, async () => {
      const { port, free } = await occupied("127.0.0.1");
      const child = start({
        listen: [{ port, host: "127.0.0.1", retryMs: LONG_MS }],
        cluster: { workers: 3, share },
        staggerMs: 150,
      });
      setTimeout(() => void free(), 1200);
      await child.event("listening", 3);
      assert.ok(child.of("listening").every(({ port: got }) => got === port));
      assert.equal(await outcome(port), "answered");
      // With a handler left behind by each attempt, the primary would be told as often.
      assert.equal(child.of("worker listening").length, 3);
    });

    test(`workers take the listeners that the primary was handed: ${how}`, async () => {
      const { servers, ports } = await opened("127.0.0.1");
      const child = start({ listen: [{ port: ports[0]! }], cluster: { workers: 2, share } }, servers);
      await child.event("listening", 2);
      assert.deepEqual(child.of("listening").map(told), [
        [ports[0], true],
        [ports[0], true],
      ]);
      servers[0]!.close();
      assert.equal(await outcome(ports[0]!), "answered");
    });

    test(`a worker says when the port stays taken: ${how}`, async () => {
      const { port, free } = await occupied("127.0.0.1");
      const child = start({ listen: [{ port, host: "127.0.0.1", retryMs: 150 }], cluster: { workers: 2, share } });
      await child.event("failed", 2);
      assert.ok(child.of("failed").every(({ code }) => code === "PM_PORT_TAKEN"));
      await free();
    });
  }

  test("exclusive: a listener of the worker's own", async () => {
    const child = start({ listen: [{ port: 0, exclusive: true }], cluster: { workers: 2 } });
    await child.event("listening", 2);
    const [one, other] = child.of("listening");
    assert.notEqual(one!["port"], other!["port"]);
  });
});
