// What `doctor` says of TIME-WAIT: piles of it, and its limit.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Actor } from "./actor.ts";
import { meanwhile } from "./meanwhile.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const timeWait = async (s: Story): Promise<number> => (await s.sockets("state time-wait")).length;

/** Makes connections and lets one side close each first. */
class Closings {
  readonly #story: Story;
  readonly #server: Actor;
  readonly #client: Actor;
  readonly #listener: number;
  readonly #to: string;

  private constructor(s: Story, server: Actor, client: Actor, listener: number, to: string) {
    this.#story = s;
    this.#server = server;
    this.#client = client;
    this.#listener = listener;
    this.#to = to;
  }

  static async on(s: Story, to: string): Promise<Closings> {
    const server = s.actor();
    const listener = await server.listen(to, { backlog: 128 });
    return new Closings(s, server, s.actor(), listener, to);
  }

  get serverPid(): number {
    return this.#server.pid;
  }

  /**
   * Until there are so many in TIME-WAIT: a client can choose a port again whose last connection the server still has there, and the kernel
   * then makes the new connection of the old one (TCP_TW_SYN).
   */
  async until(total: number, first: "server" | "client"): Promise<void> {
    for (;;) {
      const missing = total - (await timeWait(this.#story));
      if (missing <= 0) return;
      await this.by(first, missing);
    }
  }

  async by(first: "server" | "client", times: number): Promise<void> {
    for (let count = 0; count < times; count++) {
      const near = await this.#client.connect(this.#to);
      const far = await this.#server.accept(this.#listener);
      if (first === "server") await this.#server.close(far);
      await this.#client.close(near);
      if (first === "client") await this.#server.close(far);
    }
  }
}

test(
  "time-wait-pile: a server that closes first is named with its port, from a thousand on",
  story(async (s) => {
    const closings = await Closings.on(s, "127.0.0.1:8080");
    const only = ["time-wait-pile"];
    await closings.until(999, "server");
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    await closings.until(1000, "server");
    const { status, json } = await s.doctor({ only, fixture: "time-wait-pile" });
    assert.equal(status, 0, "a pile is no fault");
    const [found, ...more] = json.findings;
    assert.deepEqual(more, []);
    assert.equal(found?.level, "info");
    const { side, port, count, listening, pid, peers } = found.evidence;
    assert.deepEqual(
      { side, port, count, listening, pid, peers },
      {
        side: "server",
        port: 8080,
        count: 1000,
        listening: true,
        pid: closings.serverPid,
        peers: [{ address: "127.0.0.1", count: 1000 }],
      },
    );
  }),
);

test(
  "time-wait-pile: a client that closes first is known by where it went",
  story(async (s) => {
    const closings = await Closings.on(s, "127.0.0.1:8080");
    await closings.until(1000, "client");
    const { json } = await s.doctor({ only: ["time-wait-pile"] });
    assert.deepEqual(
      json.findings.map(({ evidence: { side, peer, count } }) => ({ side, peer, count })),
      [{ side: "client", peer: { address: "127.0.0.1", port: 8080 }, count: 1000 }],
    );
  }),
);

test(
  "time-wait-limit: nothing below nine tenths of tcp_max_tw_buckets, a hint above, a warning while it overflows",
  story(async (s) => {
    s.system("sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=20");
    const only = ["time-wait-limit"];
    const judged = async () => (await s.doctor({ only })).json.findings[0]?.evidence;
    const closings = await Closings.on(s, "127.0.0.1:8080");
    await closings.until(17, "server");
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    await closings.until(18, "server");
    const near = (await s.doctor({ only })).json.findings[0];
    assert.equal(near?.level, "info");
    assert.deepEqual(near.evidence, { timeWait: 18, limit: 20, overflowsSoFar: 0 });

    await closings.until(20, "server");
    await closings.by("server", 5);
    const passed = (await s.doctor({ only })).json.findings[0];
    const { overflowsSoFar, ...rest } = passed?.evidence ?? {};
    assert.deepEqual(rest, { timeWait: 20, limit: 20 });
    assert.ok(Number(overflowsSoFar) >= 1 && Number(overflowsSoFar) <= 5, JSON.stringify(passed));
    assert.equal(passed?.level, "info", "once is no alarm");

    const asked = s.doctor({ only, watchSeconds: 1, fixture: "time-wait-limit" });
    const { status, json } = await meanwhile(asked, () => closings.by("server", 5));
    assert.equal(status, 1);
    const [growing] = json.findings;
    assert.equal(growing?.level, "warning");
    assert.ok(Number(growing.evidence["overflows"]) > 0);
    assert.ok(Number(growing.evidence["watchedMs"]) >= 1000);
    const passedSoFar = await judged();
    s.system("sh", "-c", growing.advice[0]?.command ?? "");
    await closings.by("server", 5);
    assert.deepEqual(
      { ...(await judged()), timeWait: 20, limit: 20 },
      passedSoFar,
      "with the advised limit none ends without TIME-WAIT any more",
    );
  }),
);

test(
  "time-wait-limit: FIN-WAIT-2 that no program holds counts as the kernel counts it",
  story(async (s) => {
    s.system("sysctl", "-qw", "net.ipv4.tcp_max_tw_buckets=2");
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:8080");
    const client = s.actor();
    for (let count = 0; count < 3; count++) {
      await client.close(await client.connect("127.0.0.1:8080"));
      await server.accept(listener);
    }
    const [found] = (await s.doctor({ only: ["time-wait-limit"] })).json.findings;
    assert.deepEqual(found?.evidence, { timeWait: 0, finWait2: 2, limit: 2, overflowsSoFar: 1 });
    assert.equal((await s.sockets("state time-wait")).length, 0);
  }),
);
