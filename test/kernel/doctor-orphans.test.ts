// Closed connections that no program holds any more, and whose peer is gone or does not read.
import assert from "node:assert/strict";
import { test } from "node:test";
import { IP } from "./needs.ts";
import { story } from "./story.ts";
import { typed } from "./typed.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** A server across a cable that takes connections from here. */
async function scene(s: Story, options: { readonly receiveBufferBytes?: number } = {}) {
  const { actor: server, there, cut } = s.actorAcross();
  const listener = await server.listen(`${there}:8080`, { backlog: 64, ...options });
  const client = s.actor();
  const connect = async (times: number): Promise<{ readonly near: number; readonly far: number }[]> => {
    const pairs = [];
    for (let count = 0; count < times; count++) {
      const near = await client.connect(`${there}:8080`);
      pairs.push({ near, far: await server.accept(listener) });
    }
    return pairs;
  };
  return { server, client, connect, cut, there };
}

const only = ["orphans-stuck"];

test(
  "orphans-stuck: closed towards a peer that is gone, once three retransmits got no answer",
  story(async (s) => {
    const { client, connect, cut, there } = await scene(s);
    const [last, ...first] = await connect(10);
    cut();
    for (const { near } of first) await client.close(near);
    await until("three retransmits", async () =>
      (await s.sockets("state fin-wait-1")).every(({ timer }) => (timer?.retransmits ?? 0) >= 3),
    );
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "nine are a few");
    await client.close(last!.near);
    const { json } = await s.doctor({ only, fixture: "orphans-stuck" });
    const [found] = json.findings;
    assert.equal(found?.level, "info");
    const { state, count, peers, retransmits, probing } = found.evidence;
    assert.deepEqual(
      { state, count, peers, probing },
      { state: "FIN-WAIT-1", count: 10, peers: [{ address: there, port: 8080, count: 10 }], probing: 0 },
    );
    assert.ok(Number(retransmits) >= 3);

    const advised = found.advice[1]?.command;
    if (advised !== undefined) {
      assert.equal((await typed(advised)).status, 0);
      assert.equal((await s.sockets("state fin-wait-1")).length, 0, "the advised command ends them");
    }
  }, IP),
);

test(
  "orphans-stuck: LAST-ACK is told apart from FIN-WAIT-1, and those that a program holds are not meant",
  story(async (s) => {
    const { client, server, connect, cut } = await scene(s);
    const pairs = await connect(10);
    const held = await connect(10);
    for (const { far } of pairs) await server.close(far);
    await until("the FINs have come", async () => (await s.sockets("state close-wait")).length === 10);
    cut();
    for (const { near } of pairs) await client.close(near);
    for (const { near } of held) await client.call("shutdown", { fd: near });
    const found = await until("three retransmits", async () => (await s.doctor({ only })).json.findings[0]);
    assert.deepEqual([found.evidence["state"], found.evidence["count"]], ["LAST-ACK", 10]);
    assert.equal((await s.doctor({ only })).json.findings.length, 1);
  }, IP),
);

test(
  "orphans-stuck: a peer that does not read holds them with a window of zero",
  story(async (s) => {
    const { client, connect } = await scene(s, { receiveBufferBytes: 4096 });
    const pairs = await connect(10);
    for (const { near } of pairs) await client.call("fill", { fd: near });
    for (const { near } of pairs) await client.close(near);
    const found = await until("their windows are shut", async () => {
      const [first] = (await s.doctor({ only })).json.findings;
      return first?.evidence["probing"] === 10 ? first : undefined;
    });
    assert.deepEqual([found.evidence["state"], found.evidence["count"]], ["FIN-WAIT-1", 10]);
    assert.match(found.text, /10 can send nothing and probe/);
  }, IP),
);

test(
  "orphans-limit: the orphans of the machine, against a limit that is supposed here",
  story(async (s) => {
    // The limit is the machine's, which a test does not change, and a namespace is not told it; what is counted is real.
    const { client, connect, cut } = await scene(s);
    const pairs = await connect(12);
    cut();
    for (const { near } of pairs) await client.close(near);
    const judged = async (limit: number, fixture?: string) =>
      (
        await s.doctor({
          only: ["orphans-limit"],
          settings: { "net.ipv4.tcp_max_orphans": String(limit) },
          ...(fixture === undefined ? {} : { fixture }),
        })
      ).json.findings[0];
    const found = await judged(12, "orphans-limit");
    assert.equal(found?.level, "critical");
    assert.ok(Number(found.evidence["orphans"]) >= 12);
    assert.equal(await judged(1_000_000), undefined);
    assert.deepEqual((await s.doctor({ only: ["orphans-limit"] })).json.findings, [], "the limit is not told here");
  }, IP),
);
