import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anyFilters, sockets } from "../../../test/oracles/random-filters.ts";
import { isPortmortemError, type PortmortemError } from "../../base/errors.ts";
import { formatFilter } from "./format-filter.ts";
import { createMatcher } from "./match-filter.ts";
import { parseFilter } from "./parse-filter.ts";

const servicePort = (name: string): number | undefined => ({ http: 80, "http-alt": 8080 })[name];
const context = { autobound: () => true };

test("parseFilter() reads back what formatFilter() writes", () => {
  fc.assert(
    fc.property(anyFilters, (filter) => assert.deepEqual(parseFilter(formatFilter(filter)), filter)),
    { numRuns: 2000 },
  );
});

test("not binds a whole group (De Morgan)", () => {
  fc.assert(
    fc.property(anyFilters, sockets, (filter, socket) => {
      const matches = createMatcher(filter, context)(socket);
      assert.equal(createMatcher(parseFilter(`not ( ${formatFilter(filter)} )`), context)(socket), !matches);
    }),
    { numRuns: 1000 },
  );
});

const words = fc.constantFrom(
  ..."src dst sport dport state exclude dev fwmark cgroup autobound pid command user uid and or not ! & | && || ( ) = == != > < >= <= eq ne".split(
    " ",
  ),
  ..."time-wait bogus :80 80 *:80 [::1]:80 ::1 10/8 127.0.0.1 * inet: 0x1/0xff / lo node \" ' \\ constructor __proto__ -1 70000 :1-2".split(
    " ",
  ),
);
test("parseFilter() survives every text", () => {
  const texts = fc.oneof(
    fc.string({ unit: "binary" }),
    fc.array(words, { maxLength: 12 }).map((some) => some.join(" ")),
    fc.array(words).map((some) => some.join("")),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        formatFilter(parseFilter(text, { servicePort }));
      } catch (error) {
        assert.ok(isPortmortemError(error), String(error));
        const { code, input } = error;
        assert.equal(code, "PM_BAD_FILTER");
        assert.ok(input && input.at >= 0 && input.at <= input.text.length);
      }
    }),
    { numRuns: 5000 },
  );
});

test("parseFilter() refuses endless nesting and endless texts instead of falling over", () => {
  assert.throws(() => parseFilter("(".repeat(50_000)), /nested more than 100/);
  assert.throws(() => parseFilter("sport 1 ".repeat(10_000)), /longer than/);
  parseFilter(`${"not ".repeat(10_000)}autobound`);
});

/** Two spellings of one filter. */
const same: [string, string][] = [
  ["sport = :80", "sport 80"],
  ["sport = :80", "SPORT EQ *:80"],
  ["sport = :80", "sport==:http"],
  ["sport = :8080", "sport http-alt"],
  ["sport = :80", "( sport = :0x50 )"],
  ["not sport = :80", "sport != :80"],
  ["not sport = :80", "!sport=:80"],
  ["not sport = :80", "sport neq 80"],
  ["sport >= :81", "sport > :80"],
  ["sport >= :81", "sport gt :80"],
  ["sport <= :79", "sport lt 80"],
  ["sport >= :80", "sport geq :80"],
  ["sport <= :80", "sport le :80"],
  ["sport = :8000-8100", "sport :8000-8100"],
  ["src inet6:* and sport = :80", "sport = inet6::80"],
  ["src *", ""],
  ["src *", "dport = *"],
  ["not src *", "sport != :*"],
  ["src *", "dst any"],
  ["src 127.0.0.1", "src = 127.0.0.1"],
  ["not src 127.0.0.1", "src != 127.0.0.1"],
  ["src 127.0.0.1", "src localhost"],
  ["src 127.0.0.1 and sport = :80", "src 127.0.0.1:80"],
  ["src 127.0.0.1 and sport = :80-90", "src 127.0.0.1:80-90"],
  ["src 127.0.0.1", "src 127.0.0.1:*"],
  ["dport = :80", "dst *:80"],
  ["dport = :80", "dst :80"],
  ["src 10.0.0.0/8", "src 10/8"],
  ["src 10.0.0.0/8", "src 10.1.2.3/255.0.0.0"],
  ["src 10.1.0.0/16 and sport = :80", "src 10.1/16:80"],
  ["src [::1]", "src ::1"],
  ["src [::1]", "src 0:0::0001"],
  ["src [::1] and sport = :80", "src [::1]:80"],
  ["src [fd00::/16]", "src fd00::5/16"],
  ["src [fd00::/16] and sport = :80", "src [fd00::]/16:80"],
  ["src [::ffff:127.0.0.1] and sport = :80", "src ::ffff:127.0.0.1:80"],
  ["src [fe80::1] and dev = eth0", "src [fe80::1%eth0]"],
  ["src inet:* and src 127.0.0.1", "src inet:127.0.0.1"],
  ["src inet6:* and src [::1] and sport = :80", "src inet6:[::1]:80"],
  ["dev = lo", "dev lo"],
  ["not dev = lo", "dev != lo"],
  ["fwmark = 0x5", "fwmark 5"],
  ["fwmark = 0x1/0xff", "fwmark = 0x01/255"],
  ["cgroup = /a/b", "cgroup /sys/fs/cgroup/a/b/"],
  ['command = "a b"', "command = a\\ b"],
  ["cgroup = /dev-disk\\x2d", "cgroup = '/dev-disk\\x2d'"],
  ["( state time-wait )", "state TIME-WAIT"],
  ["( state established state time-wait )", "state established state time-wait"],
  ["( state syn-sent state syn-recv )", "state connected exclude synchronized state syn-recv"],
  ["( exclude all )", "state established exclude established"],
  ["( state time-wait ) and sport = :80", "state time-wait sport = :80"],
  ["sport = :80 and ( state time-wait )", "sport = :80 state time-wait"],
  ["not ( state time-wait )", "not state time-wait"],
  ["sport = :1 or sport = :2 and dport = :3", "sport = :1 or ( sport = :2 and dport = :3 )"],
  ["sport = :1 or sport = :2 and dport = :3", "sport :1 || sport :2 dport :3"],
  ["( sport = :1 or sport = :2 ) and dport = :3", "(sport :1|sport :2)&dport :3"],
  ["not sport = :1 and sport = :2", "( not sport = :1 ) && sport = :2"],
  ["autobound", "not ! autobound"],
];
for (const [left, right] of same) {
  test(`parseFilter() reads "${right}" as "${left}"`, () => {
    assert.equal(formatFilter(parseFilter(right, { servicePort })), formatFilter(parseFilter(left)));
    assert.deepEqual(parseFilter(right, { servicePort }), parseFilter(left));
  });
}

