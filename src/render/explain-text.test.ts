import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../ask/explain.ts";
import { playScenario } from "../tcp/closing-play.ts";
import { SCENARIOS } from "../tcp/closing-scenarios.ts";
import { renderExplainIndex, renderExplanation } from "./explain-text.ts";
import { renderLadder } from "./ladder.ts";
import { createStyle } from "./style.ts";
import { textWidth } from "./text-layout.ts";

const plain = createStyle(false);
const SCREEN = { lines: 24, columns: 80 };

test("every page is one screen: 24 lines of 80 columns, the prompt included", async () => {
  for (const { word } of (await explain()).pages) {
    const lines = renderExplanation(await explain(word), { style: plain, width: SCREEN.columns }).split("\n");
    // The last is empty: that is where the prompt stands.
    assert.ok(lines.length <= SCREEN.lines, `${word}: ${lines.length} lines`);
    for (const line of lines) assert.ok(textWidth(line) <= SCREEN.columns, `${word}: ${line}`);
  }
});

test("on a narrow terminal nothing but a command is wider than it", async () => {
  for (const { word } of (await explain()).pages) {
    const lines = renderExplanation(await explain(word), { style: plain, width: 72 }).split("\n");
    for (const line of lines) assert.ok(textWidth(line) <= 72 || line.includes("$ "), `${word}: ${line}`);
  }
});

test("without colour there is no escape code, and in ASCII no other character", async () => {
  for (const { word } of (await explain()).pages)
    assert.match(
      renderExplanation(await explain(word), { style: createStyle(false, true), width: 80 }),
      /^[\n\x20-\x7e]*$/,
      word,
    );
});

test("with colour the words are the same", async () => {
  const page = await explain("time-wait");
  const view = { width: 80 };
  const coloured = renderExplanation(page, { ...view, style: createStyle(true) });
  assert.notEqual(coloured, renderExplanation(page, { ...view, style: plain }));
  assert.equal(coloured.replace(/\u001b\[[0-9;]*m/g, ""), renderExplanation(page, { ...view, style: plain }));
});

test("renderExplainIndex() fits the terminal and names every page", async () => {
  const index = await explain();
  for (const width of [80, 60]) {
    const text = renderExplainIndex(index, { style: plain, width });
    for (const line of text.split("\n")) assert.ok(textWidth(line) <= width, line);
    for (const { word } of index.pages) assert.ok(text.includes(word), word);
  }
});

test("renderLadder() draws the four-way close", () => {
  const { start, steps } = playScenario(SCENARIOS["client-killed"]);
  assert.deepEqual(renderLadder({ start, steps }, { width: 66, ascii: true }), [
    "         client                              server",
    "         ESTABLISHED                         ESTABLISHED",
    "kill -9  FIN-WAIT-1    ------- FIN ------->  CLOSE-WAIT    EOF",
    "         FIN-WAIT-2    <------- ACK -------  CLOSE-WAIT",
    "         TIME-WAIT     <------- FIN -------  LAST-ACK      close()",
    "         TIME-WAIT     ------- ACK ------->  CLOSED",
  ]);
});

test("renderLadder() draws what is lost half the way, and both calls of a simultaneous close in one row", () => {
  const lost = playScenario(SCENARIOS["peer-gone-writing"]);
  assert.ok(
    renderLadder(lost, { width: 80, ascii: true }).some((line) =>
      /write\(\) {2}ESTABLISHED {3}-+ data -+x /.test(line),
    ),
  );
  const both = playScenario(SCENARIOS["both-close"]);
  assert.ok(
    renderLadder(both, { width: 80, ascii: true }).some((line) =>
      /^close\(\) {2}FIN-WAIT-1 +FIN-WAIT-1 +close\(\)$/.test(line),
    ),
  );
});
