// The socket that a later life is given has the options that it set on its own, and none that only an earlier life has set.
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { CARRIED_OPTIONS } from "../../src/host/linux/carried-options.ts";
import { KeptProgram } from "./kept-program.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const ACTOR = join(import.meta.dirname, "../programs/socket-actor.js");

function keptActor(s: Story): KeptProgram {
  const kept = new KeptProgram({ ports: [7000] }, process.execPath, ACTOR);
  s.atEnd(() => kept.end());
  return kept;
}

type Made = { readonly family: "ipv4" | "ipv6"; readonly type: "stream" | "dgram" };
type Setting = readonly [level: number, name: number, ...words: number[]];

async function made(kept: KeptProgram, how: Made, settings: readonly Setting[], to?: string): Promise<number> {
  const fd = await kept.call("socket", how);
  assert.ok(typeof fd === "number", `${fd}`);
  for (const [level, name, ...words] of settings)
    assert.equal(await kept.call("setOption", { fd, level, name, words }), 0, `${level} ${name}`);
  if (to !== undefined) assert.equal(await kept.call("bind", { fd, to }), 0);
  return fd;
}

const BUFFERS: readonly (readonly [number, number, number])[] = [
  [1, 7, 4],
  [1, 8, 4],
  [1, 72, 4],
];

async function read(kept: KeptProgram, fd: number): Promise<readonly string[]> {
  const found: string[] = [];
  for (const [level, name, bytes] of [...CARRIED_OPTIONS, ...BUFFERS])
    found.push(`${level} ${name}: ${await kept.call("getOption", { fd, level, name, bytes })}`);
  // SO_LINGER: the time remains where it does not matter.
  return found.map((one) => one.replace(/^1 13: 0{8}.*/, "1 13: off"));
}

const SOL_SOCKET = 1;
const BOTH: readonly Setting[] = [
  [SOL_SOCKET, 7, 30_000], // SO_SNDBUF
  [SOL_SOCKET, 8, 500_000], // SO_RCVBUF, over net.core.rmem_max
  [SOL_SOCKET, 9, 1], // SO_KEEPALIVE
  [SOL_SOCKET, 12, 3], // SO_PRIORITY
  [SOL_SOCKET, 13, 1, 5], // SO_LINGER
  [SOL_SOCKET, 18, 5], // SO_RCVLOWAT
  [SOL_SOCKET, 35, 1], // SO_TIMESTAMPNS
  [0, 1, 0x48], // IP_TOS
  [0, 2, 9], // IP_TTL
  [0, 15, 1], // IP_FREEBIND
];
const STREAM: readonly Setting[] = [
  [6, 1, 1], // TCP_NODELAY
  [6, 4, 33], // TCP_KEEPIDLE
  [6, 9, 5], // TCP_DEFER_ACCEPT
  [6, 18, 1234], // TCP_USER_TIMEOUT
  [6, 23, 17], // TCP_FASTOPEN
];
const IPV6: readonly Setting[] = [
  [41, 67, 0x20], // IPV6_TCLASS
  [41, 49, 1], // IPV6_RECVPKTINFO
];
const DGRAM: readonly Setting[] = [
  [SOL_SOCKET, 6, 1], // SO_BROADCAST
  [0, 8, 1], // IP_PKTINFO
];

for (const { family, type, to } of [
  { family: "ipv4", type: "stream", to: "127.0.0.1:7000" },
  { family: "ipv6", type: "stream", to: "[::]:7000" },
  { family: "ipv4", type: "dgram", to: "127.0.0.1:7000" },
] as const)
  test(
    `${family} ${type}: each life's own options, whatever the one before had set`,
    story(async (s) => {
      const kept = keptActor(s);
      const own = [...BOTH, ...(type === "stream" ? STREAM : DGRAM), ...(family === "ipv6" ? IPV6 : [])];
      const lives = [[], own, own.slice(0, 4), [], own];
      for (const [index, settings] of lives.entries()) {
        const how = { family, type };
        const fresh = await read(kept, await made(kept, how, settings));
        const fd = await made(kept, how, settings, to);
        if (index > 0) await kept.told("returned", index);
        assert.deepEqual(await read(kept, fd), fresh, `life ${index + 1}`);
        if (type === "stream") assert.equal(await kept.call("listen", { fd, backlog: 5 }), 0);
        await kept.told("kept");
        if (index < lives.length - 1) await kept.crash();
      }
    }),
  );

test(
  "SO_REUSEPORT set anew, or no more: that is another place",
  story(async (s) => {
    const kept = keptActor(s);
    for (const [life, reusePort] of [false, true, true, false].entries()) {
      const fd = await kept.call("socket", { family: "ipv4", reusePort });
      assert.ok(typeof fd === "number");
      assert.equal(await kept.call("bind", { fd, to: "127.0.0.1:7000" }), 0);
      assert.equal(await kept.call("listen", { fd, backlog: 5 }), 0);
      const beside = await kept.call("socket", { family: "ipv4", reusePort: true });
      assert.ok(typeof beside === "number");
      assert.equal(
        await kept.call("bind", { fd: beside, to: "127.0.0.1:7000" }),
        reusePort ? 0 : "EADDRINUSE",
        `life ${life + 1}`,
      );
      await kept.call("close", { fd: beside });
      await kept.told("listening", life + 1);
      if (life < 3) await kept.crash();
    }
    await kept.told("returned");
    assert.equal(kept.all("returned").length, 1);
    assert.equal(kept.all("released").filter(({ because }) => because === "moved").length, 2);
  }),
);

/** struct ip_mreqn: 224.1.2.3 on the device with index 1, lo. */
const GROUP = [Buffer.from([224, 1, 2, 3]).readInt32LE(), 0, 1];
const IP_ADD_MEMBERSHIP = 35;

test(
  "UDP: a later life may join the groups that an earlier one was in, and hears also whom that was not connected to",
  story(async (s) => {
    const kept = keptActor(s);
    const other = s.actor();
    const peer = await other.call("socket", { family: "ipv4", type: "dgram" });
    await other.call("bind", { fd: peer, to: "127.0.0.1:7001" });
    for (let life = 1; life <= 3; life++) {
      const fd = await made(kept, { family: "ipv4", type: "dgram" }, [], "0.0.0.0:7000");
      const join = { fd, level: 0, name: IP_ADD_MEMBERSHIP, words: GROUP };
      assert.equal(await kept.call("setOption", join), 0, `life ${life}`);
      const stranger = s.actor();
      const client = await stranger.connect("127.0.0.1:7000", { type: "dgram" });
      await stranger.call("write", { fd: client, text: `to life ${life}` });
      assert.equal(await kept.call("read", { fd }), `to life ${life}`);
      assert.equal(await kept.call("connect", { fd, to: "127.0.0.1:7001" }), 0);
      await kept.told("kept");
      if (life < 3) await kept.crash();
    }
    await kept.told("returned", 2);
  }),
);
