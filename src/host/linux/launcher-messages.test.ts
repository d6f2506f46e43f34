import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { candidatesOf, environmentOf, softNofileBefore } from "./launcher-environment.ts";
import { bytesOf, decodeFrame, encodeFrame, latin1Of } from "./launcher-messages.ts";

test("messages are read back one by one, wherever the stream is cut", () => {
  const order = { paths: ["/bin/\xff"], args: ["a", "", "\u0000"], env: ["X=\xfe"], processGroup: 7, passed: [4] };
  const first = encodeFrame(order);
  const stream = Buffer.concat([first, encodeFrame({ kind: "failed", errno: "ENOENT", path: "x" })]);
  for (let cut = 0; cut < first.length; cut++) assert.equal(decodeFrame(stream.subarray(0, cut)), undefined);
  assert.deepEqual(decodeFrame(stream), { message: order, length: first.length });
  assert.deepEqual(decodeFrame(stream.subarray(first.length))?.message, { kind: "failed", errno: "ENOENT", path: "x" });
});

test("any bytes survive as Latin-1, and any text as its UTF-8", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      assert.deepEqual(Buffer.from(bytesOf(latin1Of(text))), Buffer.from(`${text}\0`, "utf8"));
    }),
  );
});

test("candidatesOf() is PATH in its order; an empty folder is the current one", () => {
  assert.deepEqual(candidatesOf("./x", "/bin"), ["./x"]);
  assert.deepEqual(candidatesOf("x", "/a::/b"), ["/a/x", "x", "/b/x"]);
  assert.deepEqual(candidatesOf("x", undefined), ["/bin/x", "/usr/bin/x"]);
});

test("environmentOf() leaves out what is undefined and writes UTF-8", () => {
  assert.deepEqual(environmentOf({ A: "1", B: undefined, C: "ü" }), ["A=1", "C=\xc3\xbc"]);
});

test("softNofileBefore() is the parent's limit, unless its hard limit says that it is not ours", () => {
  const limits = (soft: string, hard: string): string =>
    `Limit                     Soft Limit           Hard Limit           Units     \nMax open files            ${soft.padEnd(20)} ${hard.padEnd(20)} files     \n`;
  assert.equal(softNofileBefore(limits("20000", "20000"), limits("1024", "20000")), 1024);
  assert.equal(softNofileBefore(limits("20000", "20000"), limits("20000", "20000")), undefined);
  assert.equal(softNofileBefore(limits("20000", "20000"), limits("1024", "4096")), undefined);
  assert.equal(softNofileBefore(limits("512", "20000"), limits("1024", "20000")), undefined, "Node did not raise it");
  assert.equal(softNofileBefore("", ""), undefined);
});
