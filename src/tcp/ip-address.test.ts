import assert from "node:assert/strict";
import { isIP, isIPv4, isIPv6, SocketAddress } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import {
  canonicalIp,
  equalIp,
  formatIp,
  isInPrefix,
  isMapped,
  isUnspecified,
  maskIp,
  parseIp,
  parseIpv4,
  parseIpv6,
} from "./ip-address.ts";

const hex = (bytes: Uint8Array | undefined): string | undefined => bytes && Buffer.from(bytes).toString("hex");

const canonical: [text: string, expected: string][] = [
  ["127.0.0.1", "127.0.0.1"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["0:0:0:0:0:0:0:0", "::"],
  ["2001:DB8::0001", "2001:db8::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"],
  ["::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"],
  ["::ffff:1.2.3.4", "::ffff:1.2.3.4"],
  ["::FFFF:102:304", "::ffff:1.2.3.4"],
  ["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
  ["1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"],
  ["fe80::1%eth0", "fe80::1%eth0"],
];
for (const [text, expected] of canonical) {
  test(`canonicalIp("${text}") is "${expected}"`, () => assert.equal(canonicalIp(text), expected));
}

const refused =
  " |1.2.3|1.2.3.4.5|01.2.3.4|1.2.3.04|1.2.3.256|1.2.3.|.1.2.3|1..2.3|1.2.3.-1|1.2.3.4 | 1.2.3.4|0x1.2.3.4|1.2.3.1000|" +
  ":|:::|1:|:1|::1::|1::2::3|1:2:3:4:5:6:7|1:2:3:4:5:6:7:8:9|1:2:3:4:5:6:7:8::|::1:2:3:4:5:6:7:8|12345::|g::|::1.2.3|::1.2.3.4:5|" +
  "1:2:3:4:5:6:7:1.2.3.4|::1.2.3.4.5|::01.2.3.4|[::1]|fe80::1%|fe80::1%a b|1.2.3.4%eth0|::1/64|1.2.3.4:80";
for (const text of ["", ...refused.split("|")]) {
  test(`parseIp() refuses "${text}"`, () => assert.equal(parseIp(text), undefined));
}

test("parseIp() keeps the scope apart", () => {
  const ip = parseIp("fe80::1%eth0");
  assert.equal(ip?.scope, "eth0");
  assert.equal(hex(ip?.bytes), "fe800000000000000000000000000001");
});

test("parseIp() reads what formatIp() writes, and Node reads it as the same address", () => {
  const zeroish = fc.oneof(fc.constant(0), fc.constant(0), fc.nat({ max: 255 }));
  const bytes = fc.oneof(
    fc.array(zeroish, { minLength: 4, maxLength: 4 }),
    fc.array(zeroish, { minLength: 16, maxLength: 16 }),
    fc.array(zeroish, { minLength: 4, maxLength: 4 }).map((tail) => [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, ...tail]),
  );
  fc.assert(
    fc.property(bytes, (list) => {
      const address = Uint8Array.from(list);
      const text = formatIp(address);
      assert.deepEqual(parseIp(text)?.bytes, address);
      assert.equal(canonicalIp(text), text);
      assert.equal(isIP(text), address.length === 4 ? 4 : 6);
      // libuv writes ::1.2.3.4 for addresses that RFC 5952 leaves in hexadecimal; everything else must be the same text.
      const node = new SocketAddress({ address: text, family: address.length === 4 ? "ipv4" : "ipv6", port: 1 })
        .address;
      if (address.length === 4 || !node.includes(".") || isMapped(address)) assert.equal(node, text);
    }),
    { numRuns: 3000 },
  );
});

test("parseIpv4() and parseIpv6() accept what Node accepts", () => {
  const text = fc.oneof(
    fc.array(fc.constantFrom("0", "1", "25", "256", "09", ".", "."), { maxLength: 9 }).map((parts) => parts.join("")),
    fc
      .array(fc.constantFrom("0", "1", "ffff", "12345", "A", ":", ":", "::", "1.2.3.4", "g"), { maxLength: 17 })
      .map((parts) => parts.join("")),
    fc.string(),
  );
  fc.assert(
    fc.property(text, (some) => {
      assert.equal(parseIpv4(some) !== undefined, isIPv4(some));
      if (!some.includes("%")) assert.equal(parseIpv6(some) !== undefined, isIPv6(some));
    }),
    { numRuns: 5000 },
  );
});

test("isInPrefix() compares the first bits only, and never across families", () => {
  const at = (text: string): Uint8Array => parseIp(text)!.bytes;
  assert.ok(isInPrefix(at("10.200.1.2"), at("10.0.0.0"), 8));
  assert.ok(!isInPrefix(at("11.0.0.0"), at("10.0.0.0"), 8));
  assert.ok(isInPrefix(at("10.127.0.0"), at("10.64.0.0"), 10));
  assert.ok(!isInPrefix(at("10.128.0.0"), at("10.64.0.0"), 10));
  assert.ok(isInPrefix(at("1.2.3.4"), at("9.9.9.9"), 0));
  assert.ok(isInPrefix(at("fe80::1"), at("fe80::"), 10));
  assert.ok(!isInPrefix(at("::ffff:10.0.0.1"), at("10.0.0.0"), 8));
  assert.ok(equalIp(at("::1"), at("0::1")));
  assert.equal(formatIp(maskIp(at("10.127.3.4"), 10)), "10.64.0.0");
  assert.equal(formatIp(maskIp(at("fd00::5"), 0)), "::");
  assert.ok(isUnspecified(at("::")) && isUnspecified(at("0.0.0.0")) && !isUnspecified(at("::1")));
  assert.ok(isMapped(at("::ffff:0.0.0.0")) && !isMapped(at("::fffe:0.0.0.0")) && !isMapped(at("1.2.3.4")));
});
