import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isPortmortemError, type PortmortemError } from "../base/errors.ts";
import { formatEndpoint, type ParsedEndpoint, parseEndpoint } from "./endpoint.ts";

const understood: [text: string, endpoint: ParsedEndpoint][] = [
  ["49200", { port: 49200 }],
  [":49200", { port: 49200 }],
  ["*:80", { port: 80 }],
  ["127.0.0.1:80", { address: "127.0.0.1", port: 80 }],
  ["0.0.0.0:80", { address: "0.0.0.0", port: 80 }],
  ["[::1]:80", { address: "::1", port: 80 }],
  ["[0:0::1]:80", { address: "::1", port: 80 }],
  ["[::]:65535", { address: "::", port: 65535 }],
  ["[::ffff:127.0.0.1]:1", { address: "::ffff:127.0.0.1", port: 1 }],
  ["[fe80::1%eth0]:80", { address: "fe80::1", port: 80, scope: "eth0" }],
  ["localhost:80", { address: "127.0.0.1", port: 80 }],
];
for (const [text, endpoint] of understood) {
  test(`parseEndpoint("${text}")`, () => {
    assert.deepEqual(parseEndpoint(text), endpoint);
    assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
  });
}

const refused: [text: string, code: string, at: number, hint: RegExp][] = [
  ["70000", "PM_BAD_PORT", 0, /1 to 65535/],
  ["0", "PM_BAD_PORT", 0, /1 to 65535/],
  ["-1", "PM_BAD_PORT", 0, /1 to 65535/],
  ["abc", "PM_BAD_PORT", 0, /1 to 65535/],
  ["080", "PM_BAD_PORT", 0, /write 80/],
  ["", "PM_BAD_PORT", 0, /write a port/],
  [":", "PM_BAD_PORT", 1, /write a port/],
  ["127.0.0.1:", "PM_BAD_PORT", 10, /write a port/],
  ["127.0.0.1", "PM_BAD_PORT", 9, /write 127\.0\.0\.1:PORT/],
  ["127.0.0.1:99999", "PM_BAD_PORT", 10, /1 to 65535/],
  ["*:*", "PM_BAD_PORT", 2, /write a port/],
  ["[::1]", "PM_BAD_PORT", 5, /write \[::1\]:PORT/],
  ["1.2.3:80", "PM_BAD_ADDRESS", 0, /four numbers/],
  ["1.2.3.256:80", "PM_BAD_ADDRESS", 0, /four numbers/],
  ["01.2.3.4:80", "PM_BAD_ADDRESS", 0, /four numbers/],
  ["example.com:80", "PM_BAD_ADDRESS", 0, /names are not looked up/],
  ["[::1:80", "PM_BAD_ADDRESS", 7, /\[::1\]:80/],
  ["[::1]80", "PM_BAD_ADDRESS", 5, /write \[::1\]:PORT/],
  ["[127.0.0.1]:80", "PM_BAD_ADDRESS", 1, /write 127\.0\.0\.1:80/],
  ["127.0.0.1:80:90", "PM_BAD_ADDRESS", 0, /write a port/],
  ["::1:80", "PM_AMBIGUOUS_ADDRESS", 3, /write \[::1\]:80 .*\[::1:80\]:PORT/],
  ["::1", "PM_AMBIGUOUS_ADDRESS", 3, /write \[::1\]:PORT/],
  [":::80", "PM_AMBIGUOUS_ADDRESS", 0, /write \[::\]:80/],
  ["::ffff:127.0.0.1:80", "PM_AMBIGUOUS_ADDRESS", 0, /write \[::ffff:127\.0\.0\.1\]:80/],
  ["fe80::1%eth0:80", "PM_AMBIGUOUS_ADDRESS", 0, /write \[fe80::1%eth0\]:80/],
];
for (const [text, code, at, hint] of refused) {
  test(`parseEndpoint("${text}") is refused as ${code}`, () => {
    assert.throws(
      () => parseEndpoint(text),
      (error: PortmortemError) => {
        assert.equal(error.code, code);
        assert.deepEqual(error.input, { text, at });
        assert.match(error.hint ?? "", hint);
        return true;
      },
    );
  });
}

test("parseEndpoint() answers or refuses whatever the text", () => {
  const pieces = fc.array(
    fc.constantFrom(":", "[", "]", "1", "80", "70000", "::1", "127.0.0.1", "%", "eth0", "*", "localhost", ".", " "),
    { maxLength: 6 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        pieces.map((some) => some.join("")),
      ),
      (text) => {
        try {
          const endpoint = parseEndpoint(text);
          assert.ok(endpoint.port >= 1 && endpoint.port <= 65535);
          assert.deepEqual(parseEndpoint(formatEndpoint(endpoint)), endpoint);
        } catch (error) {
          assert.ok(isPortmortemError(error), String(error));
        }
      },
    ),
    { numRuns: 3000 },
  );
});
