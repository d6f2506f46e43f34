/**
 * Random filters in the words that ss and we take alike: fully in parentheses (ss has one precedence for `and` and `or`), without
 * prefixes of zeros (ss's own matcher compares bytes without looking at the family). docs/kernel/filters.md has the experiments.
 */
import fc from "fast-check";

const PORTS = [8000, 8001, 8002, 8003, 8004, 8005, 8006, 8007, 8008, 8010, 40_001, 40_002, 1, 32_768, 65_535];
const HOSTS = [
  "127.0.0.1",
  "127.0.0.2",
  "127.0.0.3",
  "127.0.0.0/8",
  "127.0.0.2/31",
  "127.128.0.0/9",
  "10.0.0.0/8",
  "[::1]",
  "[::ffff:127.0.0.1]",
  "[::ffff:127.0.0.0/104]",
  "[fe80::/10]",
];

const port = fc.constantFrom(...PORTS);
const side = fc.constantFrom("src", "dst");

const condition = fc.oneof(
  fc.tuple(side, fc.constantFrom(...HOSTS)).map(([which, host]) => `${which} ${host}`),
  fc
    .tuple(side, fc.constantFrom("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]"), port)
    .map(([which, host, at]) => `${which} ${host}:${at}`),
  fc.tuple(side, port).map(([which, at]) => `${which} :${at}`),
  fc
    .tuple(fc.constantFrom("sport", "dport"), fc.constantFrom("=", "!=", "<", ">", "<=", ">="), port)
    .map(([which, operator, at]) => `${which} ${operator} :${at}`),
  fc.constantFrom("fwmark = 0x33", "fwmark = 0x3/0x3", "dev = lo", "dev != lo"),
);

const expression = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    { weight: 3, arbitrary: condition },
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `( ${a} and ${b} )`),
    fc.tuple(tie("expression"), tie("expression")).map(([a, b]) => `( ${a} or ${b} )`),
    tie("expression").map((one) => `( not ${one} )`),
  ),
})).expression;

const TCP_STATES = [
  "established",
  "syn-sent",
  "syn-recv",
  "fin-wait-1",
  "fin-wait-2",
  "time-wait",
  "closed",
  "close-wait",
  "last-ack",
  "listening",
  "closing",
  "connected",
  "synchronized",
  "bucket",
  "big",
  "all",
];
const UDP_STATES = ["established", "unconnected", "all", "connected"];

/** `state A state B EXPRESSION`, with or without either part. */
function withStates(states: readonly string[]): fc.Arbitrary<string> {
  const some = fc
    .uniqueArray(fc.constantFrom(...states), { minLength: 1, maxLength: 3 })
    .map((chosen) => chosen.map((state) => `state ${state}`).join(" "));
  const allBut = fc
    .constantFrom(...states.filter((state) => state !== "all"))
    .map((state) => `state all exclude ${state}`);
  return fc
    .tuple(
      fc.oneof({ weight: 2, arbitrary: some }, allBut, fc.constant("")),
      fc.option(expression, { nil: "", freq: 6 }),
    )
    .map((parts) => parts.filter((part) => part !== "").join(" "));
}

export const tcpFilters = withStates(TCP_STATES);
export const udpFilters = withStates(UDP_STATES);
