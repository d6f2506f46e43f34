// CLOSE-WAIT and FIN-WAIT-2 that live programs keep, and their descriptors.
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import type { Actor } from "./actor.ts";
import { meanwhile } from "./meanwhile.ts";
import { story } from "./story.ts";
import { typed } from "./typed.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

const MANY = 100;

/** Two programs and as many connections between them as `connect` is told to make. */
async function scene(s: Story) {
  const server = s.actor();
  const listener = await server.listen("127.0.0.1:8080", { backlog: 128 });
  const client = s.actor();
  const connect = async (times: number, then: (near: number, far: number) => Promise<unknown>): Promise<void> => {
    for (let count = 0; count < times; count++) {
      const near = await client.connect("127.0.0.1:8080");
      await then(near, await server.accept(listener));
    }
  };
  return { server, client, connect };
}

test(
  "close-wait-pile: many that are not fresh any more, named with their program, peers and age",
  story(async (s) => {
    const { server, client, connect } = await scene(s);
    const closed = (near: number): Promise<number> => client.close(near);
    const only = ["close-wait-pile"];
    await connect(MANY - 1, closed);
    assert.deepEqual((await s.doctor({ only, silentForMs: 599_000 })).json.findings, [], "a few less than many");
    await connect(1, closed);
    const before = performance.now();
    const found = await until("they are a second old", async () => (await s.doctor({ only })).json.findings[0]);
    assert.equal(found.level, "info");
    const { count, pid, command, peers, longestSilentMs } = found.evidence;
    assert.deepEqual(
      { count, pid, command, peers },
      { count: MANY, pid: server.pid, command: "node", peers: [{ address: "127.0.0.1", count: MANY }] },
    );
    assert.ok(Number(longestSilentMs) >= 1000 && Number(longestSilentMs) < performance.now() - before + 60_000);
    assert.equal(found.advice[0]?.command, `portmortem ls 'state close-wait and pid = ${server.pid}'`);

    const { status, json } = await s.doctor({ only, silentForMs: 60_000, fixture: "close-wait-pile" });
    assert.equal(status, 1);
    assert.equal(json.findings[0]?.level, "warning");
  }),
);

test(
  "close-wait-pile: what the first look had and the second has tells how they grow",
  story(async (s) => {
    const { client, connect } = await scene(s);
    const closed = (near: number): Promise<number> => client.close(near);
    await connect(MANY, closed);
    const asked = s.doctor({ only: ["close-wait-pile"], watchSeconds: 1.5 });
    const [found] = (await meanwhile(asked, () => connect(1, closed))).json.findings;
    assert.ok(Number(found?.evidence["grown"]) > 0);
    assert.match(found?.title ?? "", /growing$/);
  }),
);

test(
  "close-wait-pile: a few are healthy, however old, and ten are a hint",
  story(async (s) => {
    const { client, connect } = await scene(s);
    const only = ["close-wait-pile"];
    await connect(9, (near) => client.close(near));
    assert.deepEqual((await s.doctor({ only, silentForMs: 86_400_000 })).json.findings, []);
    await connect(1, (near) => client.close(near));
    assert.equal((await s.doctor({ only, silentForMs: 600_000 })).json.findings[0]?.level, "info");
  }),
);

test(
  "fin-wait-2-held: half-closed connections of a live program; those that nobody holds are not meant",
  story(async (s) => {
    const { client, connect } = await scene(s);
    const only = ["fin-wait-2-held"];
    const half = (near: number): Promise<number> => client.call("shutdown", { fd: near });
    await connect(MANY - 1, half);
    await connect(10, (near) => client.close(near));
    await until("all FINs are acknowledged", async () => (await s.sockets("state fin-wait-2")).length === MANY + 9);
    assert.deepEqual((await s.doctor({ only, silentForMs: 599_000 })).json.findings, []);
    await connect(1, half);
    const found = await until("they are a second old", async () => (await s.doctor({ only })).json.findings[0]);
    assert.equal(found.level, "info");
    const { count, pid, state, peers } = found.evidence;
    assert.deepEqual(
      { count, pid, state, peers },
      { count: MANY, pid: client.pid, state: "FIN-WAIT-2", peers: [{ address: "127.0.0.1", port: 8080, count: MANY }] },
    );
    const { json } = await s.doctor({ only, silentForMs: 600_000, fixture: "fin-wait-2-held" });
    assert.equal(json.findings[0]?.level, "warning");
    assert.equal((await typed(json.findings[0].advice[1]?.command)).status, 0);
    assert.equal((await s.sockets("state fin-wait-2")).length, 10, "the advised command drops those of the program");
  }),
);

const descriptorsOf = ({ pid }: Actor): number[] => readdirSync(`/proc/${pid}/fd`).map(Number);

test(
  "descriptors-low: nine tenths of RLIMIT_NOFILE is a warning; at the limit, where accept() fails, it is critical",
  story(async (s) => {
    const actor = s.actor();
    const only = ["descriptors-low"];
    const openUntil = async (count: number): Promise<void> => {
      while (descriptorsOf(actor).length < count) await actor.call("socket", { family: "ipv4" });
    };
    const listener = await actor.listen("127.0.0.1:8080");
    await s.actor().connect("127.0.0.1:8080");
    // The limit is on the number of a descriptor: one that was inherited with a high number must not be past it.
    const limit = Math.max(100, ...descriptorsOf(actor).map((fd) => fd + 10));
    s.system("prlimit", "--pid", String(actor.pid), `--nofile=${limit}:${limit * 2}`);
    const low = Math.ceil(limit * 0.9);
    await openUntil(low - 1);
    assert.deepEqual((await s.doctor({ only })).json.findings, []);
    await openUntil(low);
    const [some] = (await s.doctor({ only })).json.findings;
    assert.equal(some?.level, "warning");
    assert.deepEqual(some.evidence, {
      pid: actor.pid,
      command: "node",
      descriptors: low,
      descriptorLimit: limit,
      closeWait: 0,
    });
    await openUntil(limit);
    const refused = await actor.try("accept", { fd: listener });
    assert.equal("errno" in refused ? refused.errno : "accepted", "EMFILE");
    const [gone] = (await s.doctor({ only, fixture: "descriptors-low" })).json.findings;
    assert.equal(gone?.level, "critical");

    const advised = gone.advice[1]?.command ?? "";
    assert.equal(advised, `prlimit --pid ${actor.pid} --nofile=${limit * 2}:`);
    s.system("sh", "-c", advised);
    assert.ok("value" in (await actor.try("accept", { fd: listener })), "with the advised limit accept() works");
  }),
);

test(
  "file-handles-low: the open files of the machine, near a limit that is supposed here",
  story(async (s) => {
    // The limit is the machine's, which a test does not change: what is open is real.
    const only = ["file-handles-low"];
    const used = Number(s.system("cat", "/proc/sys/fs/file-nr").split("\t")[0]);
    const judged = async (max: number, fixture?: string) =>
      (
        await s.doctor({
          only,
          settings: { "fs.file-nr": `${used}\t0\t${max}` },
          ...(fixture === undefined ? {} : { fixture }),
        })
      ).json.findings[0];
    assert.equal(await judged(used * 2), undefined);
    assert.equal((await judged(Math.ceil(used / 0.95)))?.level, "warning");
    assert.equal((await judged(used, "file-handles-low"))?.level, "critical");
    assert.deepEqual((await s.doctor({ only })).json.findings, [], "this machine has room");
  }),
);
