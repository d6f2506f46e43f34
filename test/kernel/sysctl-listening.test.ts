// What src/verdict/sysctls/listening.ts says of its settings, on the running kernel.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Actor } from "./actor.ts";
import { SOMAXCONN } from "./needs.ts";
import { kernelCounter, setSysctl } from "./sysctls.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

async function backlogOf(s: Story, port: number): Promise<number | undefined> {
  const { queues } = await s.socket(`state listening sport = :${port}`);
  return queues !== undefined && "backlog" in queues ? queues.backlog : undefined;
}

test(
  "somaxconn caps the backlog when listen() is called, and raising it later changes nothing until the next listen()",
  story(async (s) => {
    const server = s.actor();
    setSysctl(s, "net.core.somaxconn", 128);
    const fd = await server.listen("127.0.0.1:7000", { backlog: 100_000 });
    assert.equal(await backlogOf(s, 7000), 128);
    setSysctl(s, "net.core.somaxconn", 8192);
    assert.equal(await backlogOf(s, 7000), 128);
    await server.call("listen", { fd, backlog: 100_000 });
    assert.equal(await backlogOf(s, 7000), 8192);
  }, SOMAXCONN),
);

/** Handshakes that wait for data of the client: the listener has TCP_DEFER_ACCEPT. */
async function startHandshakes(client: Actor, count: number): Promise<number[]> {
  const fds: number[] = [];
  while (fds.length < count) fds.push(await client.connect("127.0.0.1:7000", { nonBlocking: true }));
  return fds;
}

const handshakes = async (s: Story): Promise<number> => (await s.sockets("state syn-recv")).length;

test(
  "tcp_max_syn_backlog is not read while SYN cookies are on; without them it limits the handshakes of a listener",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_max_syn_backlog", 8);
    const server = s.actor();
    await server.listen("127.0.0.1:7000", { backlog: 64, deferAcceptSeconds: 5 });
    await startHandshakes(s.actor(), 20);
    assert.equal(await handshakes(s), 20, "with SYN cookies");
    const second = s.actor();
    setSysctl(s, "net.ipv4.tcp_syncookies", 0);
    await server.listen("127.0.0.2:7000", { backlog: 64, deferAcceptSeconds: 5 });
    for (let count = 0; count < 20; count++) await second.connect("127.0.0.2:7000", { nonBlocking: true });
    const without = await s.sockets("state syn-recv src 127.0.0.2");
    // Three quarters of 8, and the one with which that is exceeded.
    assert.equal(without.length, 7, "without");
  }),
);

for (const abort of [0, 1]) {
  test(
    `tcp_abort_on_overflow = ${abort}: a handshake that completes while the accept queue is full ${abort === 0 ? "waits for its place" : "is answered with RST"}`,
    story(async (s) => {
      setSysctl(s, "net.ipv4.tcp_abort_on_overflow", abort);
      const server = s.actor();
      const listener = await server.listen("127.0.0.1:7000", { backlog: 2, deferAcceptSeconds: 5 });
      const client = s.actor();
      const [late = -1] = await startHandshakes(client, 1);
      for (let count = 0; count < 3; count++)
        await client.call("write", { fd: await client.connect("127.0.0.1:7000"), text: "first" });
      const before = kernelCounter("TcpExt", "ListenOverflows");
      await client.call("write", { fd: late, text: "late" });
      await until("an overflow", () => kernelCounter("TcpExt", "ListenOverflows") > before);
      if (abort === 1) {
        await s.gone(`state connected dport = :7000 sport = :${await client.call("port", { fd: late })}`);
        return;
      }
      const texts: string[] = [];
      for (let count = 0; count < 4; count++)
        texts.push(await server.call("read", { fd: await server.accept(listener) }));
      assert.deepEqual(texts, ["first", "first", "first", "late"]);
    }),
  );
}
