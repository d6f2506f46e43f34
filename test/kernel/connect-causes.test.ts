// `why --connect` names what keeps the local ports, and nothing that it advises misses the cause: the built command on the real kernel.
import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { test } from "node:test";
import type { WhyConnect } from "../../src/index.ts";
import type { Actor } from "./actor.ts";
import { IP } from "./needs.ts";
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

for (const { args, routes = [], errno, reason, advice } of [
  {
    args: "10.1.2.3:80",
    errno: "ENETUNREACH",
    reason: /^no route leads to 10\.1\.2\.3/,
    advice: /ip route get 10\.1\.2\.3$/,
  },
  { args: "224.0.0.9:80", errno: "ENETUNREACH", reason: /address of a group/ },
  {
    args: "127.0.0.1:80 --from 203.0.113.7",
    errno: "EADDRNOTAVAIL",
    reason: /^no device of this machine has the address 203\.0\.113\.7$/,
    advice: /addresses are 10\.77\.0\.1, 127\.0\.0\.1/,
  },
  { args: "[fe80::1]:80", errno: "EINVAL", reason: /^fe80::1 is link-local/, advice: /write \[fe80::1%DEVICE\]:80$/ },
  {
    args: "[::1]:80 --from fe80::1",
    errno: "EINVAL",
    reason: /^fe80::1 is link-local/,
    advice: /--from fe80::1%DEVICE$/,
  },
  { args: "10.1.2.3:80", routes: ["unreachable 10.1.2.3"], errno: "EHOSTUNREACH", reason: /of the type "unreachable"/ },
  { args: "10.1.2.3:80", routes: ["prohibit 10.1.2.3"], errno: "EACCES", reason: /of the type "prohibit"/ },
  { args: "10.1.2.3:80", routes: ["blackhole 10.1.2.3"], errno: "EINVAL", reason: /of the type "blackhole"/ },
  {
    args: "10.1.2.3:80 --from 127.0.0.1",
    routes: ["10.1.2.3 dev pm0"],
    errno: "EINVAL",
    reason: /^127\.0\.0\.1 is a loopback address/,
  },
])
  test(
    `${errno} to ${args} ${routes.join("")} comes with its reason and, where there is one, a way out`,
    story(async (s) => {
      s.actorAcross();
      for (const route of routes) s.system("ip", "route", "add", ...route.split(" "));
      const why = await ask(s, args);
      assert.equal(why.errno, errno);
      assert.match(why.reason ?? "", reason);
      if (advice !== undefined)
        assert.match(why.advice.map(({ text, command = "" }) => text + command).join("\n"), advice);
      assert.ok((await s.command(["why", "--connect", ...args.split(" ")])).text.includes("as it is\n"));
    }, IP),
  );

test(
  "a port of the program's own choice passes, which is not said as if somebody had answered",
  story(async (s) => {
    const { text } = await s.command(["why", "--connect", TO, "--from", "127.0.0.1:40000"]);
    assert.match(text, /can have this port\n/);
    assert.doesNotMatch(text, /connect\(\) ok/);
    assert.match(text, /whether anybody listens at the peer was not tried/);
  }),
);

test(
  "how shared ports were got is doubted until connect() has shared one of them",
  story(async (s) => {
    set("ip_local_port_range", "40000 40001");
    const { client } = await connected(s, 2);
    const listener = await client.listen("127.0.0.1:5433", { backlog: 8 });
    assert.ok(listener > 0);
    const doubts = async (): Promise<number> =>
      (await ask(s, "127.0.0.2:5432")).incomplete.filter(({ what }) => what.includes("shared ports can really be had"))
        .length;
    assert.equal(await doubts(), 1);
    await client.connect("127.0.0.1:5433");
    assert.equal(await doubts(), 0);
  }),
);

test(
  "a port that bind() with port 0 got is one that connect() passes over, so the doubt stays",
  story(async (s) => {
    set("ip_local_port_range", "40000 40001");
    const server = s.actor();
    await server.listen("0.0.0.0:5432", { reuseAddr: true, backlog: 8 });
    const client = s.actor();
    for (let one = 0; one < 2; one++) await client.connect(TO, { from: "127.0.0.1:0" });
    const why = await ask(s, "127.0.0.2:5432");
    assert.ok(why.incomplete.some(({ what }) => what === "whether one of the 2 shared ports can really be had"));
    const fd = await client.call("socket", { family: "ipv4" });
    const real = await client.try("connect", { fd, to: "127.0.0.2:5432" });
    assert.equal("errno" in real && real.errno, "EADDRNOTAVAIL");
  }),
);

test(
  "a port that was accepted on is not taken for a client's because another address listens on the other end's port",
  story(async (s) => {
    const peers = s.actor();
    await peers.listen("0.0.0.0:5432", { reuseAddr: true, backlog: 8 });
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:40001", { reuseAddr: true, backlog: 8 });
    set("ip_local_port_range", "40000 40000");
    const client = s.actor();
    await client.connect("127.0.0.1:40001");
    await server.accept(listener);
    await server.close(listener);
    await server.listen("127.0.0.2:40000", { reuseAddr: true });
    set("ip_local_port_range", "40000 40001");
    const { ports, connectable } = await ask(s, TO);
    assert.deepEqual([ports?.held, ports?.shared, ports?.undetermined, connectable], [1, 0, 1, undefined]);
    const fd = await client.call("socket", { family: "ipv4" });
    const real = await client.try("connect", { fd, to: TO });
    assert.equal("errno" in real && real.errno, "EADDRNOTAVAIL");
  }),
);
