// Random scenes over a tiny range of local ports: what `why --connect` says is left is what real connect() calls then get.
import assert from "node:assert/strict";
import { test } from "node:test";
import { whyConnect } from "../../src/ask/why-connect.ts";
import type { WhyConnect } from "../../src/index.ts";
import { story } from "./story.ts";
import { ConnectScene, PEERS, SOURCES, prepareScenes, randomFrom } from "./connect-scene.ts";

const SCENES = Number(process.env["SCENES"] ?? 100);
/** A failure says its seed: SEED=… SCENES=1 is that scene alone. */
const SEED = Number(process.env["SEED"] ?? Math.floor(Math.random() * 2 ** 31));

for (const choice of ["connect", "fixed", "loop"] as const) {
  test(
    `whyConnect() counts the ports that real connect() calls get (${choice})`,
    story(async (s) => {
      prepareScenes(s);
      for (let round = 0; round < SCENES; round++) {
        const seed = (SEED + round * 7919) >>> 0;
        const random = randomFrom(seed);
        // Ports of its own for each scene: what the last one left in TIME-WAIT does not matter to it.
        const scene = new ConnectScene(20_000 + round * 16, random);
        try {
          scene.build();
          await compare[choice](scene, random);
        } catch (error) {
          throw new Error(`SEED=${seed} (${choice}): ${scene.told()}\n${String(error)}`, { cause: error });
        } finally {
          scene.clear();
        }
      }
    }),
  );
}

type Random = (below: number) => number;

const compare = {
  async connect(scene: ConnectScene, random: Random): Promise<void> {
    const peer = PEERS[random(PEERS.length)]!;
    const from = random(2) === 0 ? undefined : SOURCES[peer.family][random(SOURCES[peer.family].length)]!;
    const answer = await whyConnect(peer.text, from === undefined ? {} : { from: bare(from) });
    if (answer.ports === undefined) {
      assert.deepEqual(scene.connectAll(peer, from), { made: 0, errno: answer.errno });
      return;
    }
    sumsUp(answer);
    const { usable, undetermined } = answer.ports;
    // Of an odd number of ports the kernel passes over one, and nobody knows over which.
    const { first, last } = scene.range;
    const missed = last > first && (last - first) % 2 === 0 ? 1 : 0;
    if (usable !== missed) assert.equal(answer.connectable, usable > 0 ? true : undetermined > 0 ? undefined : false);
    if (answer.bindFirst !== undefined) {
      assert.equal(scene.bindAll(from!), answer.bindFirst.usable, "bind() of the address alone");
    }
    const { made, errno } = scene.connectAll(peer, from);
    assert.equal(errno, "EADDRNOTAVAIL");
    assert.ok(
      made >= usable - missed && made <= usable + undetermined,
      `${JSON.stringify(answer.ports)}, made ${made} to ${peer.text} from ${from}`,
    );
    if (answer.connectable === true) assert.ok(made > 0);
    if (answer.connectable === false) assert.equal(answer.errno, errno);
  },
  async fixed(scene: ConnectScene, random: Random): Promise<void> {
    const peer = PEERS[random(PEERS.length)]!;
    const from = SOURCES[peer.family][random(SOURCES[peer.family].length)]!;
    const port = scene.somePort();
    const reuseAddr = random(2) === 0;
    const probe = random(2) === 0;
    const answer = await whyConnect(peer.text, { from: `${from}:${port}`, reuseAddr, probe });
    if (answer.ports === undefined) return;
    sumsUp(answer);
    const asked = answer.attempts![0]!;
    const real = scene.connectFrom(peer, `${from}:${port}`, reuseAddr);
    const said = `${JSON.stringify(answer.attempts)}, real ${JSON.stringify(real)} to ${peer.text} from ${from}:${port}`;
    if (asked.bind === "unknown") assert.ok(!probe && reuseAddr, said);
    else assert.equal(asked.bind, real.bind, said);
    if (real.bind === "ok" && asked.connect !== undefined && asked.connect !== "unknown")
      assert.equal(asked.connect, real.connect, said);
    if (answer.connectable !== undefined) assert.equal(answer.connectable, real.connect === "ok", said);
    if (answer.errno !== undefined) assert.equal(answer.errno, real.connect ?? real.bind, said);
  },
  async loop(scene: ConnectScene, random: Random): Promise<void> {
    const peer = PEERS[random(PEERS.length)]!;
    const named = random(3) > 0;
    const from = named ? SOURCES[peer.family][random(SOURCES[peer.family].length)]! : "";
    const { first, last } = scene.range;
    const answer = await whyConnect(peer.text, { from: `${from}:${first - 1}-${last}` });
    assert.equal(answer.local.choice, "bind");
    if (answer.ports === undefined) return;
    sumsUp(answer);
    let made = 0;
    const any = peer.family === "ipv6" ? "[::]" : "0.0.0.0";
    for (let port = first - 1; port <= last; port++)
      if (scene.connectFrom(peer, `${named ? from : any}:${port}`, false).connect === "ok") made++;
    const { usable, undetermined } = answer.ports;
    assert.ok(
      made >= usable && made <= usable + undetermined,
      `${JSON.stringify(answer.ports)}, made ${made} to ${peer.text} from ${from}`,
    );
  },
};

function sumsUp({ ports }: WhyConnect): void {
  const { total, usable, ...classes } = ports!;
  assert.equal(
    Object.values(classes).reduce((sum, count) => sum + count, 0),
    total,
  );
  assert.equal(usable, ports!.free + ports!.shared + ports!.reusable);
}

function bare(address: string): string {
  return address.replace(/^\[|\]$/g, "");
}
