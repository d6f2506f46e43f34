import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, listenerFacts } from "../../../test/contracts/health-snapshots.ts";
import type { TimeWaitCensus } from "../../tcp/health-snapshot.ts";
import type { Finding } from "./finding.ts";
import { TIME_WAIT_PILE } from "./time-wait-pile.ts";

function judge(census: Partial<TimeWaitCensus>) {
  return TIME_WAIT_PILE.find(
    healthySnapshot({
      now: healthyLook({ timeWait: { total: 5000, byLocalPort: [], byPeer: [], ...census } }),
      listeners: [listenerFacts({ address: "::", port: 8080 })],
    }),
  );
}

test("time-wait-pile says that the server closes first where somebody listens on the port", () => {
  const [found] = judge({
    byLocalPort: [{ port: 8080, count: 1200, listening: true, clients: [{ address: "10.0.0.7", count: 1200 }] }],
  });
  assert.equal(found?.level, "info");
  assert.equal(found.title, "node (pid 812), port 8080: 1 200 connections in TIME-WAIT");
  assert.match(found.text, /it is the server that closes first: about 20 times a second/);
  assert.deepEqual(found.evidence, {
    side: "server",
    port: 8080,
    count: 1200,
    listening: true,
    pid: 812,
    command: "node",
    closedPerSecond: 20,
    peers: [{ address: "10.0.0.7", count: 1200 }],
  });
});

test("time-wait-pile says that a client here closes first where it had gone out, and that no setting shortens it", () => {
  const [found] = judge({ byPeer: [{ address: "10.0.0.9", port: 5432, count: 3000 }] });
  assert.equal(found?.title, "3 000 connections to 10.0.0.9:5432 in TIME-WAIT");
  assert.equal(found.evidence["side"], "client");
  assert.match(found.text, /Each keeps a local port/);
  const [local] = judge({ byPeer: [{ address: "127.0.0.1", port: 5432, count: 3000 }] });
  assert.match(local?.text ?? "", /takes their local ports again/, "tcp_tw_reuse=2, the default");
  const commands = (finding: Finding | undefined) => finding?.advice.flatMap(({ command = [] }) => command);
  assert.deepEqual(commands(found), ["portmortem drop 'state time-wait dst 10.0.0.9 dport = :5432'"]);
  assert.deepEqual(commands(local), [], "there is nothing to be had");
  assert.ok(found.advice.some(({ text }) => text.includes("tcp_fin_timeout is another state's")));
});

test("time-wait-pile knows a port whose listener is gone", () => {
  const [found] = judge({ byLocalPort: [{ port: 9000, count: 1000, listening: false, clients: [] }] });
  assert.equal(found?.title, "port 9000: 1 000 connections in TIME-WAIT");
  assert.match(found.text, /^Nobody listens on this port any more/);
});

test("time-wait-pile is silent below a thousand", () => {
  assert.deepEqual(
    judge({
      byLocalPort: [{ port: 8080, count: 999, listening: true, clients: [] }],
      byPeer: [{ address: "10.0.0.9", port: 5432, count: 999 }],
    }),
    [],
  );
});
