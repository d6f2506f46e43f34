// What `doctor` says of local ports that run out, against what connect() answers.
import assert from "node:assert/strict";
import { test } from "node:test";
import { doctor } from "../../src/ask/doctor.ts";
import type { WhyConnect } from "../../src/verdict/why-connect.ts";
import { IP } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { typed } from "./typed.ts";
import { until } from "./until.ts";

const ONLY = { only: ["local-ports-low"] };

/** A server that is not on a loopback address, and ten local ports for those who go there. */
async function scene(s: Story, address: string) {
  s.system("sysctl", "-qw", "net.ipv4.ip_local_port_range=40000 40009");
  if (!address.startsWith("127.")) s.system("ip", "address", "add", `${address}/32`, "dev", "lo");
  const server = s.actor();
  const listener = await server.listen(`${address}:80`, { backlog: 64 });
  const client = s.actor();
  return {
    connect: async () => {
      const fd = await client.connect(`${address}:80`);
      return { near: fd, far: await server.accept(listener) };
    },
    /** The client closes first. */
    connectAndClose: async () => {
      const near = await client.connect(`${address}:80`);
      const far = await server.accept(listener);
      await client.close(near);
      await server.close(far);
    },
    tryConnect: async () => {
      const fd = await client.call("socket", { family: "ipv4" });
      const answer = await client.try("connect", { fd, to: `${address}:80` });
      return "errno" in answer ? answer.errno : "connected";
    },
    client,
  };
}

test(
  "local-ports-low: four fifths taken is a warning, all taken is critical, and then connect() fails",
  story(async (s) => {
    const { connect, connectAndClose, tryConnect } = await scene(s, "10.9.9.1");
    for (let count = 0; count < 4; count++) await connectAndClose();
    for (let count = 0; count < 3; count++) await connect();
    assert.deepEqual((await s.doctor(ONLY)).json.findings, []);

    await connectAndClose();
    const { status, json } = await s.doctor(ONLY);
    assert.equal(status, 1);
    const [low] = json.findings;
    assert.equal(low?.level, "warning");
    const { remote, localAddress, portsUsable, portsTaken, open, timeWait, timeWaitIsReused } = low.evidence;
    assert.deepEqual(
      { remote, localAddress, portsUsable, portsTaken, open, timeWait, timeWaitIsReused },
      {
        remote: { address: "10.9.9.1", port: 80 },
        localAddress: "10.9.9.1",
        portsUsable: 10,
        portsTaken: 8,
        open: 3,
        timeWait: 5,
        timeWaitIsReused: false,
      },
    );

    await connect();
    await connectAndClose();
    assert.equal(await tryConnect(), "EADDRNOTAVAIL");
    const [gone] = (await s.doctor({ ...ONLY, fixture: "local-ports-low" })).json.findings;
    assert.equal(gone?.level, "critical");
    assert.equal(gone.evidence["portsTaken"], 10);
    s.system("sh", "-c", gone.advice.find(({ command }) => command?.includes("ip_local_port_range"))?.command ?? "");
    assert.equal(await tryConnect(), "connected", "with the advised range connect() works");
    assert.deepEqual((await s.doctor(ONLY)).json.findings, []);
  }, IP),
);

test(
  "local-ports-low: the advised tcp_tw_reuse=1 lets connect() take them again, and the finding is gone",
  story(async (s) => {
    const { connectAndClose, tryConnect } = await scene(s, "10.9.9.1");
    for (let count = 0; count < 10; count++) await connectAndClose();
    const [gone] = (await s.doctor(ONLY)).json.findings;
    const advised = gone?.advice.find(({ command }) => command?.includes("tcp_tw_reuse"))?.command;
    assert.equal(advised, "sysctl -w net.ipv4.tcp_tw_reuse=1");
    s.system("sh", "-c", advised);
    assert.deepEqual((await s.doctor(ONLY)).json.findings, []);
    await until("a port in TIME-WAIT is taken again", async () => (await tryConnect()) === "connected");
  }, IP),
);

