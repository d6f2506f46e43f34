import assert from "node:assert/strict";
import { test } from "node:test";
import { connection, createFakeHost, program } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { FINDINGS } from "../verdict/findings/table.ts";
import { doctor, examine } from "./doctor.ts";

const withCloseWaits = (count: number): FakeHostDescription => ({
  processes: [
    program("node", {
      pid: 30,
      sockets: Array.from({ length: count }, (_, index) =>
        connection({ local: `10.0.0.1:${40_000 + index}`, remote: "10.0.0.7:5432", state: "CLOSE-WAIT" }),
      ),
    }),
  ],
});

test("doctor() looks twice when it is told to watch, at a machine that has changed", async () => {
  const host = createFakeHost({ ...withCloseWaits(2), later: withCloseWaits(5) });
  const { snapshot } = await examine({ host, watchMs: 5000 });
  assert.deepEqual(
    [snapshot.before, snapshot.now].map((look) => look?.groups[0]?.count),
    [2, 5],
  );
  assert.equal((await examine({ host })).snapshot.before, undefined);
});

test("doctor() refuses what makes no sense", async () => {
  const host = createFakeHost({});
  for (const options of [
    { only: ["no-such-finding-at-all"] },
    { level: "bad" as "info" },
    { watchMs: 0 },
    { watchMs: Number.NaN },
    { watchMs: 1e12 },
    { wacthMs: 5 } as object,
  ])
    await assert.rejects(doctor({ host, ...options }), { code: "PM_USAGE" }, JSON.stringify(options));
});

test("doctor() suggests the code that was meant", async () => {
  for (const { code } of FINDINGS)
    await assert.rejects(doctor({ host: createFakeHost({}), only: [`${code}x`] }), { hint: `did you mean ${code}?` });
  await assert.rejects(doctor({ host: createFakeHost({}), only: ["close-wait"] }), {
    hint: "did you mean close-wait-pile?",
  });
});

test("doctor() answers with findings of the wanted codes and levels only", async () => {
  const host = createFakeHost(withCloseWaits(3));
  for (const { code } of FINDINGS) {
    const { findings } = await doctor({ host, only: [code] });
    assert.ok(findings.every((finding) => finding.code === code));
  }
  const { findings } = await doctor({ host, level: "critical" });
  assert.ok(findings.every(({ level }) => level === "critical"));
});

test("doctor() ends its waiting when it is told to", async () => {
  const host = createFakeHost({});
  // What a running machine says of itself: only such a one is waited for.
  const running = new Proxy(host, {
    get(target, name) {
      if (name === "kind") return "linux";
      const value: unknown = Reflect.get(target, name);
      return typeof value === "function" ? value.bind(target) : value;
    },
  });
  const ending = new AbortController();
  const seen: number[] = [];
  const onWait = (remainingMs: number): void => {
    seen.push(remainingMs);
    ending.abort();
  };
  await assert.rejects(doctor({ host: running, watchMs: 60_000, onWait, signal: ending.signal }), {
    name: "AbortError",
  });
  assert.equal(seen.length, 1);
});
