// `portmortem drop` against the running kernel: what is ended, who notices, and what is never touched.
import assert from "node:assert/strict";
import { test } from "node:test";
import { drop } from "../../src/act/drop.ts";
import type { DropResult } from "../../src/tcp/drop-result.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import type { Actor } from "./actor.ts";
import { IP, NAMED_NAMESPACES, SECOND_USER } from "./needs.ts";
import type { Answer, CommandOptions, Story } from "./story.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

type DropAnswer = DropResult & { readonly schema: string };

function run(s: Story, args: readonly string[], options: CommandOptions = {}): Promise<Answer<DropAnswer>> {
  return s.command<DropAnswer>(["drop", ...args, "--json"], options);
}

interface Pair {
  readonly server: Actor;
  readonly client: Actor;
  readonly listener: number;
  readonly accepted: number;
  readonly fd: number;
}

async function connect(s: Story, port: number, server = s.actor(), client = s.actor()): Promise<Pair> {
  const listener = await server.listen(`127.0.0.1:${port}`, { reuseAddr: true });
  const fd = await client.connect(`127.0.0.1:${port}`);
  const accepted = await server.accept(listener);
  return { server, client, listener, accepted, fd };
}

async function errnoOf(actor: Actor, fd: number): Promise<string> {
  const answer = await actor.try("read", { fd });
  return "errno" in answer ? answer.errno : `read ${JSON.stringify(answer.value)}`;
}

async function serves(s: Story, { server, listener }: Pair, port: number): Promise<void> {
  const guest = s.actor();
  const fd = await guest.connect(`127.0.0.1:${port}`);
  await guest.call("write", { fd, text: "still there?" });
  const accepted = await server.accept(listener);
  assert.equal(await server.call("read", { fd: accepted }), "still there?");
}

test(
  "an open connection is ended for both ends, and the listener serves on",
  story(async (s) => {
    const pair = await connect(s, 48_001);
    const { status, json } = await run(s, ["dport = :48001", "--yes"]);
    assert.deepEqual([status, json.schema, json.matched, json.dropped, json.gone], [0, "portmortem.drop/1", 1, 1, 1]);
    assert.deepEqual(json.failed, []);
    assert.match(json.plan[0]?.text ?? "", new RegExp(`pid ${pair.client.pid}`));
    assert.equal(await errnoOf(pair.client, pair.fd), "ECONNABORTED");
    assert.equal(await errnoOf(pair.server, pair.accepted), "ECONNRESET");
    await serves(s, pair, 48_001);
  }),
);

test(
  "what no program holds is cleared without --yes; what one holds needs it, and stays",
  story(async (s) => {
    const pair = await connect(s, 48_002);
    const brief = await pair.client.connect("127.0.0.1:48002");
    await pair.client.close(brief);
    await pair.server.close(await pair.server.accept(pair.listener));
    await s.socket("state time-wait dport = :48002");
    const refused = await s.command<{ error: { code: string } }>(["drop", "dport = :48002", "--json"]);
    assert.deepEqual([refused.status, refused.json.error.code], [2, "PM_NEEDS_CONSENT"]);
    const cleared = await run(s, ["state time-wait dport = :48002"]);
    assert.deepEqual([cleared.status, cleared.json.dropped, cleared.json.gone], [0, 1, 1]);
    assert.deepEqual(
      (await s.sockets("dport = :48002")).map(({ state }) => state),
      ["ESTABLISHED"],
    );
    const again = await run(s, ["state time-wait dport = :48002"]);
    assert.deepEqual([again.status, again.json.matched], [1, 0], "nothing matches");
  }),
);

test(
  "listeners are never destroyed: alone they are refused, beside connections they are spared",
  story(async (s) => {
    const pair = await connect(s, 48_003);
    const refused = await s.command<{ error: { code: string } }>(["drop", "state listening", "--yes", "--json"]);
    assert.deepEqual([refused.status, refused.json.error.code], [2, "PM_NO_CONNECTION"]);
    const { status, json } = await run(s, ["sport = :48003", "--yes"]);
    assert.deepEqual([status, json.matched, json.gone], [0, 1, 1]);
    assert.deepEqual(
      json.spared.map(({ count, socket }) => [count, socket.state]),
      [[1, "LISTEN"]],
    );
    await serves(s, pair, 48_003);
  }),
);

test(
  "a filter that rules nothing out is refused",
  story(async (s) => {
    const pair = await connect(s, 48_004);
    for (const filter of [[], [""], ["src *"]]) {
      const { status, json } = await s.command<{ error: { code: string } }>(["drop", ...filter, "--yes", "--json"]);
      assert.equal(status, 2, JSON.stringify(filter));
      assert.match(json.error.code, /^PM_(FILTER_TOO_WIDE|USAGE)$/);
    }
    await pair.client.call("write", { fd: pair.fd, text: "alive" });
    assert.equal(await pair.server.call("read", { fd: pair.accepted }), "alive");
  }),
);

