// `why --connect` against what connect() then does: the built command, real processes, the real kernel.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { WhyConnect } from "../../src/index.ts";
import type { Actor } from "./actor.ts";
import { IP } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const SERVICE = 5432;

function set(name: string, value: string | number): void {
  writeFileSync(`/proc/sys/net/ipv4/${name}`, `${value}\n`);
}

async function whyConnect(s: Story, args: string): Promise<{ status: number | null; json: WhyConnect }> {
  return s.command<WhyConnect>(["why", "--connect", ...args.split(" "), "--json"]);
}

/** A server on every address and the descriptors of the connections that it has taken. */
async function serve(s: Story): Promise<{ server: Actor; listener: number }> {
  const server = s.actor();
  return { server, listener: await server.listen(`0.0.0.0:${SERVICE}`, { reuseAddr: true, backlog: 64 }) };
}

/** Connects until the kernel refuses; answers how often it did not, and the errno. */
async function connectAll(client: Actor, to: string, most = 64): Promise<{ made: number; errno: string }> {
  for (let made = 0; made < most; made++) {
    const fd = await client.call("socket", { family: "ipv4" });
    const answer = await client.try("connect", { fd, to });
    if ("errno" in answer) return { made, errno: answer.errno };
  }
  return { made: most, errno: "none" };
}

/** So many connections that this side closes first. */
async function leaveTimeWaits(s: Story, to: string, count: number, client = s.actor()): Promise<void> {
  const { server, listener } = await serve(s);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let one = 0; one < count; one++) {
    ours.push(await client.connect(to));
    theirs.push(await server.accept(listener));
  }
  for (const fd of ours) await client.close(fd);
  for (const fd of theirs) await server.close(fd);
  await until(`${count} TIME-WAITs`, async () => (await s.sockets("state time-wait")).length === count);
}

test(
  "as many connections as it says are left can be made, and then it says that the next one fails",
  story(async (s) => {
    set("ip_local_port_range", "40000 40009");
    set("ip_local_reserved_ports", "40003");
    await serve(s);
    const client = s.actor();
    await client.bound("127.0.0.9:40004");
    await client.connect(`127.0.0.1:${SERVICE}`);
    const before = await whyConnect(s, `127.0.0.1:${SERVICE}`);
    assert.equal(before.status, 0);
    assert.deepEqual(before.json.ports, {
      total: 10,
      usable: 7,
      free: 7,
      shared: 0,
      reusable: 0,
      timeWait: 0,
      finWait2: 0,
      connected: 1,
      held: 1,
      reserved: 1,
      privileged: 0,
      undetermined: 0,
    });
    assert.deepEqual(
      before.json.holders.map(({ ports, socket }) => [ports, socket.owners?.[0]?.pid]),
      [[1, client.pid]],
    );
    assert.deepEqual(await connectAll(client, `127.0.0.1:${SERVICE}`), { made: 7, errno: "EADDRNOTAVAIL" });
    const after = await whyConnect(s, `127.0.0.1:${SERVICE}`);
    assert.equal(after.status, 1);
    assert.equal(after.json.connectable, false);
    assert.deepEqual([after.json.errno, after.json.step, after.json.level], ["EADDRNOTAVAIL", "connect", "none"]);
    // The same ports serve another peer.
    const other = await whyConnect(s, `127.0.0.2:${SERVICE}`);
    assert.equal(other.json.ports?.shared, 8);
    assert.deepEqual(await connectAll(client, `127.0.0.2:${SERVICE}`), { made: 8, errno: "EADDRNOTAVAIL" });
  }),
);

