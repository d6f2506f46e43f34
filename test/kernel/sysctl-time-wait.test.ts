// What src/verdict/sysctls/time-wait.ts says of its settings, on the running kernel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IP } from "./needs.ts";
import { kernelCounter, setSysctl } from "./sysctls.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import type { Actor } from "./actor.ts";
import { until } from "./until.ts";

/** A connection of which the client's side has closed first and is in TIME-WAIT; answers the client's port. */
async function closeClientFirst(client: Actor, server: Actor, listener: number, to: string): Promise<number> {
  const fd = await client.connect(to);
  const accepted = await server.accept(listener);
  const port = await client.call("port", { fd });
  await client.close(fd);
  await server.close(accepted);
  return port;
}

async function connects(client: Actor, to: string): Promise<string> {
  const fd = await client.call("socket", { family: "ipv4" });
  const answer = await client.try("connect", { fd, to });
  await client.close(fd);
  return "errno" in answer ? answer.errno : "connected";
}

test(
  "tcp_fin_timeout does not shorten TIME-WAIT: it is 60 s, and FIN-WAIT-2 is what it shortens",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_fin_timeout", 5);
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:7000");
    const client = s.actor();
    const port = await closeClientFirst(client, server, listener, "127.0.0.1:7000");
    const timeWait = await s.socket(`state time-wait sport = :${port}`);
    assert.ok((timeWait.timer?.remainingMs ?? 0) > 50_000, `${timeWait.timer?.remainingMs} ms`);
    const half = await client.connect("127.0.0.1:7000");
    await server.accept(listener);
    await client.close(half);
    const finWait = await s.socket("state fin-wait-2");
    assert.ok((finWait.timer?.remainingMs ?? Infinity) <= 5000, `${finWait.timer?.remainingMs} ms`);
  }),
);

test(
  "tcp_max_tw_buckets: what is beyond ends without TIME-WAIT and is counted, those that exist stay",
  story(async (s) => {
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:7000");
    const client = s.actor();
    for (let count = 0; count < 3; count++) await closeClientFirst(client, server, listener, "127.0.0.1:7000");
    await until("three TIME-WAITs", async () => (await s.sockets("state time-wait")).length === 3);
    setSysctl(s, "net.ipv4.tcp_max_tw_buckets", 2);
    const before = kernelCounter("TcpExt", "TCPTimeWaitOverflow");
    const port = await closeClientFirst(client, server, listener, "127.0.0.1:7000");
    await until("an overflow", () => kernelCounter("TcpExt", "TCPTimeWaitOverflow") === before + 1);
    await s.gone(`sport = :${port}`);
    assert.equal((await s.sockets("state time-wait")).length, 3);
  }),
);

/** Until TIME-WAITs to both peers are older than the delay of 1 s. */
async function untilOld(s: Story, ...peers: readonly string[]): Promise<void> {
  await until("TIME-WAITs that are older than the delay", async () => {
    const old = (await s.sockets("state time-wait sport = :40000")).filter(
      ({ timer }) => (timer?.remainingMs ?? 60_000) < 58_900,
    );
    return peers.every((peer) => old.some(({ remote }) => remote?.address === peer));
  });
}

test(
  "tcp_tw_reuse: connect() takes a TIME-WAIT's port after the delay, by 2 on loopback only; not with 0, not without timestamps",
  story(async (s) => {
    setSysctl(s, "net.ipv4.ip_local_port_range", "40000 40000");
    s.system("ip", "address", "add", "10.9.9.1/32", "dev", "lo");
    setSysctl(s, "net.ipv4.tcp_tw_reuse", 0);
    const server = s.actor();
    const listener = await server.listen("0.0.0.0:7000");
    const client = s.actor();
    await closeClientFirst(client, server, listener, "127.0.0.1:7000");
    await closeClientFirst(client, server, listener, "10.9.9.1:7000");
    await untilOld(s, "127.0.0.1", "10.9.9.1");
    assert.equal(await connects(client, "127.0.0.1:7000"), "EADDRNOTAVAIL", "0: never");
    setSysctl(s, "net.ipv4.tcp_tw_reuse", 2);
    assert.equal(await connects(client, "127.0.0.1:7000"), "connected", "2: on loopback");
    assert.equal(await connects(client, "10.9.9.1:7000"), "EADDRNOTAVAIL", "2: not elsewhere");
    setSysctl(s, "net.ipv4.tcp_tw_reuse", 1);
    assert.equal(await connects(client, "10.9.9.1:7000"), "connected", "1: everywhere");
    for (let count = 0; count < 2; count++) await server.close(await server.accept(listener));
    setSysctl(s, "net.ipv4.tcp_timestamps", 0);
    await closeClientFirst(client, server, listener, "127.0.0.2:7000");
    await untilOld(s, "127.0.0.2");
    assert.equal(await connects(client, "127.0.0.2:7000"), "EADDRNOTAVAIL", "no timestamps: never");
  }, IP),
);

test(
  "tcp_tw_reuse = 1 does not let a server bind its port: SO_REUSEADDR does",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_tw_reuse", 1);
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:7000", { reuseAddr: true });
    const client = s.actor();
    const fd = await client.connect("127.0.0.1:7000");
    await server.close(await server.accept(listener));
    await client.close(fd);
    await server.close(listener);
    await s.socket("state time-wait sport = :7000");
    const plain = await server.call("socket", { family: "ipv4" });
    assert.deepEqual(
      await server.try("bind", { fd: plain, to: "127.0.0.1:7000" }).then((a) => "errno" in a && a.errno),
      "EADDRINUSE",
    );
    await server.bound("127.0.0.1:7000", { reuseAddr: true });
  }),
);

for (const rfc1337 of [0, 1]) {
  test(
    `tcp_rfc1337 = ${rfc1337}: an RST ${rfc1337 === 0 ? "ends" : "does not end"} a TIME-WAIT`,
    story(async (s: Story) => {
      setSysctl(s, "net.ipv4.tcp_rfc1337", rfc1337);
      const server = s.actor();
      const listener = await server.listen("127.0.0.1:7000", { reuseAddr: true });
      const client = s.actor();
      const fd = await client.connect("127.0.0.1:7000", { from: "127.0.0.1:40000", reuseAddr: true });
      await server.close(await server.accept(listener));
      await client.close(fd);
      await server.close(listener);
      await s.socket("state time-wait sport = :7000");
      // A SYN to the TIME-WAIT is acknowledged by it, nobody listening; the client has not asked for that, and answers with RST.
      const before = kernelCounter("Tcp", "OutRsts");
      await client.connect("127.0.0.1:7000", { from: "127.0.0.1:40000", reuseAddr: true, nonBlocking: true });
      await until("an RST", () => kernelCounter("Tcp", "OutRsts") > before);
      const left = await s.sockets("state time-wait sport = :7000");
      assert.equal(left.length, rfc1337);
    }),
  );
}
