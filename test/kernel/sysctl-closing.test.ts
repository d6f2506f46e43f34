// What src/verdict/sysctls/closing.ts and listening.ts say of connections that end, on the running kernel.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IP } from "./needs.ts";
import { setSysctl } from "./sysctls.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** A client's connection that is closed with data on its way to a peer that has vanished. */
async function orphanOf(s: Story): Promise<void> {
  const { actor: server, there, cut } = s.actorAcross();
  const listener = await server.listen(`${there}:7000`);
  const client = s.actor();
  const fd = await client.connect(`${there}:7000`);
  await server.accept(listener);
  cut();
  await client.call("write", { fd, text: "the last words" });
  await client.close(fd);
}

test(
  "tcp_orphan_retries = 1: what was written just before the close is given up after the second retransmission",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_orphan_retries", 1);
    await orphanOf(s);
    await s.gone("state fin-wait-1");
  }, IP),
);

test(
  "tcp_orphan_retries = 0 is not none: it is retransmitted on and on",
  story(async (s) => {
    await orphanOf(s);
    await until("four retransmissions", async () => {
      const [orphan] = await s.sockets("state fin-wait-1");
      assert.ok(orphan !== undefined, "it is still there");
      return (orphan.timer?.retransmits ?? 0) >= 4;
    });
  }, IP),
);

test(
  "tcp_retries2 = 3 ends a connection with data on its way after seconds",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_retries2", 3);
    const { actor: server, there, cut } = s.actorAcross();
    const listener = await server.listen(`${there}:7000`);
    const client = s.actor();
    const fd = await client.connect(`${there}:7000`);
    await server.accept(listener);
    cut();
    await client.call("write", { fd, text: "anybody?" });
    await s.gone("state established");
  }, IP),
);

test(
  "tcp_keepalive_probes = 0 resets idle connections with keepalive, though the peer is well; others stay",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_keepalive_time", 1);
    setSysctl(s, "net.ipv4.tcp_keepalive_probes", 0);
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:7000");
    const client = s.actor();
    const kept = await client.connect("127.0.0.1:7000", { keepAlive: true });
    await server.accept(listener);
    const plain = await client.connect("127.0.0.1:7000");
    await server.accept(listener);
    const port = await client.call("port", { fd: plain });
    await s.gone(`state established dport = :7000 sport != :${port}`);
    assert.deepEqual(
      await client.try("read", { fd: kept }).then((answer) => "errno" in answer && answer.errno),
      "ETIMEDOUT",
    );
    await s.socket(`state established sport = :${port}`);
  }),
);

test(
  "tcp_keepalive_intvl is the time between probes that nobody answers",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_keepalive_time", 1);
    setSysctl(s, "net.ipv4.tcp_keepalive_intvl", 40);
    const { actor: server, there, cut } = s.actorAcross();
    const listener = await server.listen(`${there}:7000`);
    const client = s.actor();
    const slow = await client.connect(`${there}:7000`, { keepAlive: true });
    await server.accept(listener);
    const slowPort = await client.call("port", { fd: slow });
    cut();
    // It was to be probed after one second; what runs then is the interval.
    await until("the first probe is sent", async () => {
      const { timer } = await s.socket(`state established sport = :${slowPort}`);
      assert.equal(timer?.kind, "keepalive");
      assert.ok(timer.remainingMs <= 40_000);
      return timer.remainingMs > 1500;
    });
  }, IP),
);

test(
  "tcp_keepalive_probes = 2: after two probes without an answer the connection ends with ETIMEDOUT",
  story(async (s) => {
    for (const name of ["time", "intvl"]) setSysctl(s, `net.ipv4.tcp_keepalive_${name}`, 1);
    setSysctl(s, "net.ipv4.tcp_keepalive_probes", 2);
    const { actor: server, there, cut } = s.actorAcross();
    const listener = await server.listen(`${there}:7000`);
    const client = s.actor();
    const fd = await client.connect(`${there}:7000`, { keepAlive: true });
    await server.accept(listener);
    cut();
    await s.gone("state established");
    assert.deepEqual(await client.try("read", { fd }).then((answer) => "errno" in answer && answer.errno), "ETIMEDOUT");
  }, IP),
);

for (const migrate of [0, 1]) {
  test(
    `tcp_migrate_req = ${migrate}: connections that wait in a closing listener of a group ${migrate === 0 ? "are reset" : "move to another"}`,
    story(async (s) => {
      setSysctl(s, "net.ipv4.tcp_migrate_req", migrate);
      const server = s.actor();
      const first = await server.listen("127.0.0.1:7000", { reusePort: true });
      const client = s.actor();
      for (let count = 0; count < 3; count++) await client.connect("127.0.0.1:7000");
      const second = await server.listen("127.0.0.1:7000", { reusePort: true });
      await server.close(first);
      if (migrate === 0) {
        await s.gone("state established");
        return;
      }
      for (let count = 0; count < 3; count++) await server.accept(second);
    }),
  );
}
