import assert from "node:assert/strict";
import { test } from "node:test";
import type { TreeLine } from "../tcp/free-plan.ts";
import { renderProcessTree } from "./process-tree.ts";
import { createStyle } from "./style.ts";

const style = createStyle(false);
const line = (pid: number, depth: number, args: string, holds = false): TreeLine => ({
  pid,
  depth,
  command: "node",
  args: args === "" ? [] : args.split(" "),
  holds,
});

const DEV = [
  line(98, 0, "npm run dev"),
  line(99, 1, "sh -c vite"),
  line(100, 2, "node vite", true),
  line(102, 3, "esbuild"),
  line(101, 1, "node watch.js"),
  line(103, 2, ""),
  line(400, 0, "node other.js", true),
];

test("renderProcessTree() draws the branches, and says who holds the port", () => {
  assert.deepEqual(renderProcessTree(DEV, { style, ascii: false }).split("\n"), [
    " 98  npm run dev",
    " 99  ├─ sh -c vite",
    "100  │  └─ node vite  holds it",
    "102  │     └─ esbuild",
    "101  └─ node watch.js",
    "103     └─ [node]",
    "400  node other.js  holds it",
  ]);
});

test("renderProcessTree() has only ASCII where the terminal has no more", () => {
  const text = renderProcessTree(DEV.slice(0, 5), { style, ascii: true, width: 21 });
  assert.deepEqual(text.split("\n"), [
    " 98  npm run dev",
    " 99  |- sh -c vite",
    "100  |  `- node vite  holds it",
    "102  |     `- esbuild",
    "101  `- node watch.js",
  ]);
  const long = [line(1, 0, "node a-very-long-command-line")];
  assert.equal(renderProcessTree(long, { style, ascii: true, width: 20 }), "1  node a-very-lo...");
});

test("renderProcessTree() cuts a command line on a terminal, keeps the mark, and cuts nothing on a pipe", () => {
  const lines = [line(4101, 0, `node ${"x".repeat(200)}`), line(4102, 1, `node ${"y".repeat(200)}`, true)];
  const cut = renderProcessTree(lines, { style, ascii: false, width: 80 }).split("\n");
  assert.deepEqual(
    cut.map((text) => text.length),
    [80, 80],
  );
  assert.ok(cut[1]!.endsWith("y…  holds it"));
  assert.ok(renderProcessTree(lines, { style, ascii: false }).includes("y".repeat(200)));
});

test("renderProcessTree() escapes what a program wrote into its command line", () => {
  assert.ok(!renderProcessTree([line(1, 0, "a\u001b[2J\nb")], { style, ascii: false }).includes("\u001b"));
});