test(
  "--dry-run does nothing and says all; --limit ends no more than so many",
  story(async (s) => {
    const pair = await connect(s, 48_005);
    for (let more = 0; more < 4; more++) {
      await pair.client.connect("127.0.0.1:48005");
      await pair.server.accept(pair.listener);
    }
    const dry = await run(s, ["dport = :48005", "--dry-run"]);
    assert.deepEqual([dry.status, dry.json.matched, dry.json.dropped, dry.json.dryRun], [0, 5, 0, true]);
    assert.equal((await s.sockets("dport = :48005")).length, 5);
    const some = await run(s, ["dport = :48005", "--yes", "--limit", "2"]);
    assert.deepEqual([some.status, some.json.matched, some.json.dropped, some.json.gone], [0, 5, 2, 2]);
    assert.equal((await s.sockets("dport = :48005")).length, 3);
  }),
);

test(
  "--how shutdown delivers what was written, and both ends read the end; --how reset does not wait for it",
  story(async (s) => {
    const pair = await connect(s, 48_006);
    await pair.client.call("write", { fd: pair.fd, text: "last words" });
    const shut = await run(s, ["dport = :48006", "--yes", "--how", "shutdown"]);
    assert.deepEqual([shut.status, shut.json.dropped], [0, 1]);
    assert.equal(await pair.server.call("read", { fd: pair.accepted }), "last words");
    assert.equal(await pair.server.call("read", { fd: pair.accepted }), "");
    assert.equal(await pair.client.call("read", { fd: pair.fd }), "");
    // It is shut on this side: to shut it again would do nothing.
    const again = await run(s, ["dport = :48006 state fin-wait-2", "--yes", "--how", "shutdown"]);
    assert.deepEqual([again.status, again.json.dropped, again.json.failed[0]?.lacks], [5, 0, "descriptor"]);
    const reset = await run(s, ["dport = :48006 state fin-wait-2", "--yes", "--how", "reset"]);
    assert.deepEqual([reset.status, reset.json.dropped, reset.json.gone], [0, 1, 1]);
  }),
);

test(
  "a shutdown reaches a listener neither by its own filter nor as a stand-in for a connection",
  story(async (s) => {
    const pair = await connect(s, 48_007);
    for (const how of ["shutdown", "reset"]) {
      const { status } = await s.command(["drop", "state listening", "--yes", "--how", how, "--json"]);
      assert.equal(status, 2);
    }
    await serves(s, pair, 48_007);
  }),
);

const STATES: readonly {
  readonly state: string;
  readonly filter: string;
  readonly make: (s: Story) => Promise<unknown>;
}[] = [
  {
    state: "SYN-SENT",
    filter: "state syn-sent dport = :48100",
    // A full queue of connections answers no more requests.
    make: async (s) => {
      const server = s.actor();
      const client = s.actor();
      await server.listen("127.0.0.1:48100", { backlog: 0 });
      await client.connect("127.0.0.1:48100");
      for (let more = 0; more < 3; more++) await client.connect("127.0.0.1:48100", { nonBlocking: true });
      await s.gone("state established sport = :48100 dport = :1");
    },
  },
  {
    state: "CLOSE-WAIT",
    filter: "state close-wait sport = :48101",
    make: async (s) => {
      const pair = await connect(s, 48_101);
      await pair.client.close(pair.fd);
    },
  },
  {
    state: "FIN-WAIT-2 with a descriptor",
    filter: "state fin-wait-2 dport = :48102",
    make: async (s) => {
      const pair = await connect(s, 48_102);
      await pair.client.call("shutdown", { fd: pair.fd });
    },
  },
  {
    state: "FIN-WAIT-2 without one",
    filter: "state fin-wait-2 dport = :48103",
    make: async (s) => {
      const pair = await connect(s, 48_103);
      await pair.client.close(pair.fd);
    },
  },
  {
    state: "FIN-WAIT-1 that cannot deliver",
    filter: "state fin-wait-1 sport = :48104",
    make: async (s) => {
      const server = s.actor();
      const client = s.actor();
      const listener = await server.listen("127.0.0.1:48104");
      await client.connect("127.0.0.1:48104", { receiveBufferBytes: 4096 });
      await server.call("fill", { fd: await server.accept(listener) });
      await server.kill();
    },
  },
  {
    state: "TIME-WAIT",
    filter: "state time-wait dport = :48105",
    make: async (s) => {
      const pair = await connect(s, 48_105);
      await pair.client.close(pair.fd);
      await pair.server.close(pair.accepted);
    },
  },
  {
    state: "an unaccepted one",
    filter: "state established sport = :48106",
    make: async (s) => {
      const server = s.actor();
      await server.listen("127.0.0.1:48106");
      await s.actor().connect("127.0.0.1:48106");
    },
  },
  {
    state: "IPv6",
    filter: "state established dport = :48107",
    make: async (s) => {
      const server = s.actor();
      await server.listen("[::1]:48107");
      await s.actor().connect("[::1]:48107");
    },
  },
  {
    state: "an IPv4-mapped one",
    filter: "state established sport = :48108",
    make: async (s) => {
      const server = s.actor();
      const listener = await server.listen("[::]:48108", { v6only: false });
      await s.actor().connect("127.0.0.1:48108");
      await server.accept(listener);
    },
  },
  {
    state: "one that is bound to a device",
    filter: "state established dport = :48109",
    make: async (s) => {
      const server = s.actor();
      await server.listen("127.0.0.1:48109");
      await s.actor().connect("127.0.0.1:48109", { device: "lo" });
    },
  },
];

