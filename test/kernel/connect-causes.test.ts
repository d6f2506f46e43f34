// `why --connect` names what keeps the local ports, and nothing that it advises misses the cause: the built command on the real kernel.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { WhyConnect } from "../../src/index.ts";
import type { Actor } from "./actor.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const TO = "127.0.0.1:5432";

function set(name: string, value: string | number): void {
  writeFileSync(`/proc/sys/net/ipv4/${name}`, `${value}\n`);
}

async function ask(s: Story, args: string): Promise<WhyConnect> {
  return (await s.command<WhyConnect>(["why", "--connect", ...args.split(" "), "--json"])).json;
}

interface Scene {
  readonly client: Actor;
  readonly ours: readonly number[];
  readonly server: Actor;
}

async function connected(s: Story, count: number): Promise<Scene> {
  const client = s.actor();
  const server = s.actor();
  const listener = await server.listen(TO, { reuseAddr: true, backlog: 64 });
  const ours: number[] = [];
  for (let one = 0; one < count; one++) {
    ours.push(await client.connect(TO));
    await server.accept(listener);
  }
  return { client, ours, server };
}

for (const mode of [0, 1])
  test(
    `tcp_tw_reuse=${mode}: every port in FIN-WAIT-2 is the doing of a peer that does not close, and nothing else helps`,
    story(async (s) => {
      set("ip_local_port_range", "40000 40009");
      set("tcp_tw_reuse", mode);
      const { client, ours, server } = await connected(s, 10);
      for (const fd of ours) await client.close(fd);
      await until("10 in FIN-WAIT-2", async () => (await s.sockets("state fin-wait-2")).length === 10);
      const why = await ask(s, TO);
      assert.deepEqual([why.connectable, why.ports?.finWait2], [false, 10]);
      assert.deepEqual(
        why.peerHolders.map(({ ports, socket }) => [ports, socket.owners?.[0]?.pid]),
        [[10, server.pid]],
      );
      // Ten ports, each away for the 60 s of tcp_fin_timeout.
      assert.equal(why.perSecond, 0.166);
      assert.match(why.advice[0]!.text, new RegExp(`^mend .* \\(pid ${server.pid}\\) on port 5432: it has not closed`));
      for (const { text, command, perSecond } of why.advice) {
        assert.doesNotMatch(`${text} ${command ?? ""}`, /TIME-WAIT|tcp_tw_reuse/);
        if (perSecond !== undefined && command === undefined) assert.equal(perSecond, 0.333);
      }
      const text = (await s.command(["why", "--connect", TO])).text;
      assert.match(text, new RegExp(`FIN-WAIT-2 .*closed here; .*\\(pid ${server.pid}\\)\\s+has not\\s+closed`));
      assert.doesNotMatch(text, /taken again/);
      assert.match(text, /one connection in 7 s .* and\s+the\s+peer\s+does\s+not\s+close/);
    }),
  );

test(
  "where all ports are connected to the peer, whose they are is named",
  story(async (s) => {
    set("ip_local_port_range", "40000 40009");
    const { client } = await connected(s, 7);
    const other = s.actor();
    for (let one = 0; one < 3; one++) await other.connect(TO);
    const why = await ask(s, TO);
    assert.deepEqual([why.connectable, why.ports?.connected], [false, 10]);
    assert.deepEqual(
      why.connectedHolders.map(({ ports, socket }) => [ports, socket.owners?.[0]?.pid]),
      [
        [7, client.pid],
        [3, other.pid],
      ],
    );
    assert.match(why.advice[0]!.text, new RegExp(`^let .* \\(pid ${client.pid}\\) keep fewer`));
    assert.match(
      (await s.command(["why", "--connect", TO])).text,
      new RegExp(`connected .*\\(pid ${client.pid}\\)\\s+has\\s+7`),
    );
  }),
);
