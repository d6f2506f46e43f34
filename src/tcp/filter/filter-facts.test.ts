import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { anyFilters, sockets } from "../../../test/oracles/random-filters.ts";
import { ALL_STATES, maskHas, maskOf } from "../states.ts";
import { fixedPids, fixedPorts, hasStateTerm, needsOwners, statesOfFilter } from "./filter-facts.ts";
import { createMatcher } from "./match-filter.ts";
import { parseFilter } from "./parse-filter.ts";

test("facts about a filter hold for every socket that matches it", () => {
  fc.assert(
    fc.property(anyFilters, fc.array(sockets, { minLength: 1, maxLength: 20 }), (filter, some) => {
      const matches = createMatcher(filter);
      const states = statesOfFilter(filter);
      const { localPort, remotePort } = fixedPorts(filter);
      const pids = fixedPids(filter);
      for (const socket of some.filter(matches)) {
        assert.ok(maskHas(states, socket.state));
        if (localPort !== undefined) assert.equal(socket.local.port, localPort);
        if (remotePort !== undefined) assert.equal(socket.remote?.port, remotePort);
        if (pids) assert.ok(socket.owners?.some((owner) => pids.includes(owner.pid)));
      }
    }),
    { numRuns: 2000 },
  );
});

test("statesOfFilter() narrows through and, or and not", () => {
  const states = (text: string): number => statesOfFilter(parseFilter(text));
  assert.equal(states(""), ALL_STATES);
  assert.equal(states("sport = :80"), ALL_STATES);
  assert.equal(states("state time-wait and sport = :80"), maskOf("TIME-WAIT"));
  assert.equal(states("state time-wait or sport = :80"), ALL_STATES);
  assert.equal(states("state time-wait or ( state listening and sport = :80 )"), maskOf("TIME-WAIT", "LISTEN"));
  assert.equal(states("not ( state time-wait or sport = :80 )"), ALL_STATES & ~maskOf("TIME-WAIT"));
  assert.equal(states("state time-wait and state listening"), 0);
});

test("fixedPorts() finds ports that every branch asks for, but never 0", () => {
  const ports = (text: string): unknown => fixedPorts(parseFilter(text));
  assert.deepEqual(ports("sport = :80 and dport = :443"), { localPort: 80, remotePort: 443 });
  assert.deepEqual(ports("( sport = :80 and uid = 1 ) or sport = :80"), { localPort: 80 });
  assert.deepEqual(ports("sport = :80 or sport = :81"), {});
  assert.deepEqual(ports("not sport = :80"), {});
  assert.deepEqual(ports("dport = :0"), {});
  assert.deepEqual(ports("sport = :80-81"), {});
});

test("needsOwners(), hasStateTerm() and fixedPids() say what the filter speaks of", () => {
  assert.deepEqual(
    ["pid = 1", "not command = x", "user = a", "uid = 0"].map((text) => needsOwners(parseFilter(text))),
    [true, true, true, false],
  );
  assert.deepEqual(
    ["state all", "not exclude listening", "sport 1"].map((text) => hasStateTerm(parseFilter(text))),
    [true, true, false],
  );
  assert.deepEqual(fixedPids(parseFilter("pid = 1 or ( pid = 2 and sport = :80 )")), [1, 2]);
  assert.equal(fixedPids(parseFilter("pid = 1 or sport = :80")), undefined);
  assert.equal(fixedPids(parseFilter("not pid = 1")), undefined);
});