for (const { state, filter, make } of STATES)
  test(
    `drop ends a connection in every state: ${state}`,
    story(async (s) => {
      await make(s);
      const port = /:(\d+)/.exec(filter)?.[1];
      const before = (await s.sockets(`state listening sport = :${port}`)).length;
      const result = await until("it matches", async () => {
        const tried = await drop({ filter, yes: true });
        return tried.matched > 0 && tried;
      });
      assert.deepEqual([result.dropped, result.gone, result.failed], [result.matched, result.matched, []]);
      await s.gone(filter);
      assert.equal((await s.sockets(`state listening sport = :${port}`)).length, before, "the listener is untouched");
    }),
  );

test(
  "a connection that vanishes between plan and act: its cookie guards the listener of its port",
  story(async (s) => {
    const pair = await connect(s, 48_008);
    const result = await drop({
      filter: "sport = :48008",
      confirm: async () => {
        await pair.client.close(pair.fd);
        await pair.server.close(pair.accepted);
        await s.gone("state established sport = :48008");
        return true;
      },
    });
    assert.deepEqual([result.matched, result.dropped, result.gone, result.failed], [1, 0, 1, []]);
    await serves(s, pair, 48_008);
  }),
);

test(
  "a descriptor that has become a listener between plan and act is left alone, whatever way is asked for",
  story(async (s) => {
    for (const how of ["destroy", "shutdown", "reset"] as const) {
      const server = s.actor();
      const client = s.actor();
      const listener = await server.listen("127.0.0.1:48009", { reuseAddr: true });
      const fd = await client.connect("127.0.0.1:48009", { from: "127.0.0.1:48010", reuseAddr: true });
      await server.accept(listener);
      const result = await drop({
        filter: "state established sport = :48010",
        how,
        confirm: async () => {
          // The same socket, with the same cookie: disconnected, then made to listen.
          await client.call("disconnect", { fd });
          await client.call("listen", { fd, backlog: 4 });
          return true;
        },
      });
      assert.deepEqual([result.matched, result.dropped, result.failed], [1, 0, []], how);
      await s.actor().connect("127.0.0.1:48010");
      await client.accept(fd);
      await server.kill();
      await client.kill();
    }
  }),
);

test(
  "two drops of the same at once: each socket is dropped once, and neither fails",
  story(async (s) => {
    const pair = await connect(s, 48_011);
    for (let more = 0; more < 60; more++) {
      const fd = await pair.client.connect("127.0.0.1:48011");
      await pair.client.close(fd);
      await pair.server.close(await pair.server.accept(pair.listener));
    }
    const filter = "state time-wait dport = :48011";
    await s.count(filter, 60);
    const [one, other] = await Promise.all([run(s, [filter]), run(s, [filter])]);
    const dropped = [one, other].reduce((sum, { json }) => sum + json.dropped, 0);
    assert.equal(dropped, 60);
    for (const { status, json } of [one, other]) {
      assert.ok(status === 0 || (status === 1 && json.matched === 0));
      assert.deepEqual(json.failed, []);
    }
  }),
);

