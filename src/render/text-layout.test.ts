import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Column, cutText, layTable, textWidth, wrapParts } from "./text-layout.ts";

const columns: Column[] = [
  { title: "STATE" },
  { title: "LOCAL", shrinkTo: 8, cutAt: "start" },
  { title: "REMOTE", shrinkTo: 8, cutAt: "start", spare: 3 },
  { title: "QUEUE", align: "right", spare: 1 },
  { title: "TIMER", shrinkTo: 5, spare: 2 },
  { title: "PROCESS", shrinkTo: 7 },
];
const rows = [["LISTEN", "127.0.0.1:8080", "", "0/511", "", "node[812]"]];

test("layTable() never cuts without a width", () => {
  assert.deepEqual(layTable(columns, rows, undefined), [
    "STATE   LOCAL           REMOTE  QUEUE  TIMER  PROCESS",
    "LISTEN  127.0.0.1:8080          0/511         node[812]",
  ]);
});

test("layTable() gives up empty columns first, then those that can be spared, then the start of an address", () => {
  assert.deepEqual(layTable(columns, rows, 50), [
    "STATE   LOCAL           QUEUE  PROCESS",
    "LISTEN  127.0.0.1:8080  0/511  node[812]",
  ]);
  assert.deepEqual(layTable(columns, rows, 38), [
    "STATE   LOCAL         QUEUE  PROCESS",
    "LISTEN  ….0.0.1:8080  0/511  node[812]",
  ]);
  assert.deepEqual(layTable(columns, rows, 25), ["STATE   LOCAL     PROCESS", "LISTEN  ….1:8080  node[8…"]);
});

test("layTable() fits the width whenever the columns that must stay can", () => {
  const cell = fc.string({ unit: "grapheme", maxLength: 60 }).map((text) => text.replace(/[\r\n]/g, ""));
  const row = fc.tuple(fc.constant("ESTABLISHED"), cell, cell, cell, cell, cell);
  fc.assert(
    fc.property(fc.array(row, { maxLength: 5 }), fc.integer({ min: 30, max: 200 }), (cells, width) => {
      for (const line of layTable(columns, cells, width)) assert.ok(textWidth(line) <= width, `${line} > ${width}`);
    }),
  );
});

test("cutText() keeps the end that is asked for", () => {
  assert.equal(cutText("127.0.0.1:8080", 8), "127.0.0…");
  assert.equal(cutText("127.0.0.1:8080", 8, "start"), "….1:8080");
  assert.equal(cutText("short", 8), "short");
  assert.equal(cutText("127.0.0.1:8080", 8, "end", "..."), "127.0...");
});

test("wrapParts() breaks between parts only", () => {
  assert.equal(wrapParts("  ", ["rtt 1 ms", "sent 0 B", "mss 1460"], 22), "  rtt 1 ms, sent 0 B,\n  mss 1460");
  assert.equal(wrapParts("  ", ["a", "b"], Infinity), "  a, b");
});
