/** Random filters and sockets for property tests, drawn from few values so that they often meet. */
import fc from "fast-check";
import { allOf, anyOf, type Filter, notOf, portRange, type Term } from "../../src/tcp/filter/filter.ts";
import { formatIp, maskIp, parseIp } from "../../src/tcp/ip-address.ts";
import type { Family, Owner, Socket } from "../../src/tcp/socket.ts";
import { ALL_STATES, STATES } from "../../src/tcp/states.ts";

const IPV4 = ["0.0.0.0", "127.0.0.1", "10.1.2.3", "10.200.0.1", "192.0.2.9"];
const IPV6 = [
  "::",
  "::1",
  "fd00::5",
  "fe80::77",
  "::ffff:127.0.0.1",
  "::ffff:10.1.2.3",
  "::ffff:0.0.0.0",
  "2001:db8::1:0:0:9",
];
const PORTS = [0, 1, 80, 443, 8000, 8001, 40001, 65535];
export const DEVICES: Readonly<Record<string, number>> = { lo: 1, eth0: 2 };
export const CGROUPS: Readonly<Record<string, number>> = { "/": 1, "/system.slice/api.service": 77 };

const side = fc.constantFrom("local" as const, "remote" as const);
const port = fc.oneof({ weight: 5, arbitrary: fc.constantFrom(...PORTS) }, fc.integer({ min: 0, max: 65535 }));

const host: fc.Arbitrary<Term> = fc
  .record({ side, address: fc.constantFrom(...IPV4, ...IPV6), cut: fc.oneof(fc.constant(0), fc.nat({ max: 128 })) })
  .map(({ side, address, cut }) => {
    const bytes = parseIp(address)!.bytes;
    const prefixLength = Math.max(0, bytes.length * 8 - cut);
    return { kind: "host", side, address: formatIp(maskIp(bytes, prefixLength)), prefixLength };
  });

/** Conditions that the kernel can judge, given DEVICES and CGROUPS. */
export const kernelTerms: fc.Arbitrary<Term> = fc.oneof(
  { weight: 4, arbitrary: host },
  { weight: 3, arbitrary: fc.record({ side, port }).map(({ side, port }) => portRange(side, port, port)) },
  { weight: 3, arbitrary: fc.record({ side, a: port, b: port }).map(({ side, a, b }) => portRange(side, a, b)) },
  fc.constant<Term>({ kind: "all" }),
  fc.constantFrom<Family>("ipv4", "ipv6").map((family): Term => ({ kind: "family", family })),
  fc.constantFrom("lo", "eth0", "1", "2", "0", "9").map((device): Term => ({ kind: "device", device })),
  fc
    .record({ value: fc.constantFrom(0, 1, 5, 0xffffffff), mask: fc.constantFrom(0, 1, 0xf, 0xffffffff) })
    .map((mark): Term => ({ kind: "mark", ...mark })),
  fc.constantFrom(...Object.keys(CGROUPS)).map((path): Term => ({ kind: "cgroup", path })),
  fc.constant<Term>({ kind: "autobound" }),
);

/** Conditions that only we can judge. */
const ownTerms: fc.Arbitrary<Term> = fc.oneof(
  fc.constantFrom("wlan7", "veth9").map((device): Term => ({ kind: "device", device })),
  fc.constant<Term>({ kind: "cgroup", path: "/gone" }),
  fc.constantFrom(1, 812).map((pid): Term => ({ kind: "pid", pid })),
  fc.constantFrom("node", "a b", "(x)", 'quo"te', "and", "=").map((command): Term => ({ kind: "command", command })),
  fc.constantFrom("deploy", "1000").map((user): Term => ({ kind: "user", user })),
  fc.constantFrom(0, 1000).map((uid): Term => ({ kind: "uid", uid })),
);

const states: fc.Arbitrary<Term> = fc
  .oneof(
    fc.constantFrom(...STATES).map((state) => 1 << state.kernel),
    fc.nat({ max: ALL_STATES }),
  )
  .map((mask): Term => ({ kind: "states", mask: mask & ALL_STATES }));

export function filtersOf(terms: fc.Arbitrary<Term>): fc.Arbitrary<Filter> {
  return fc.letrec<{ filter: Filter }>((tie) => ({
    filter: fc.oneof(
      { maxDepth: 4, depthSize: "small" },
      { weight: 2, arbitrary: terms },
      fc.array(tie("filter"), { minLength: 2, maxLength: 4 }).map(allOf),
      fc.array(tie("filter"), { minLength: 2, maxLength: 4 }).map(anyOf),
      tie("filter").map(notOf),
    ),
  })).filter;
}

export const kernelFilters = filtersOf(kernelTerms);
export const anyFilters = filtersOf(
  fc.oneof({ weight: 5, arbitrary: kernelTerms }, { weight: 2, arbitrary: states }, { weight: 2, arbitrary: ownTerms }),
);

const owner: fc.Arbitrary<Owner> = fc.record({
  pid: fc.constantFrom(1, 812, 900),
  fd: fc.constant(3),
  command: fc.constantFrom("node", "a b", "(x)", "nginx"),
  user: fc.constantFrom("deploy", "root"),
  uid: fc.constantFrom(0, 1000),
});

export const sockets: fc.Arbitrary<Socket> = fc.constantFrom<Family>("ipv4", "ipv6").chain((family) => {
  const address = fc.constantFrom(...(family === "ipv4" ? IPV4 : IPV6));
  return fc.record(
    {
      protocol: fc.constant("tcp" as const),
      family: fc.constant(family),
      state: fc.constantFrom(...STATES.map((state) => state.name)),
      local: fc.oneof(
        fc.record({ address, port }),
        fc.record({ address, port, interface: fc.constantFrom("lo", "eth0") }),
      ),
      remote: fc.record({ address, port }),
      mark: fc.constantFrom(1, 5, 0x15, 0xffffffff),
      uid: fc.constantFrom(0, 1000),
      cgroup: fc.constantFrom(...Object.keys(CGROUPS)),
      owners: fc.array(owner, { maxLength: 2 }),
    },
    { requiredKeys: ["protocol", "family", "state", "local"] },
  );
});