test(
  "autobound under `or` is judged exactly before anything is ended",
  story(async (s) => {
    const server = s.actor();
    const client = s.actor();
    const listener = await server.listen("127.0.0.1:48012");
    await client.connect("127.0.0.1:48012", { from: "127.0.0.1:48013" });
    await server.accept(listener);
    await client.connect("127.0.0.1:48012");
    await server.accept(listener);
    // No such process: what is left is "autobound", for the sockets that go to that port.
    const { json } = await run(s, ["dport = :48012 and ( autobound or pid = 4194000 )", "--yes"]);
    assert.deepEqual([json.matched, json.gone], [1, 1]);
    assert.deepEqual(
      (await s.sockets("state established dport = :48012")).map(({ local }) => local.port),
      [48_013],
    );
    const other = await run(s, ["dport = :48012 and ( not autobound or command = nobody )", "--yes"]);
    assert.deepEqual([other.json.matched, other.json.gone], [1, 1]);
  }),
);

test(
  "a filter by owner ends that program's connections only",
  story(async (s) => {
    const pair = await connect(s, 48_014);
    const innocent = s.actor();
    const fd = await innocent.connect("127.0.0.1:48014");
    const accepted = await pair.server.accept(pair.listener);
    const { json } = await run(s, [`pid = ${pair.client.pid} dport = :48014`, "--yes"]);
    assert.deepEqual([json.matched, json.gone], [1, 1]);
    await innocent.call("write", { fd, text: "spared" });
    assert.equal(await pair.server.call("read", { fd: accepted }), "spared");
  }),
);

test(
  "an ordinary user is told which right is missing, and the command for it",
  story(async (s) => {
    const pair = await connect(s, 48_015);
    await pair.client.close(pair.fd);
    await pair.server.close(pair.accepted);
    const { status, json } = await run(s, ["state time-wait dport = :48015"], { uid: 65_534 });
    assert.deepEqual([status, json.matched, json.dropped, json.gone], [3, 1, 0, 0]);
    const [refused] = json.failed;
    assert.equal(refused?.lacks, "right");
    assert.match(refused.text, /CAP_NET_ADMIN/);
    assert.equal(refused.command, "sudo portmortem drop 'state time-wait dport = :48015'");
    assert.equal((await s.sockets("state time-wait dport = :48015")).length, 1);
  }, SECOND_USER),
);

test(
  "an ordinary user: a program of one's own is reset through its descriptor, and nothing else",
  story(async (s) => {
    const uid = 65_534;
    const pair = await connect(s, 48_016);
    const guest = s.guest("127.0.0.1:48016", uid);
    await guest.line();
    await pair.server.accept(pair.listener);
    const { status, json } = await run(s, ["dport = :48016", "--yes"], { uid });
    assert.deepEqual([status, json.matched, json.dropped, json.gone], [5, 2, 1, 1]);
    assert.deepEqual(
      json.plan.map(({ kind, socket }) => [kind, socket.owners?.[0]?.pid]),
      [["reset", guest.pid]],
    );
    assert.equal(await guest.line(), "ECONNRESET");
    await pair.client.call("write", { fd: pair.fd, text: "alive" });
    assert.equal(await pair.server.call("read", { fd: pair.accepted }), "alive");
  }, SECOND_USER),
);

test(
  "in another namespace: only there, though the same ports are in use here",
  story(
    async (s) => {
      const here = await connect(s, 48_017);
      const name = `portmortem-drop-${process.pid}`;
      s.system("ip", "netns", "add", name);
      s.atEnd(() => s.system("ip", "netns", "delete", name));
      s.system("ip", "-n", name, "link", "set", "lo", "up");
      const there = s.actorIn(`/run/netns/${name}`);
      const listener = await there.listen("127.0.0.1:48017");
      await there.connect("127.0.0.1:48017");
      await there.accept(listener);
      const { status, json } = await run(s, ["dport = :48017", "--yes", "--netns", name]);
      assert.deepEqual([status, json.matched, json.gone], [0, 1, 1]);
      await here.client.call("write", { fd: here.fd, text: "alive" });
      assert.equal(await here.server.call("read", { fd: here.accepted }), "alive");
    },
    IP,
    NAMED_NAMESPACES,
  ),
);

test(
  "an interruption stops after the request on its way, and the answer says how far it came",
  story(async (s) => {
    const pair = await connect(s, 48_018);
    for (let more = 0; more < 250; more++) {
      const fd = await pair.client.connect("127.0.0.1:48018");
      await pair.client.close(fd);
      await pair.server.close(await pair.server.accept(pair.listener));
    }
    await s.count("state time-wait dport = :48018", 250);
    const abort = new AbortController();
    const result = await drop({
      filter: "state time-wait dport = :48018",
      host: createLinuxHost(),
      signal: abort.signal,
      onProgress: (done, _of, what) => {
        if (what === "dropped" && done >= 100) abort.abort();
      },
    });
    assert.equal(result.interrupted, true);
    assert.deepEqual([result.matched, result.dropped, result.gone], [250, 100, 100]);
    assert.equal((await s.sockets("state time-wait dport = :48018")).length, 150);
  }),
);