for (const { mode, address, reusable } of [
  { mode: 0, address: "127.0.0.1", reusable: false },
  { mode: 1, address: "127.0.0.1", reusable: true },
  { mode: 2, address: "127.0.0.1", reusable: true },
  { mode: 0, address: "10.9.9.1", reusable: false },
  { mode: 1, address: "10.9.9.1", reusable: true },
  { mode: 2, address: "10.9.9.1", reusable: false },
])
  test(
    `tcp_tw_reuse=${mode} on ${address}: a TIME-WAIT is ${reusable ? "taken again when it is old enough" : "never taken again"}`,
    story(async (s) => {
      s.system("ip", "address", "add", "10.9.9.1/32", "dev", "lo");
      set("ip_local_port_range", "40000 40003");
      set("tcp_tw_reuse", mode);
      const to = `${address}:${SERVICE}`;
      await leaveTimeWaits(s, to, 4);
      const client = s.actor();
      const young = await whyConnect(s, to);
      assert.equal(young.json.timeWait.count, 4);
      assert.equal(young.json.timeWait.reuse, reusable);
      if (!reusable) {
        assert.equal(young.json.connectable, false);
        assert.ok(young.json.timeWait.nextInMs! > 50_000 && young.json.timeWait.lastInMs! <= 60_000);
        assert.deepEqual(await connectAll(client, to), { made: 0, errno: "EADDRNOTAVAIL" });
        return;
      }
      // When it says so, and not for luck: the answer turns within the second that it names.
      const old = await until("all are old enough", async () => {
        const { json } = await whyConnect(s, to);
        return json.ports?.usable === 4 ? json : undefined;
      });
      assert.equal(old.ports?.reusable, 4);
      assert.deepEqual(await connectAll(client, to), { made: 4, errno: "EADDRNOTAVAIL" });
    }, IP),
  );

test(
  "an orphan in FIN-WAIT-2 is never taken again by an automatic port",
  story(async (s) => {
    set("ip_local_port_range", "40000 40001");
    set("tcp_tw_reuse", 1);
    set("tcp_tw_reuse_delay", 1);
    await serve(s);
    const client = s.actor();
    const fd = await client.connect(`127.0.0.1:${SERVICE}`);
    await client.close(fd);
    await s.socket("state fin-wait-2");
    const { json } = await whyConnect(s, `127.0.0.1:${SERVICE}`);
    assert.deepEqual([json.ports?.usable, json.ports?.finWait2], [1, 1]);
    assert.deepEqual(await connectAll(client, `127.0.0.1:${SERVICE}`), { made: 1, errno: "EADDRNOTAVAIL" });
  }),
);

/**
 * The reserved port of the documents: a client of rsh's kind takes a local port below 1024. With SO_REUSEADDR it gets the same port again
 * although that is in TIME-WAIT, "and I risk getting a connect: address already in use error if I go back to any place I've been to".
 */
for (const { timestamps, connects } of [
  { timestamps: 1, connects: true },
  { timestamps: 0, connects: false },
])
  test(
    `a reserved port in TIME-WAIT to the same peer, tcp_timestamps=${timestamps}: bind() with SO_REUSEADDR passes, connect() ${connects ? "too" : "does not"}`,
    story(async (s) => {
      set("tcp_timestamps", timestamps);
      const { server, listener } = await serve(s);
      const client = s.actor();
      const from = "127.0.0.1:1010";
      const fd = await client.connect(`127.0.0.1:${SERVICE}`, { from, reuseAddr: true });
      const served = await server.accept(listener);
      await client.close(fd);
      await server.close(served);
      await s.socket("state time-wait");

      const plain = await whyConnect(s, `127.0.0.1:${SERVICE} --from ${from}`);
      assert.deepEqual([plain.status, plain.json.errno, plain.json.step], [1, "EADDRINUSE", "bind"]);
      const bare = await client.call("socket", { family: "ipv4" });
      assert.deepEqual(await errnoOf(client.try("bind", { fd: bare, to: from })), "EADDRINUSE");

      const reused = await whyConnect(s, `127.0.0.1:${SERVICE} --from ${from} --reuse-addr`);
      assert.equal(reused.json.attempts?.[0]?.bind, "ok");
      const again = await client.bound(from, { reuseAddr: true });
      const result = await errnoOf(client.try("connect", { fd: again, to: `127.0.0.1:${SERVICE}` }));
      assert.equal(reused.json.attempts[0].connect, connects ? "ok" : "EADDRNOTAVAIL");
      assert.equal(result, connects ? "ok" : "EADDRNOTAVAIL");
      assert.equal(reused.status, connects ? 0 : 1);
      // The documents' way out: without SO_REUSEADDR bind() says so in time, and the next port is free.
      const others = await whyConnect(s, `127.0.0.1:${SERVICE} --from 127.0.0.1:600-1023`);
      assert.equal(others.json.ports?.usable, 423);
      if (!connects) assert.ok(reused.json.advice.some(({ text }) => text.includes("leave SO_REUSEADDR out")));
    }),
  );

