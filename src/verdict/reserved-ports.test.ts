import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseSysctlPortList } from "../tcp/sysctl-values.ts";
import { mergeReservedPort, mergeReservedPorts, portsLeft } from "./reserved-ports.ts";

test("mergeReservedPort() adds a port and joins ranges that touch", () => {
  assert.equal(mergeReservedPort(undefined, 8080), "8080");
  assert.equal(mergeReservedPort("", 8080), "8080");
  assert.equal(mergeReservedPort("9000", 8080), "8080,9000");
  assert.equal(mergeReservedPort("8000-8079,8081", 8080), "8000-8081");
});

test("mergeReservedPort() has nothing to write when the port is reserved, or the setting makes no sense", () => {
  assert.equal(mergeReservedPort("8000-9000", 8080), undefined);
  assert.equal(mergeReservedPort("8080", 8080), undefined);
  assert.equal(mergeReservedPort("all of them", 8080), undefined);
});

test("mergeReservedPort() reserves what was reserved and the port, and nothing else", () => {
  const port = fc.integer({ min: 1, max: 60 });
  const covered = (setting: string): number[] => {
    const ports = new Set<number>();
    for (const { first, last } of parseSysctlPortList(setting) ?? [])
      for (let one = first; one <= last; one++) ports.add(one);
    return [...ports].sort((a, b) => a - b);
  };
  const range = fc
    .tuple(port, fc.nat(8))
    .map(([first, more]) => (more === 0 ? `${first}` : `${first}-${first + more}`));
  fc.assert(
    fc.property(fc.array(range, { maxLength: 6 }), port, (ranges, added) => {
      const setting = ranges.join(",");
      const merged = mergeReservedPort(setting, added);
      const before = covered(setting);
      if (merged === undefined) assert.ok(before.includes(added));
      else
        assert.deepEqual(
          covered(merged),
          [...new Set([...before, added])].sort((a, b) => a - b),
        );
    }),
  );
});

test("mergeReservedPorts() adds many at once, and none that is in it", () => {
  assert.equal(mergeReservedPorts("9000-9002", [9003, 8080, 9001, 8081]), "8080-8081,9000-9003");
  assert.equal(mergeReservedPorts("9000-9002", [9001, 9002]), undefined);
});

test("portsLeft() counts what is reserved once, and only inside of the range", () => {
  assert.equal(portsLeft({ first: 100, last: 199 }, []), 100);
  assert.equal(
    portsLeft({ first: 100, last: 199 }, [
      { first: 1, last: 109 },
      { first: 105, last: 114 },
    ]),
    85,
  );
  assert.equal(portsLeft({ first: 100, last: 199 }, [{ first: 1, last: 65_535 }]), 0);
});
