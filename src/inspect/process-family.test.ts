import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeHost, program } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import type { Host } from "../host/host.ts";
import { gatherFamily } from "./process-family.ts";

// A terminal's shell, npm in a job of its own with a server and its worker, and this program as another job.
const MACHINE: FakeHostDescription = {
  system: { pid: 500, uid: 1000 },
  processes: [
    program("systemd", { pid: 1, parentPid: 0, uid: 0 }),
    program("bash", { pid: 100 }),
    program("npm", { pid: 200, parentPid: 100, processGroup: 200 }),
    program("node", { pid: 210, parentPid: 200, processGroup: 200 }),
    program("esbuild", { pid: 220, parentPid: 210, processGroup: 200 }),
    program("vim", { pid: 300, parentPid: 100, processGroup: 300 }),
    program("portmortem", { pid: 500, parentPid: 100, processGroup: 500 }),
    program("cron", { pid: 600, parentPid: 1 }),
  ],
};

const pidsOf = (host: Host, owners: readonly number[], descendants = false): number[] =>
  [...gatherFamily(host, owners, { descendants }).nodes.keys()].sort((a, b) => a - b);

test("gatherFamily() has the owners, their ancestors and this program's, and nobody else", () => {
  const host = createFakeHost(MACHINE);
  const { nodes, self } = gatherFamily(host, [210, 210]);
  assert.deepEqual(
    [...nodes.keys()].sort((a, b) => a - b),
    [1, 100, 200, 210, 500],
  );
  assert.deepEqual(self, { pid: 500, ancestors: [100, 1], uid: 1000 });
  assert.deepEqual(nodes.get(210), {
    pid: 210,
    startTicks: 2100,
    parentPid: 200,
    processGroup: 200,
    command: "node",
    args: ["node"],
    state: "S",
    uid: 1000,
  });
});

test("gatherFamily() adds the descendants of the owner's job, not those of the shell above it", () => {
  const host = createFakeHost(MACHINE);
  assert.deepEqual(pidsOf(host, [220], true), [1, 100, 200, 210, 220, 500]);
  assert.deepEqual(pidsOf(host, [210], true), [1, 100, 200, 210, 220, 500]);
});

test("gatherFamily() stops below this program's ancestors where a script has them in one group with the owner", () => {
  const processes = MACHINE.processes!.map((one) => ({ ...one, processGroup: 100 }));
  const host = createFakeHost({ ...MACHINE, processes });
  assert.deepEqual(pidsOf(host, [210], true), [1, 100, 200, 210, 220, 500]);
});

test("gatherFamily() looks at everybody where the kernel tells no relatives", () => {
  const host = createFakeHost(MACHINE);
  const mute: Host = Object.create(host, { relatives: { value: () => undefined } });
  mute.process = (pid) => host.process(pid);
  mute.system = () => host.system();
  mute.processes = () => host.processes();
  assert.ok(pidsOf(mute, [210], true).includes(220));
});

test("gatherFamily() leaves out who is gone, and stops at a parent whose number was given to another since", () => {
  const host = createFakeHost({
    processes: [
      program("node", { pid: 210, parentPid: 200, startTicks: 50 }),
      program("newer", { pid: 200, parentPid: 1, startTicks: 51 }),
    ],
  });
  const { nodes, self } = gatherFamily(host, [210, 999_999]);
  assert.deepEqual([...nodes.keys()], [210]);
  assert.deepEqual(self, { pid: 999, ancestors: [], uid: 0 });
});

test("gatherFamily() bears with a recording that is older than process groups", () => {
  const host = createFakeHost(MACHINE);
  const old: Host = Object.create(host);
  old.system = () => host.system();
  old.process = (pid) => {
    const facts = host.process(pid);
    if (facts === undefined) return undefined;
    const { processGroup: _processGroup, ...rest } = facts;
    return rest;
  };
  assert.equal(gatherFamily(old, [210]).nodes.get(210)?.processGroup, 0);
});
