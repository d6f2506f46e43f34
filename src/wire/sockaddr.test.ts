import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { decodeSockaddr, encodeSockaddr, encodeUnixSockaddr } from "./sockaddr.ts";

test("decodeSockaddr() reads back what encodeSockaddr() wrote", () => {
  for (const [address, port, scope] of [
    ["127.0.0.1", 49_200, 0],
    ["0.0.0.0", 0, 0],
    ["::", 65_535, 0],
    ["::ffff:10.0.0.1", 80, 0],
    ["fe80::1", 443, 7],
  ] as const) {
    const bytes = encodeSockaddr(address, port, scope)!;
    const family = bytes.length === 16 ? "ipv4" : "ipv6";
    assert.deepEqual(decodeSockaddr(bytes), { family, address, port, scopeIndex: scope });
  }
});

test("decodeSockaddr() takes a sockaddr_in6 without its scope, as the kernel does, and nothing shorter", () => {
  const bytes = encodeSockaddr("fe80::1", 443, 7)!;
  assert.deepEqual(decodeSockaddr(bytes.subarray(0, 24)), {
    family: "ipv6",
    address: "fe80::1",
    port: 443,
    scopeIndex: 0,
  });
  for (let length = 0; length < 24; length++) assert.equal(decodeSockaddr(bytes.subarray(0, length)), undefined);
  const ipv4 = encodeSockaddr("10.0.0.1", 80)!;
  for (let length = 0; length < 16; length++) assert.equal(decodeSockaddr(ipv4.subarray(0, length)), undefined);
});

test("decodeSockaddr() tells a path, and that a name is abstract", () => {
  const unix = (text: string): Uint8Array =>
    Buffer.concat([Buffer.from(new Uint16Array([1]).buffer), Buffer.from(text)]);
  const pathOf = (text: string): string | undefined => {
    const read = decodeSockaddr(unix(text));
    return read?.family === "unix" ? Buffer.from(read.path).toString() : undefined;
  };
  assert.equal(pathOf("/run/x.sock"), "/run/x.sock");
  assert.deepEqual(encodeUnixSockaddr(Buffer.from("/run/x.sock")), new Uint8Array(unix("/run/x.sock")));
  assert.deepEqual(
    [encodeUnixSockaddr(Buffer.from("")), encodeUnixSockaddr(Buffer.alloc(109, "x"))],
    [undefined, undefined],
  );
  assert.equal(pathOf("/run/x.sock\0rest"), "/run/x.sock");
  assert.equal(pathOf("\0abstract"), "");
  assert.equal(pathOf(""), "");
});

test("decodeSockaddr() bears any bytes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 130 }), fc.constantFrom(0, 1, 2, 10, 16), (bytes, family) => {
      if (bytes.length >= 2) new DataView(bytes.buffer).setUint16(0, family, true);
      const read = decodeSockaddr(bytes);
      if (read !== undefined && read.family !== "unix") assert.ok(read.port >= 0 && read.port <= 65_535);
    }),
    { numRuns: 2000 },
  );
});