test(
  "every reserved port in TIME-WAIT: none is left for this peer, all for another",
  story(async (s) => {
    const { server, listener } = await serve(s);
    const client = s.actor();
    for (const port of [1020, 1021, 1022, 1023]) {
      const fd = await client.connect(`127.0.0.1:${SERVICE}`, { from: `127.0.0.1:${port}` });
      const served = await server.accept(listener);
      await client.close(fd);
      await server.close(served);
    }
    await until("4 TIME-WAITs", async () => (await s.sockets("state time-wait")).length === 4);
    const { status, json } = await whyConnect(s, `127.0.0.1:${SERVICE} --from 127.0.0.1:1020-1023`);
    assert.deepEqual([status, json.errno, json.step, json.ports?.timeWait], [1, "EADDRINUSE", "bind", 4]);
    // Other peers cannot have them either: bind() does not know yet where the socket goes.
    const other = await whyConnect(s, `127.0.0.2:${SERVICE} --from 127.0.0.1:1020-1023`);
    assert.deepEqual([other.json.connectable, other.json.ports?.held], [false, 4]);
    const fd = await client.call("socket", { family: "ipv4" });
    assert.equal(await errnoOf(client.try("bind", { fd, to: "127.0.0.1:1021" })), "EADDRINUSE");
    // From another address they are free.
    const elsewhere = await whyConnect(s, `127.0.0.1:${SERVICE} --from 127.0.0.3:1020-1023`);
    assert.equal(elsewhere.json.ports?.shared, 4);
    await client.connect(`127.0.0.1:${SERVICE}`, { from: "127.0.0.3:1021" });
  }),
);

test(
  "an address that is not of this machine, and a peer that no way leads to, are what bind() and connect() say",
  story(async (s) => {
    const foreign = await whyConnect(s, "127.0.0.1:80 --from 203.0.113.7");
    assert.deepEqual([foreign.status, foreign.json.errno, foreign.json.step], [1, "EADDRNOTAVAIL", "bind"]);
    const far = await whyConnect(s, "203.0.113.7:80");
    assert.deepEqual([far.status, far.json.errno, far.json.step], [1, "ENETUNREACH", "connect"]);
    const client = s.actor();
    assert.deepEqual(await connectAll(client, "203.0.113.7:80"), { made: 0, errno: "ENETUNREACH" });
  }),
);

test(
  "a bind() of the address alone gets fewer ports than connect() would, and the answer says so",
  story(async (s) => {
    set("ip_local_port_range", "40000 40003");
    await serve(s);
    const client = s.actor();
    assert.equal((await connectAll(client, `127.0.0.1:${SERVICE}`)).made, 4);
    const { status, json } = await whyConnect(s, `127.0.0.2:${SERVICE} --from 127.0.0.1`);
    assert.deepEqual([status, json.ports?.usable, json.bindFirst?.usable], [0, 4, 0]);
    assert.ok(json.advice.some(({ text }) => text.includes("IP_BIND_ADDRESS_NO_PORT")));
    const fd = await client.call("socket", { family: "ipv4" });
    assert.equal(await errnoOf(client.try("bind", { fd, to: "127.0.0.1:0" })), "EADDRINUSE");
  }),
);

async function errnoOf(call: Promise<object>): Promise<string> {
  const answer = await call;
  return "errno" in answer ? String(answer.errno) : "ok";
}

test(
  "a group and a broadcast address are nobody's to connect to, although UDP's route leads there",
  story(async (s) => {
    execFileSync("ip", ["route", "add", "224.0.0.0/4", "dev", "lo"]);
    execFileSync("ip", ["-6", "route", "add", "ff0e::/16", "dev", "lo", "table", "local"]);
    const client = s.actor();
    for (const remote of ["224.0.0.9", "127.255.255.255", "[ff0e::9]", "[ff02::9]"]) {
      const fd = await client.call("socket", { family: remote.startsWith("[") ? "ipv6" : "ipv4" });
      const real = await client.try("connect", { fd, to: `${remote}:9` });
      assert.equal("errno" in real && real.errno, "ENETUNREACH", remote);
      const { status, json } = await whyConnect(s, `${remote}:9`);
      assert.deepEqual([status, json.errno, json.step], [1, "ENETUNREACH", "connect"], remote);
    }
  }, IP),
);