test(
  "local-ports-low: the advised drop gives them back, as does what why --connect advises",
  story(async (s) => {
    const { connectAndClose, tryConnect } = await scene(s, "10.9.9.1");
    for (let count = 0; count < 10; count++) await connectAndClose();
    const [gone] = (await s.doctor(ONLY)).json.findings;
    const advised = gone?.advice.find(({ command }) => command?.startsWith("portmortem"))?.command;
    assert.equal(advised, "portmortem drop 'state time-wait src 10.9.9.1 dst 10.9.9.1 dport = :80'");
    const { json } = await s.command<WhyConnect>(["why", "--connect", "10.9.9.1:80", "--json"]);
    assert.equal(json.connectable, false);
    assert.ok(json.advice.some(({ command }) => command === advised));
    const { status, text } = await typed(advised);
    assert.equal(status, 0, text);
    assert.deepEqual((await s.doctor(ONLY)).json.findings, []);
    assert.equal(await tryConnect(), "connected");
  }, IP),
);

test(
  "local-ports-low: ports that a program chooses outside the range are none of those that run out",
  story(async (s) => {
    const { connect, tryConnect, client } = await scene(s, "10.9.9.1");
    for (let port = 50_000; port < 50_012; port++) await client.connect("10.9.9.1:80", { from: `10.9.9.1:${port}` });
    assert.deepEqual((await s.doctor(ONLY)).json.findings, []);
    assert.equal(await tryConnect(), "connected");
    for (let count = 0; count < 7; count++) await connect();
    assert.equal((await s.doctor(ONLY)).json.findings[0]?.evidence["portsTaken"], 8);
  }, IP),
);

test(
  "local-ports-low: half of them taken and more each second is a warning before it is late",
  story(async (s) => {
    const { connect, client } = await scene(s, "10.9.9.1");
    for (let count = 0; count < 5; count++) await connect();
    const watched = async (onWait: () => void) => (await doctor({ ...ONLY, watchMs: 1000, onWait })).findings[0];
    assert.equal(await watched(() => undefined), undefined, "they do not grow");
    let more = true;
    const found = await watched(() => {
      if (more) void client.connect("10.9.9.1:80");
      more = false;
    });
    assert.equal(found?.level, "warning");
    const { portsTaken, grownPerSecond, endsInMs } = found.evidence;
    assert.equal(portsTaken, 6);
    assert.ok(Number(grownPerSecond) > 0.2 && Number(grownPerSecond) <= 1);
    assert.ok(Number(endsInMs) >= 4000 && Number(endsInMs) < 20_000);
  }, IP),
);

test(
  "local-ports-low: over loopback TIME-WAIT is used again by itself, and is no finding",
  story(async (s) => {
    const { connectAndClose, tryConnect } = await scene(s, "127.0.0.1");
    for (let count = 0; count < 10; count++) await connectAndClose();
    assert.deepEqual((await s.doctor(ONLY)).json.findings, []);
    await until("a port in TIME-WAIT is taken again", async () => (await tryConnect()) === "connected");
  }),
);

test(
  "local-ports-low counts as usable exactly the ports that connect() takes: no reserved ones, no listeners'",
  story(async (s) => {
    const { connect, tryConnect, client } = await scene(s, "10.9.9.1");
    s.system("sysctl", "-qw", "net.ipv4.ip_local_reserved_ports=39000-40001,40004");
    await client.listen("127.0.0.1:40007");
    for (let count = 0; count < 6; count++) await connect();
    assert.equal(await tryConnect(), "EADDRNOTAVAIL");
    const [gone] = (await s.doctor(ONLY)).json.findings;
    assert.deepEqual([gone?.evidence["portsUsable"], gone?.evidence["portsTaken"]], [6, 6]);
  }, IP),
);
