// Listeners of other network namespaces: how to look in, and how they explain a port that is not what somebody thinks.
import assert from "node:assert/strict";
import { test } from "node:test";
import { waitUntilBindable } from "../../src/act/wait-until-bindable.ts";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import type { Socket } from "../../src/tcp/socket.ts";
import { IP, NAMED_NAMESPACES } from "./needs.ts";
import type { Actor } from "./actor.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

type Listing = { readonly sockets: readonly Socket[] };

test(
  "a listener of another namespace is told, and does not take the port",
  story(async (story) => {
    const { pid } = await withListenerInside("127.0.0.1:49360", story);
    const { status, json, text } = await story.why("49360");
    assert.equal(status, 0, text);
    const listeners = json.elsewhere.filter(({ socket }) => socket.owners?.some((owner) => owner.pid === pid));
    assert.equal(listeners.length, 1);
    assert.match(listeners[0]?.text ?? "", /listens on 127\.0\.0\.1:49360 in .*, which does not stand in the way here/);
    const human = await story.command(["why", "49360"]);
    assert.match(human.text, /^port 49360 is free: [^]*^elsewhere$[^]*the network namespace of pid \d+/m);
  }),
);

test(
  "--netns by pid and by path: looks at, and binds in, that namespace",
  story(async (story) => {
    const { pid } = await withListenerInside("127.0.0.1:49361", story);
    for (const netns of [String(pid), `/proc/${pid}/ns/net`]) {
      const there = await story.why(`127.0.0.1:49361 --netns ${netns}`);
      assert.equal(there.status, 1, netns);
      assert.equal(there.json.attempts[0]?.by, "probe");
      assert.deepEqual(
        there.json.blockers.map(({ rule, socket }) => [rule, socket?.owners?.[0]?.pid]),
        [["listener", pid]],
      );
      const { json } = await story.command<Listing>(["ls", "sport = :49361", "--netns", netns, "--json"]);
      assert.equal(json.sockets.length, 1);
      assert.notEqual(json.sockets[0]?.netns, (await story.why("49361")).json.blockers[0]?.socket?.netns);
    }
    assert.equal((await story.why("127.0.0.1:49361")).status, 0, "and none of it here");
  }),
);

test(
  "--netns by name",
  story(async (story) => {
    const name = `portmortem-test-${process.pid}`;
    story.system("ip", "netns", "add", name);
    story.atEnd(() => story.system("ip", "netns", "delete", name));
    story.system("ip", "-n", name, "link", "set", "lo", "up");
    const free = await story.why(`49362 --netns ${name}`);
    assert.equal(free.status, 0);
    const inside = story.actorIn(`/run/netns/${name}`);
    await inside.listen("127.0.0.1:49362");
    const taken = await story.why(`49362 --netns ${name}`);
    assert.equal(taken.status, 1);
    assert.equal(taken.json.blockers[0]?.socket?.owners?.[0]?.pid, inside.pid);
    const here = await story.why("49362");
    assert.equal(here.status, 0);
    assert.deepEqual(
      here.json.elsewhere.map(({ names }) => names),
      [[name]],
    );
    const wrong = await story.command<{ error: { code: string; hint: string } }>([
      "why",
      "49362",
      "--netns",
      "nowhere",
      "--json",
    ]);
    assert.equal(wrong.json.error.code, "PM_NETNS_NOT_FOUND");
    assert.match(wrong.json.error.hint, new RegExp(name));
  }, NAMED_NAMESPACES),
);

test(
  "docker-proxy: the listener here, and the container's listener it leads to",
  story(async (story) => {
    const { pid } = await withListenerInside("0.0.0.0:8080", story);
    // The bridge's two ends: 172.30.0.1 here, 172.30.0.2 in the container.
    story.system("ip", "link", "add", "bridge", "type", "veth", "peer", "name", "eth0", "netns", String(pid));
    story.system("ip", "address", "add", "172.30.0.1/24", "dev", "bridge");
    story.system("ip", "link", "set", "bridge", "up");
    story.system("nsenter", `--net=/proc/${pid}/ns/net`, "ip", "address", "add", "172.30.0.2/24", "dev", "eth0");
    const proxy = story.program(
      "docker-proxy",
      [
        "-proto",
        "tcp",
        "-host-ip",
        "0.0.0.0",
        "-host-port",
        "49363",
        "-container-ip",
        "172.30.0.2",
        "-container-port",
        "8080",
      ],
      { argv0: "/usr/bin/docker-proxy" },
    );
    assert.equal(await proxy.line(), "listening");
    const { status, json } = await story.why("49363");
    assert.equal(status, 1);
    assert.deepEqual(
      json.blockers.map(({ rule, socket }) => [rule, socket?.owners?.[0]?.pid]),
      [["listener", proxy.pid]],
    );
    const behind = json.elsewhere.find(({ socket }) => socket.owners?.[0]?.pid === pid);
    assert.match(behind?.text ?? "", /listens on 0\.0\.0\.0:8080 in .*: docker-proxy here forwards to it/);
    assert.match(json.advice[0]?.text ?? "", /stop that container, not /);
    assert.ok(json.advice.every(({ command }) => !command?.includes("kill")));
  }, IP),
);

test(
  "the last one of a namespace that its pid stands for: free tells its end, and proves it there; wait sees it end",
  story(async (story) => {
    const server = await withListenerInside("127.0.0.1:49364", story);
    await server.listen("127.0.0.1:49365", { reuseAddr: true });
    const ports = ["127.0.0.1:49364", "127.0.0.1:49365", "--netns", String(server.pid)];
    const freed = await story.command<FreeResult>(["free", ...ports, "--yes", "--json"]);
    assert.deepEqual([freed.status, freed.json.bindable], [0, true], freed.text);
    assert.deepEqual(
      freed.json.done.flatMap((one) => (one.kind === "signal" ? [[one.pid, one.result]] : [])),
      [
        [server.pid, "ok"],
        [server.pid, "not-needed"],
      ],
    );
    const next = await withListenerInside("127.0.0.1:49366", story);
    let waiting = false;
    const waited = waitUntilBindable("127.0.0.1:49366", { netns: next.pid, onWaiting: () => (waiting = true) });
    await until("it waits", () => waiting);
    await next.kill();
    assert.equal((await waited).bindable, true);
  }),
);

/** A process that listens in a namespace of its own, which nothing but the process holds. */
async function withListenerInside(endpoint: string, story: Story): Promise<Actor> {
  const actor = story.actorElsewhere();
  await actor.listen(endpoint, { reuseAddr: true });
  return actor;
}
