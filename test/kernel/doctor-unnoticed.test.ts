// Connections that nothing would notice the end of, and keepalive that asks too seldom.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { SocketOptions } from "./actor.ts";
import { IP } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const HOUR_MS = 3_600_000;

async function scene(s: Story) {
  const { actor: server, there } = s.actorAcross();
  const listener = await server.listen(`${there}:8080`, { backlog: 64 });
  const client = s.actor();
  const connect = async (times: number, options: SocketOptions = {}): Promise<number[]> => {
    const made = [];
    for (let count = 0; count < times; count++) {
      made.push(await client.connect(`${there}:8080`, options));
      await server.accept(listener);
    }
    return made;
  };
  return { client, connect, there };
}

test(
  "half-open: silent for an hour without keepalive; with it, or less long, or only two, it is nothing",
  story(async (s) => {
    const { client, connect, there } = await scene(s);
    const only = ["half-open"];
    await connect(5, { keepAlive: true });
    await connect(2);
    assert.deepEqual((await s.doctor({ only, silentForMs: HOUR_MS })).json.findings, []);
    await connect(1);
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "they are not silent for an hour yet");
    const { status, json } = await s.doctor({ only, silentForMs: HOUR_MS, fixture: "half-open" });
    assert.equal(status, 0, "silence is no fault");
    const [found] = json.findings;
    assert.equal(found?.level, "info");
    const { count, silentAnHour, pid, peers } = found.evidence;
    assert.deepEqual(
      { count, silentAnHour, pid, peers },
      { count: 3, silentAnHour: 3, pid: client.pid, peers: [{ address: there, port: 8080, count: 3 }] },
    );
  }, IP),
);

test(
  "half-open: what is under way would be missed, so it is no suspect",
  story(async (s) => {
    const { actor: server, there, cut } = s.actorAcross();
    const listener = await server.listen(`${there}:8080`, { backlog: 64 });
    const client = s.actor();
    const fds = [];
    for (let count = 0; count < 3; count++) {
      fds.push(await client.connect(`${there}:8080`));
      await server.accept(listener);
    }
    const question = { only: ["half-open"], silentForMs: HOUR_MS };
    assert.equal((await s.doctor(question)).json.findings.length, 1);
    cut();
    for (const fd of fds) await client.call("write", { fd, text: "are you there?" });
    assert.deepEqual((await s.doctor(question)).json.findings, []);
  }, IP),
);

test(
  "keepalive-slow: it is set to more than two hours, of which one is over",
  story(async (s) => {
    const { client, connect } = await scene(s);
    const question = { only: ["keepalive-slow"], silentForMs: HOUR_MS };
    await connect(1, { keepAlive: true });
    assert.deepEqual((await s.doctor(question)).json.findings, [], "two hours are what the RFC asks for");
    s.system("sysctl", "-qw", "net.ipv4.tcp_keepalive_time=9000");
    await connect(1, { keepAlive: true });
    assert.deepEqual((await s.doctor({ only: ["keepalive-slow"] })).json.findings, [], "it has been heard of just now");
    const [found] = (await s.doctor({ ...question, fixture: "keepalive-slow" })).json.findings;
    assert.equal(found?.level, "info");
    const { count, pid, keepaliveRemainingMs } = found.evidence;
    assert.deepEqual({ count, pid }, { count: 1, pid: client.pid });
    assert.ok(
      Number(keepaliveRemainingMs) > 5_300_000 && Number(keepaliveRemainingMs) <= 5_400_000,
      "an hour and a half is left",
    );
    assert.match(found.advice[1]?.command ?? "", /tcp_keepalive_time=600$/);
  }, IP),
);
