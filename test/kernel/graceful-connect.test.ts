// The client that asks for its local ports by number, as the kernel answers it: reserved ports in TIME-WAIT, and who else has them.
import assert from "node:assert/strict";
import { once } from "node:events";
import { writeFileSync } from "node:fs";
import net from "node:net";
import { test } from "node:test";
import tls from "node:tls";
import { connect, type ConnectOptions, PortmortemError } from "../../src/graceful/graceful.ts";
import { socketsTo } from "../../src/graceful/peer-sockets.ts";
import { listening, SERVER_TLS } from "../contracts/graceful-kinds.ts";
import { SECOND_USER } from "./needs.ts";
import { type Story, story } from "./story.ts";
import { until } from "./until.ts";

/** A server that never closes first. */
async function patient(s: Story, host = "127.0.0.1"): Promise<{ host: string; port: number }> {
  const server = net.createServer(
    (socket) =>
      void socket
        .unref()
        .on("error", () => {})
        .resume(),
  );
  s.atEnd(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return { host, port: (server.address() as net.AddressInfo).port };
}

async function closeFirst(socket: net.Socket): Promise<void> {
  const closed = once(socket.resume(), "close");
  socket.end();
  await closed;
}

async function refused(options: ConnectOptions): Promise<PortmortemError> {
  const error: unknown = await connect(options).then(
    () => "it connected",
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PortmortemError, String(error));
  return error;
}

const timestamps = (value: 0 | 1): void => writeFileSync("/proc/sys/net/ipv4/tcp_timestamps", String(value));

test(
  "connect() takes another reserved port where Node has EADDRNOTAVAIL for a TIME-WAIT to the same peer",
  story(async (s) => {
    timestamps(0);
    const peer = await patient(s);
    await closeFirst(await connect({ ...peer, localPorts: 700 }));
    const plain = net.connect({ ...peer, localPort: 700 });
    const [error] = (await once(plain, "error")) as [NodeJS.ErrnoException];
    assert.deepEqual([error.code, error.syscall], ["EADDRNOTAVAIL", "connect"]);

    const other = await connect({ ...peer, localPorts: [700, 701] });
    assert.equal(other.localPort, 701);
    const { code, errno, message, hint } = await refused({ ...peer, localPorts: "700-701" });
    assert.deepEqual([code, errno], ["PM_NO_LOCAL_PORT", "EADDRNOTAVAIL"]);
    assert.match(
      message,
      /^no local port of 700-701 is left for 127\.0\.0\.1:\d+: 1 in TIME-WAIT to it \((\d+) s until the first is free\), 1 in use$/,
    );
    const [, seconds] = /\((\d+) s/.exec(message) ?? [];
    assert.ok(Number(seconds) > 50 && Number(seconds) <= 61, message);
    assert.match(hint ?? "", /closeLast/);
    other.destroy();
  }),
);

test(
  "connect() takes another reserved port where bind() says EADDRINUSE for a TIME-WAIT of a program without SO_REUSEADDR",
  story(async (s) => {
    const peer = await patient(s);
    const actor = s.actor();
    const fd = await actor.call("socket", { family: "ipv4" });
    await actor.call("bind", { fd, to: "127.0.0.1:702" });
    await actor.call("connect", { fd, to: `127.0.0.1:${peer.port}` });
    await actor.call("close", { fd });
    await s.socket("state time-wait and sport = :702");
    const plain = net.connect({ ...peer, localPort: 702 });
    const [error] = (await once(plain, "error")) as [NodeJS.ErrnoException];
    assert.deepEqual([error.code, error.syscall], ["EADDRINUSE", "bind"]);
    for (let times = 0; times < 2; times++) {
      const socket = await connect({ ...peer, localPorts: "702-704" });
      assert.notEqual(socket.localPort, 702);
      s.atEnd(() => socket.destroy());
    }
    const { errno, message } = await refused({ ...peer, localPorts: "702-702" });
    assert.equal(errno, "EADDRINUSE");
    assert.match(message, / 1 in TIME-WAIT to it .*, 0 in use$/);
  }),
);

test(
  "connect() passes over TIME-WAITs with timestamps too, and takes one again when nothing else is left",
  story(async (s) => {
    const peer = await patient(s);
    for (let port = 800; port < 809; port++) await closeFirst(await connect({ ...peer, localPorts: port }));
    const left = await connect({ ...peer, localPorts: "800-809" });
    assert.equal(left.localPort, 809);
    await closeFirst(left);
    const again = await connect({ ...peer, localPorts: "800-809" });
    assert.equal((await s.sockets(`state established and sport >= :800 and sport <= :809`)).length, 1);
    again.destroy();
  }),
);

test(
  "connect() gives each of many at once a port of its own, and the one too many an error",
  story(async (s) => {
    const peer = await patient(s);
    const answers = await Promise.allSettled(
      Array.from({ length: 41 }, () => connect({ ...peer, localPorts: "900-939" })),
    );
    const sockets = answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
    const errors = answers.flatMap((answer) =>
      answer.status === "rejected" ? [answer.reason as PortmortemError] : [],
    );
    assert.equal(new Set(sockets.map(({ localPort }) => localPort)).size, 40);
    assert.deepEqual(
      errors.map(({ code }) => code),
      ["PM_NO_LOCAL_PORT"],
    );
    // The same ports to another peer.
    const elsewhere = await patient(s);
    sockets.push(await connect({ ...elsewhere, localPorts: "900-939" }));
    for (const socket of sockets) socket.destroy();
  }),
);

test(
  "connect() says which remedy a refusal has",
  story(async (s) => {
    const peer = await patient(s);
    const free = await patient(s);
    const actor = s.actor();
    const listener = await actor.call("socket", { family: "ipv4" });
    await actor.call("bind", { fd: listener, to: "127.0.0.1:6000" });
    assert.equal((await refused({ ...free, port: 6000, localPorts: 705 })).code, "PM_CONNECT_REFUSED");
    assert.equal((await refused({ host: "127.0.0.1", port: 6000, localPorts: 6000 })).code, "PM_NO_LOCAL_PORT");
    assert.equal((await refused({ ...peer, localAddress: "10.1.2.3" })).code, "PM_LOCAL_ADDRESS");
    assert.equal((await refused({ ...peer, localAddress: "10.1.2.3", localPorts: 705 })).code, "PM_LOCAL_ADDRESS");

    // A full accept queue drops what comes.
    await actor.call("listen", { fd: listener, backlog: 0 });
    const queued = await connect({ host: "127.0.0.1", port: 6000 });
    const late = await refused({ host: "127.0.0.1", port: 6000, timeoutMs: 60 });
    assert.deepEqual([late.code, late.errno], ["PM_CONNECT_TIMEOUT", "ETIMEDOUT"]);
    await s.gone("dport = :6000 and state syn-sent");
    queued.destroy();

    writeFileSync("/proc/sys/net/ipv4/ip_local_port_range", "50000 50001");
    const sockets = [await connect(peer), await connect(peer)];
    const none = await refused(peer);
    assert.deepEqual([none.code, none.errno], ["PM_NO_LOCAL_PORT", "EADDRNOTAVAIL"]);
    assert.equal(none.hint, `portmortem why --connect 127.0.0.1:${peer.port}`);
    for (const socket of sockets) socket.destroy();
  }),
);

test(
  "connect() over TLS says what is wrong with a certificate, and does not wait for a server that is silent",
  story(async (s) => {
    const server = tls.createServer(SERVER_TLS, (socket) => void socket.on("error", () => {}).resume());
    server.on("tlsClientError", () => {});
    s.atEnd(() => server.close());
    const port = await listening(server);
    const { code, errno, cause } = await refused({ port, tls: true, retries: { count: 3 } });
    assert.deepEqual(
      [code, errno, (cause as { code?: string }).code],
      ["PM_CONNECT_FAILED", undefined, "DEPTH_ZERO_SELF_SIGNED_CERT"],
    );
    const trusting = await connect({ port, tls: { ca: SERVER_TLS.cert, checkServerIdentity: () => undefined } });
    assert.equal(trusting.authorized, true);
    trusting.destroy();
    const silent = await patient(s);
    const late = await refused({ ...silent, tls: true, timeoutMs: 60 });
    assert.deepEqual([late.code, late.errno], ["PM_CONNECT_TIMEOUT", "ETIMEDOUT"]);
    await s.gone(`state established and dport = :${silent.port}`);
  }),
);

test(
  "connect() says that a user may not have a reserved port",
  story(async (s) => {
    const peer = await patient(s);
    const program = s.program("graceful-client", [String(peer.port), "600-603"], {
      uid: 65_534,
      gid: 65_534,
      cwd: "/",
    });
    assert.equal(await program.line(), "PM_LOCAL_PORT_FORBIDDEN EACCES");
  }, SECOND_USER),
);

test(
  "connect() does not take itself for a server",
  story(async () => {
    const { code, message } = await refused({ host: "127.0.0.1", port: 40_000, localPorts: 40_000 });
    assert.equal(code, "PM_CONNECT_REFUSED");
    assert.match(message, /itself/);
  }),
);

test(
  "socketsTo() finds the sockets to a peer in the tables, IPv6 and mapped IPv4 too",
  story(async (s) => {
    for (const host of ["::1", "127.0.0.1"]) {
      const peer = await patient(s, host);
      await closeFirst(await connect({ ...peer, localPorts: 710 }));
      const open = await connect({ ...peer, localPorts: 711 });
      const found = await socketsTo(host, peer.port);
      assert.deepEqual(
        [...(found?.keys() ?? [])].sort((a, b) => a - b),
        [710, 711],
        host,
      );
      assert.equal(found?.get(711), undefined);
      const leftMs = found?.get(710) ?? 0;
      assert.ok(leftMs > 50_000 && leftMs <= 61_000, `${leftMs}`);
      assert.equal((await socketsTo("10.0.0.1", peer.port))?.size, 0);
      assert.equal((await socketsTo("fe80::1%lo", peer.port))?.size, 0);
      open.destroy();
    }
    const peer = await patient(s);
    const actor = s.actor();
    const fd = await actor.call("socket", { family: "ipv6" });
    await actor.call("bind", { fd, to: "[::]:712" });
    await actor.call("connect", { fd, to: `[::ffff:127.0.0.1]:${peer.port}` });
    assert.deepEqual([...((await socketsTo("127.0.0.1", peer.port)) ?? [])], [[712, undefined]]);
  }),
);

test(
  "connect() tries again while it may, and ends with the signal",
  story(async (s) => {
    const server = net.createServer(
      (socket) =>
        void socket
          .unref()
          .on("error", () => {})
          .resume(),
    );
    s.atEnd(() => server.close());
    const asked = connect({ host: "127.0.0.1", port: 6001, retries: { count: 20 } });
    // The first answer is certainly a refusal once a second attempt has been seen.
    const first = await refused({ host: "127.0.0.1", port: 6001, retries: { count: 1 } });
    assert.equal(first.code, "PM_CONNECT_REFUSED");
    await new Promise<void>((resolve) => server.listen(6001, "127.0.0.1", resolve));
    (await asked).destroy();

    const stop = new AbortController();
    const reason = new Error("enough");
    const stopped = connect({ host: "127.0.0.1", port: 6002, retries: { count: 1000 }, signal: stop.signal });
    setImmediate(() => stop.abort(reason));
    await assert.rejects(stopped, reason);
    const aborted = connect({ host: "127.0.0.1", port: 6001, localPorts: 720, signal: AbortSignal.abort(reason) });
    await assert.rejects(aborted, reason);
    const over = performance.now();
    await refused({ host: "127.0.0.1", port: 6002, retries: { count: 1000, totalMs: 150 } });
    assert.ok(performance.now() - over < 8000);
    await until("nothing is left", async () => (await s.sockets("dport = :6002")).length === 0);
  }),
);
