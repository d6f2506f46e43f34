import assert from "node:assert/strict";
import { test } from "node:test";
import { errnoName } from "./errno.ts";
import { ERRORS, PortmortemError, RETIRED_ERRORS, isPortmortemError } from "./errors.ts";
import { olderThan } from "./kernel-release.ts";
import { nearestWord } from "./nearest-word.ts";

test("a PortmortemError carries what was tried, what was answered and what to do", () => {
  const cause = new Error("deep");
  const input = { text: "why 0", at: 4 };
  const error = new PortmortemError("PM_BAD_PORT", "port 0 is no port", {
    hint: "1 to 65535",
    errno: "EINVAL",
    cause,
    input,
  });
  assert.ok(error instanceof Error);
  assert.equal(error.name, "PortmortemError");
  const { code, category, message, hint, errno } = error;
  assert.deepEqual(
    [code, category, message, hint, errno],
    ["PM_BAD_PORT", "usage", "port 0 is no port", "1 to 65535", "EINVAL"],
  );
  assert.equal(error.cause, cause);
  assert.deepEqual(error.input, input);
});

test("a PortmortemError without a cause has none", () => {
  assert.ok(!("cause" in new PortmortemError("PM_DEFECT", "x")));
});

test("isPortmortemError() knows the errors of another copy of the package, and no others", () => {
  const other = Object.assign(new Error("x"), { code: "PM_USAGE", [Symbol.for("portmortem.error")]: true });
  assert.equal(isPortmortemError(new PortmortemError("PM_USAGE", "x")), true);
  assert.equal(isPortmortemError(other), true);
  for (const one of [new Error("PM_USAGE"), { code: "PM_USAGE" }, null, undefined, "PM_USAGE"])
    assert.equal(isPortmortemError(one), false);
});

test("the brand of an error is not seen in what is printed of it", () => {
  assert.deepEqual(Object.getOwnPropertySymbols(Object.assign({}, new PortmortemError("PM_USAGE", "x"))), []);
});

test("no retired code is in use", () => {
  for (const code of Object.keys(ERRORS)) {
    assert.match(code, /^PM_[A-Z]+(_[A-Z]+)*$/);
    assert.ok(!RETIRED_ERRORS.includes(code), code);
  }
});

test("errnoName() names what the kernel answers, and shows the number of what it does not know", () => {
  assert.deepEqual([1, 98, 99, 13].map(errnoName), ["EPERM", "EADDRINUSE", "EADDRNOTAVAIL", "EACCES"]);
  assert.equal(errnoName(4711), "errno 4711");
});

test("olderThan() compares versions as numbers, and takes what it cannot read for new", () => {
  assert.equal(olderThan("6.1.0-18-amd64", 6, 8), true);
  assert.equal(olderThan("6.12.0", 6, 8), false);
  assert.equal(olderThan("6.8.0", 6, 8), false);
  assert.equal(olderThan("5.19", 6, 0), true);
  assert.equal(olderThan("7.2", 6, 8), false);
  assert.equal(olderThan("fantasy", 6, 8), false);
});

test("nearestWord() finds the word that was meant, and none when none is near", () => {
  const words = ["listening", "established", "why", "ls"];
  assert.equal(nearestWord("listenign", words), "listening");
  assert.equal(nearestWord("ESTABLISHD", words), "established");
  assert.equal(nearestWord("wyh", words), "why");
  assert.equal(nearestWord("completely", words), undefined);
  assert.equal(nearestWord("x".repeat(100), words), undefined);
});
