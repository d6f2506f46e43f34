import assert from "node:assert/strict";
import { test } from "node:test";
import { parseDuration } from "./parse-duration.ts";

test("parseDuration() reads what people write; a number alone is seconds", () => {
  const written = {
    "30": 30_000,
    "0": 0,
    "90s": 90_000,
    "500ms": 500,
    "2m": 120_000,
    "2 min": 120_000,
    "1.5h": 5_400_000,
  };
  for (const [text, ms] of Object.entries(written)) assert.equal(parseDuration(text), ms, text);
});

test("parseDuration() takes nothing else", () => {
  for (const text of ["", "s", "-1", "1d", "1s2", "1e3", "0x10", ".5", "1.", "٣", "1 s s", "9".repeat(20)])
    assert.equal(parseDuration(text), undefined, text);
});
