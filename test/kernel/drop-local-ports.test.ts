// After a client's crash: what `portmortem drop` says that there is of local ports, before and after, is what real connect() calls get.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { DropResult, PeerPorts } from "../../src/tcp/drop-result.ts";
import type { Actor } from "./actor.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

function setting(s: Story, name: string, value: string): void {
  s.system("sysctl", "-qw", `net.ipv4.${name}=${value}`);
}

interface Crash {
  readonly actor: Actor;
  readonly listener: number;
  readonly to: string;
}

/** A server, and a client that has left so many connections to it in TIME-WAIT. */
async function crash(s: Story, to: string, count: number): Promise<Crash> {
  const actor = s.actor();
  const listener = await actor.listen(to, { backlog: 4096 });
  await actor.call("closedFirst", { to, listener, count });
  return { actor, listener, to };
}

async function drop(s: Story, ...args: readonly string[]): Promise<readonly PeerPorts[]> {
  const { status, json } = await s.command<DropResult>(["drop", "state time-wait dport = :5432", ...args, "--json"]);
  assert.equal(status, 0);
  assert.equal(json.gone, args.includes("--dry-run") ? 0 : json.matched);
  return json.localPorts;
}

/** How many connections can be made now. */
async function connects({ actor, listener, to }: Crash, from?: string): Promise<number> {
  const { made, errno } = await actor.call("connectAll", { to, listener, ...(from === undefined ? {} : { from }) });
  assert.equal(errno, "EADDRNOTAVAIL");
  return made;
}

test(
  "thousands in TIME-WAIT: the local ports to that peer before and after are those that connect() gets",
  story(async (s) => {
    setting(s, "tcp_tw_reuse", "0");
    setting(s, "ip_local_port_range", "40000 44999");
    // Ports that a connection cannot have, each for a reason of its own.
    setting(s, "ip_local_reserved_ports", "40100-40109,50000");
    const other = s.actor();
    await other.listen("127.0.0.9:40200");
    await other.bound("127.0.0.9:40201");
    const elsewhere = await other.listen("127.0.0.9:39000");
    await other.connect("127.0.0.9:39000", { from: "127.0.0.9:40202" });
    await other.accept(elsewhere);
    const scene = await crash(s, "127.0.0.1:5432", 3000);
    const [dry, ...more] = await drop(s, "--dry-run");
    assert.deepEqual(more, []);
    assert.equal(dry?.before, await connects(scene));
    const [ports] = await drop(s);
    assert.deepEqual(ports, {
      peer: { address: "127.0.0.1", port: 5432 },
      localAddress: "127.0.0.1",
      of: 4990,
      before: 4990 - 3 - 3000,
      after: 4990 - 3,
    });
    assert.equal(ports?.after, await connects(scene));
    const text = `${4990 - 3} of 4990 are usable, ${4990 - 3 - 3000} before`;
    const again = await crash(s, "127.0.0.2:5432", 3000);
    const human = await s.command(["drop", "state time-wait dport = :5432"]);
    assert.ok(human.text.replaceAll(/\s+/g, " ").includes(text.replaceAll(/\B(?=(\d{3})+\b)/g, " ")), human.text);
    assert.equal(await connects(again), 4990 - 3);
  }),
);

test(
  "each pair of a local address and a peer has its own; over IPv6 too",
  story(async (s) => {
    setting(s, "tcp_tw_reuse", "0");
    setting(s, "ip_local_port_range", "40000 40199");
    const near = await crash(s, "127.0.0.1:5432", 60);
    const six = await crash(s, "[::1]:5432", 40);
    const pairs = (ports: readonly PeerPorts[]): (readonly [string, number, number | undefined])[] =>
      ports
        .map(({ localAddress, before, after }) => [localAddress, before, after] as const)
        .sort(([a], [b]) => (a < b ? -1 : 1));
    assert.deepEqual(pairs(await drop(s, "--dry-run")), [
      ["127.0.0.1", 140, undefined],
      ["::1", 160, undefined],
    ]);
    assert.equal(await connects(near, "127.0.0.3:0"), 200, "from another address none is taken");
    assert.deepEqual([await connects(near), await connects(six)], [140, 160]);
    assert.deepEqual(pairs(await drop(s)), [
      ["127.0.0.1", 140, 200],
      ["::1", 160, 200],
    ]);
    assert.deepEqual([await connects(near), await connects(six)], [200, 200]);
  }),
);

test(
  "what connect() takes again though it is in TIME-WAIT (tcp_tw_reuse) is usable before, too",
  story(async (s) => {
    setting(s, "tcp_tw_reuse", "1");
    setting(s, "ip_local_port_range", "40000 40099");
    const scene = await crash(s, "127.0.0.1:5432", 50);
    // Once each is older than a second.
    await until("all are usable", async () => (await drop(s, "--dry-run"))[0]?.before === 100);
    assert.equal(await connects(scene), 100);
  }),
);
