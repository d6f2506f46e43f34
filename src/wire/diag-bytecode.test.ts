import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anyFilters, CGROUPS, DEVICES, kernelFilters, sockets } from "../../test/oracles/random-filters.ts";
import { auditBytecode, type DiagEntry, runBytecode } from "../../test/oracles/run-bytecode.ts";
import { anyOf, type Filter, portRange } from "../tcp/filter/filter.ts";
import { hasTerm } from "../tcp/filter/filter-facts.ts";
import { createMatcher } from "../tcp/filter/match-filter.ts";
import { parseFilter } from "../tcp/filter/parse-filter.ts";
import { parseIp } from "../tcp/ip-address.ts";
import type { Socket } from "../tcp/socket.ts";
import { ALL_STATES, maskHas, maskOf } from "../tcp/states.ts";
import { type BytecodeEnv, compileBytecode } from "./diag-bytecode.ts";

const env: BytecodeEnv = {
  interfaceIndex: (name) => DEVICES[name],
  cgroupId: (path) => CGROUPS[path],
  ops: { eq: true, cgroup: true, mark: true },
};
const oldEnv: BytecodeEnv = { ...env, ops: { eq: false, cgroup: false, mark: false } };

function entryOf(socket: Socket, autobound: boolean): DiagEntry {
  const none = socket.family === "ipv4" ? "0.0.0.0" : "::";
  return {
    family: socket.family,
    localAddress: parseIp(socket.local.address)!.bytes,
    remoteAddress: parseIp(socket.remote?.address ?? none)!.bytes,
    localPort: socket.local.port,
    remotePort: socket.remote?.port ?? 0,
    interfaceIndex: DEVICES[socket.local.interface ?? ""] ?? 0,
    mark: socket.mark ?? 0,
    cgroupId: CGROUPS[socket.cgroup ?? ""] ?? 0,
    autobound,
  };
}

function compare(filter: Filter, socket: Socket, options: { autobound: boolean; env: BytecodeEnv }): void {
  const { autobound, env } = options;
  const matches = createMatcher(filter, { autobound: () => autobound, interfaceIndex: (name) => DEVICES[name] })(
    socket,
  );
  const { states, bytecode, exact } = compileBytecode(filter, env);
  if (bytecode) assert.equal(auditBytecode(bytecode), undefined);
  const passes = maskHas(states, socket.state) && (!bytecode || runBytecode(bytecode, entryOf(socket, autobound)));
  if (exact) assert.equal(passes, matches);
  else assert.ok(passes || !matches, "a socket that matches was refused");
}

test("compileBytecode() lets through what the matcher matches, and nothing else when it says exact", () => {
  fc.assert(
    fc.property(
      anyFilters,
      fc.array(sockets, { minLength: 1, maxLength: 20 }),
      fc.boolean(),
      (filter, some, autobound) => {
        for (const socket of some) compare(filter, socket, { autobound, env });
      },
    ),
    { numRuns: 2000 },
  );
});

test("compileBytecode() never refuses a match on a kernel without the newer instructions", () => {
  fc.assert(
    fc.property(anyFilters, sockets, fc.boolean(), (filter, socket, autobound) =>
      compare(filter, socket, { autobound, env: oldEnv }),
    ),
    { numRuns: 1000 },
  );
});

test("compileBytecode() is exact for every condition that the kernel can judge", () => {
  fc.assert(
    fc.property(kernelFilters, (filter) => compileBytecode(filter, env).exact),
    { numRuns: 500 },
  );
});

test("a matcher without knowledge of autobound keeps what the kernel has let through", () => {
  fc.assert(
    fc.property(kernelFilters, sockets, fc.boolean(), (filter, socket, autobound) => {
      const { bytecode } = compileBytecode(filter, env);
      const passes = !bytecode || runBytecode(bytecode, entryOf(socket, autobound));
      const blind = createMatcher(filter, { interfaceIndex: (name) => DEVICES[name] })(socket);
      assert.ok(!passes || blind);
      if (!hasTerm(filter, "autobound")) assert.equal(blind, passes);
    }),
    { numRuns: 1000 },
  );
});

const cases: [text: string, hex: string | undefined, exact: boolean][] = [
  ["", undefined, true],
  ["state time-wait", undefined, true],
  ["sport = :80", "0b080c0000005000", true],
  ["dport = :80", "0c080c0000005000", true],
  ["sport >= :80", "02080c0000005000", true],
  ["not sport = :80", "0b080c000000500001040800", true],
  ["src 10.0.0.0/8", "0710140002080000ffffffff0a000000", true],
  ["autobound", "06040800", true],
  ["dev = lo", "09080c0001000000", true],
  ["sport > :65535", "01040800", true],
  ["pid = 1", undefined, false],
  ["not pid = 1", undefined, false],
  ["sport = :80 and pid = 1", "0b080c0000005000", false],
  ["sport = :80 or pid = 1", undefined, false],
  ["not ( sport = :80 or pid = 1 )", "0b080c000000500001040800", false],
  ["sport = :80 or state listening", undefined, false],
];
for (const [text, hex, exact] of cases) {
  test(`compileBytecode() of "${text}"`, () => {
    const compiled = compileBytecode(parseFilter(text), env);
    assert.equal(compiled.bytecode && Buffer.from(compiled.bytecode).toString("hex"), hex);
    assert.equal(compiled.exact, exact);
  });
}

test("compileBytecode() settles states within the states that are asked for", () => {
  const filter = parseFilter("( state listening and sport = :80 ) or ( state established and dport = :80 )");
  assert.equal(compileBytecode(filter, env).exact, false);
  assert.equal(compileBytecode(filter, env).states, maskOf("LISTEN", "ESTABLISHED"));
  const listening = compileBytecode(filter, env, maskOf("LISTEN"));
  assert.equal(listening.exact, true);
  assert.equal(Buffer.from(listening.bytecode!).toString("hex"), "0b080c0000005000");
  assert.equal(compileBytecode(parseFilter("state listening"), env, maskOf("ESTABLISHED")).states, 0);
});

test("compileBytecode() asks for everything, and says so, when the program would be too long", () => {
  const ports = Array.from({ length: 3000 }, (_, index) => portRange("local", index + 1, index + 1));
  const long = compileBytecode(anyOf(ports), env);
  assert.deepEqual(long, { states: ALL_STATES, bytecode: undefined, exact: false });
  const fits = compileBytecode(anyOf(ports.slice(0, 1300)), env);
  assert.equal(auditBytecode(fits.bytecode!), undefined);
});
