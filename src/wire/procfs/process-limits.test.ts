import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseDescriptorLimit } from "./process-limits.ts";

// /proc/self/limits of Linux 6.18, three of its lines.
const limits = (soft: string, hard: string): string =>
  "Limit                     Soft Limit           Hard Limit           Units     \n" +
  "Max processes             31692                31692                processes \n" +
  `Max open files            ${soft.padEnd(20)} ${hard.padEnd(20)} files     \n` +
  "Max locked memory         8388608              8388608              bytes     \n";

test("parseDescriptorLimit() reads the soft and the hard limit", () => {
  assert.deepEqual(parseDescriptorLimit(limits("1024", "524288")), { soft: 1024, hard: 524_288 });
  assert.deepEqual(parseDescriptorLimit(limits("0", "0")), { soft: 0, hard: 0 });
});

test("parseDescriptorLimit() leaves out what is unlimited", () => {
  assert.deepEqual(parseDescriptorLimit(limits("1024", "unlimited")), { soft: 1024 });
  assert.deepEqual(parseDescriptorLimit(limits("unlimited", "unlimited")), {});
  assert.deepEqual(parseDescriptorLimit(limits("1024", "18446744073709551614")), { soft: 1024 });
});

test("parseDescriptorLimit() is undefined for a file that was cut before the end of the line", () => {
  const text = limits("1024", "524288");
  const whole = parseDescriptorLimit(text);
  for (let length = 0; length < text.length; length++) {
    const answer = parseDescriptorLimit(text.slice(0, length));
    if (answer !== undefined) assert.deepEqual(answer, whole, `cut at ${length}`);
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (junk) => void parseDescriptorLimit(`Max open files  ${junk}`)));
});