const refused: [text: string, at: number, message: RegExp, hint?: RegExp][] = [
  ["state bogus", 6, /"bogus" is not a state/, /established .* big/],
  ["state time-wiat", 6, /not a state/, /did you mean time-wait/],
  ["state constructor", 6, /not a state/],
  ["state", 5, /expected a state's name, found the end/],
  ["sprt = :80", 0, /"sprt" is not a condition/, /did you mean sport/],
  ["time-wait", 0, /not a condition/, /write state time-wait/],
  [":80", 0, /not a condition/, /write sport = :80/],
  ["127.0.0.1", 0, /not a condition/, /write src 127\.0\.0\.1/],
  ["sport = :70000", 9, /beyond the last port/],
  ["sport = :9-1", 9, /ends before it begins/],
  ["sport > :1-2", 8, /takes = or !=/],
  ["sport = 127.0.0.1:80", 8, /not a port/, /write src or dst/],
  ["sport = :08", 9, /not a port/],
  ["sport = :-1", 9, /not a port/],
  ["sport = :nosuch", 9, /names of services are not taken/],
  ["sport = :80 or", 14, /expected a condition, found the end/],
  ["or sport = :80", 0, /not a condition/],
  ["and", 0, /not a condition/],
  ["sport =", 7, /expected a port, found the end/],
  ["sport = = :80", 8, /expected a port, found "="/],
  ["( sport = :80", 0, /never closed/],
  ["sport = :80 )", 12, /never opened/],
  ["sport = :80 8001", 12, /not a condition/],
  ["()", 1, /nothing stands between/],
  ["src ::1:8004", 4, /two ways/, /write \[::1\]:8004 .* or \[::1:8004\]/],
  ["src example.com", 4, /not an IP address/, /not looked up/],
  ["src 10.1", 4, /not an IP address/],
  ["src 10.0.0.0/33", 4, /not a prefix length/],
  ["src [::1", 4, /no closing bracket/],
  ["src inet:[::1]", 4, /not of the family/],
  ["src unix:x", 4, /not looked at/],
  ["src > 1.2.3.4", 4, /takes = or !=/],
  ["dev > 1", 4, /dev takes = or !=/],
  ["fwmark = x", 9, /not a mark/],
  ["pid = 0", 6, /not a process id/],
  ["uid = root", 6, /not a user's number/],
  ['command = "x', 10, /never closed/],
];
for (const [text, at, message, hint] of refused) {
  test(`parseFilter() refuses "${text}" and points at the place`, () => {
    assert.throws(
      () => parseFilter(text),
      (error: PortmortemError) => {
        assert.equal(error.code, "PM_BAD_FILTER");
        assert.match(error.message, message);
        assert.deepEqual(error.input, { text, at });
        if (hint) assert.match(error.hint ?? "", hint);
        return true;
      },
    );
  });
}
