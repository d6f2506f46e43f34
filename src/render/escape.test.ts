import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { escapeText, jsonText } from "./escape.ts";

/** Control characters, marks that turn the direction of writing, line separators, halves of characters. */
const HARMFUL = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/u;
const anyText = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.nat(0xffff).map((code) => String.fromCharCode(code)) }),
);

test("escapeText() leaves readable text as it is", () => {
  for (const text of ["node server.js", "", "é ü ß", "日本語", "😀 👩‍👩‍👧", 'a "b" \\n $c'])
    assert.equal(escapeText(text), text);
});

test("escapeText() shows what a terminal would act upon", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["\u001b[31mred\u001b[0m", "\\e[31mred\\e[0m"],
    ["\u001b]0;title\u0007", "\\e]0;title\\x07"],
    ["a\nb\r\tc", "a\\nb\\r\\tc"],
    ["\u009b31m", "\\x9b31m"],
    ["\u0000\u007f", "\\x00\\x7f"],
    ["evil\u202Etxt.exe", "evil\\u{202e}txt.exe"],
    ["\u061c\u200e\u2066", "\\u{61c}\\u{200e}\\u{2066}"],
    ["a\u2028b\u2029c", "a\\u{2028}b\\u{2029}c"],
    ["\ud800x", "\\u{d800}x"],
    ["x\udfff", "x\\u{dfff}"],
    ["\ufeff", "\\u{feff}"],
  ];
  for (const [text, shown] of cases) assert.equal(escapeText(text), shown);
});

test("escapeText() lets nothing harmful through, and escapes only once", () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const shown = escapeText(text);
      assert.doesNotMatch(shown, HARMFUL);
      assert.equal(escapeText(shown), shown);
    }),
    { numRuns: 2000 },
  );
});

test("jsonText() means the same value as JSON.stringify, and nothing in it is harmful", () => {
  const value = fc.jsonValue({ stringUnit: "binary" });
  fc.assert(
    fc.property(fc.oneof(value, anyText, fc.dictionary(anyText, anyText)), (one) => {
      const text = jsonText(one);
      assert.deepEqual(JSON.parse(text), JSON.parse(JSON.stringify(one)));
      assert.doesNotMatch(text, HARMFUL);
    }),
    { numRuns: 1000 },
  );
});
