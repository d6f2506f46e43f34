// What every host promises of the facts that `doctor` asks for.
import assert from "node:assert/strict";
import type { ContractCase } from "./scene.ts";

export const HEALTH_CASES: readonly ContractCase[] = [
  {
    title: "again() is the same machine and namespace, with its processes",
    run(host, scene) {
      const later = host.again();
      assert.equal(later.kind, host.kind);
      assert.equal(later.netns().inode, scene.netns);
      assert.ok(later.processes().some(({ pid }) => pid === scene.pid));
      assert.ok(later.again().system().nowMs >= host.system().nowMs);
    },
  },
  {
    title: "again() stays in the namespace that was entered",
    run(host, scene) {
      const inside = host.enter({ pid: scene.pid }).again();
      assert.equal(inside.netns().inode, scene.netns);
    },
  },
  {
    title: "counters() tells whole numbers, the connections in TIME-WAIT among them",
    run(host) {
      const counters = host.counters();
      assert.equal(counters["sockstat.TCP.tw"], 1);
      for (const [name, value] of Object.entries(counters)) {
        assert.match(name, /^(Tcp|TcpExt|sockstat\.\w+|sockstat6\.\w+)\.\w+$/);
        assert.ok(Number.isSafeInteger(value) && (value >= 0 || name === "Tcp.MaxConn"), `${name} ${value}`);
      }
    },
  },
  {
    title: "descriptorLimit() tells the soft and the hard limit of a process, and nothing of one that is gone",
    run(host, scene) {
      const limit = host.descriptorLimit(scene.pid);
      assert.ok(limit !== undefined);
      for (const value of [limit.soft, limit.hard])
        assert.ok(value === undefined || (Number.isInteger(value) && value > 0));
      assert.ok((limit.soft ?? 0) <= (limit.hard ?? Infinity));
      assert.equal(host.descriptorLimit(scene.deadPid), undefined);
    },
  },
  {
    title: "descriptorCount() counts as processes() does, and nothing of a process that is gone or surely has fewer",
    run(host, scene) {
      const told = host.processes().find(({ pid }) => pid === scene.pid)?.fdCount;
      const counted = host.descriptorCount(scene.pid, 4);
      assert.ok(counted !== undefined && counted >= 4);
      if (told !== undefined) assert.equal(counted, told);
      assert.equal(host.descriptorCount(scene.pid, 1 << 20), undefined);
      assert.equal(host.descriptorCount(scene.deadPid, 1), undefined);
    },
  },
  {
    title: "surroundings() tells where a process stands, and nothing of one that is gone",
    run(host, scene) {
      const place = host.surroundings(scene.pid);
      assert.ok(place !== undefined);
      assert.equal(place.parentPid, host.process(scene.pid)?.parentPid);
      assert.match(place.directory ?? "", /^\//);
      assert.equal(place.directoryGone, false);
      assert.match(place.terminal ?? "", /^(controlling|gone|none)$/);
      assert.equal(host.surroundings(scene.deadPid), undefined);
    },
  },
  {
    title: "sysctlLines() tells settings with the file and line that they stand in",
    run(host) {
      for (const { path, line, name } of host.sysctlLines()) {
        assert.match(path, /^\/.*sysctl.*\.conf$/);
        assert.ok(Number.isInteger(line) && line > 0);
        assert.match(name, /^(net|fs)\./);
      }
    },
  },
  {
    title: "every answer about its health survives JSON",
    run(host, scene) {
      for (const answer of [
        host.counters(),
        host.descriptorLimit(scene.pid),
        host.surroundings(scene.pid),
        host.sysctlLines(),
      ])
        assert.deepStrictEqual(JSON.parse(JSON.stringify(answer)), answer);
    },
  },
];
