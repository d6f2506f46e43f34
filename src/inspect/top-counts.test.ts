import assert from "node:assert/strict";
import { test } from "node:test";
import { DestinationCensus } from "./destination-census.ts";
import { TopCounts } from "./top-counts.ts";

test("TopCounts tells the most frequent keys first, equal ones as they came", () => {
  const counts = new TopCounts<string>();
  for (const key of ["b", "a", "c", "a"]) counts.add(key);
  counts.add("d", 3);
  assert.deepEqual(counts.top(3), [
    { key: "d", count: 3 },
    { key: "a", count: 2 },
    { key: "b", count: 1 },
  ]);
});

test("TopCounts forgets rare keys when there are too many, and keeps the frequent ones exactly", () => {
  const counts = new TopCounts<number>(1000);
  for (let round = 0; round < 50; round++) {
    counts.add(-1);
    counts.add(-2, 2);
    for (let rare = 0; rare < 200; rare++) counts.add(round * 1000 + rare);
  }
  assert.deepEqual(counts.top(2), [
    { key: -2, count: 100 },
    { key: -1, count: 50 },
  ]);
  assert.ok(counts.top(5000).length <= 1000);
});

test("DestinationCensus counts connections by local address and remote end", () => {
  const census = new DestinationCensus();
  for (let count = 0; count < 3; count++) census.add("10.0.0.1", "10.0.0.9", 5432, count === 0);
  census.add("10.0.0.2", "10.0.0.9", 5432, true);
  census.add("10.0.0.1", "10.0.0.9", 80, false);
  assert.deepEqual(census.top(2), [
    { localAddress: "10.0.0.1", remote: { address: "10.0.0.9", port: 5432 }, open: 2, timeWait: 1 },
    { localAddress: "10.0.0.1", remote: { address: "10.0.0.9", port: 80 }, open: 1, timeWait: 0 },
  ]);
  assert.deepEqual(census.timeWaitPeers(5), [{ address: "10.0.0.9", port: 5432, count: 2 }]);
});

test("DestinationCensus keeps a busy destination among a hundred thousand others", () => {
  const census = new DestinationCensus();
  for (let crawled = 0; crawled < 100_000; crawled++) {
    census.add("10.0.0.1", `10.${crawled >> 16}.${(crawled >> 8) & 255}.${crawled & 255}`, 443, false);
    if (crawled % 2 === 0) census.add("10.0.0.1", "192.0.2.7", 5432, false);
  }
  const [busiest] = census.top(1);
  assert.equal(busiest?.remote.address, "192.0.2.7");
  assert.equal(busiest.open, 50_000);
  assert.ok(census.top(200_000).length <= 20_000);
});
