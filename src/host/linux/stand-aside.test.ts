import assert from "node:assert/strict";
import { test } from "node:test";
import { createWatch } from "./stand-aside.ts";

/** A watch, and a way to let time pass in which so much was ours; answers how often it was released. */
function watched(): (ms: number, oursMs: number) => number {
  let [now, used, released] = [0, 0, 0];
  const watch = createWatch(
    () => released++,
    () => now,
    () => used,
  );
  return (ms, oursMs) => {
    now += ms;
    used += oursMs;
    watch.look();
    return released;
  };
}

test("the one processor is left, once, when it is taken by somebody else", () => {
  const pass = watched();
  assert.equal(pass(100, 5), 0, "too early to tell");
  assert.equal(pass(150, 10), 1);
  assert.equal(pass(250, 0), 1);
});

test("it is kept while there is enough of it, pauses of our own included", () => {
  const pass = watched();
  for (let look = 0; look < 20; look++) assert.equal(pass(50, 15), 0);
});

test("a long time without a look says nothing: there was nothing to do", () => {
  const pass = watched();
  assert.equal(pass(30_000, 1), 0, "a question was waiting for its answer");
  assert.equal(pass(250, 100), 0);
  assert.equal(pass(250, 10), 1, "and from then on it counts again");
});
