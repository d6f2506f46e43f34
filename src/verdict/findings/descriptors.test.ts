// descriptors-low and file-handles-low.
import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, socketGroup } from "../../../test/contracts/health-snapshots.ts";
import { DESCRIPTORS_LOW } from "./descriptors-low.ts";
import { FILE_HANDLES_LOW } from "./file-handles-low.ts";

function judge(count: number, limit = 1024, hardLimit?: number) {
  const use = { pid: 812, command: "node", count, limit, ...(hardLimit === undefined ? {} : { hardLimit }) };
  return DESCRIPTORS_LOW.find(healthySnapshot({ descriptors: [use] }));
}

test("descriptors-low warns from nine tenths on, and is critical at the limit", () => {
  assert.deepEqual(judge(921), []);
  assert.equal(judge(922)[0]?.level, "warning");
  const [found] = judge(1024);
  assert.equal(found?.level, "critical");
  assert.equal(found.title, "node (pid 812): 1 024 of 1 024 descriptors");
  assert.match(found.text, /accept\(\) and open\(\) fail with EMFILE/);
});

test("descriptors-low leaves sandboxes alone, and programs that lowered the limit below what they have", () => {
  assert.deepEqual(judge(60, 63), []);
  assert.deepEqual(judge(4, 0), []);
  assert.deepEqual(judge(1127), []);
});

test("descriptors-low knows that a few can have been inherited above the limit", () => {
  const [found] = judge(1025);
  assert.equal(found?.level, "warning");
  assert.match(found.text, /inherited and lie above the limit/);
});

test("descriptors-low never lowers the hard limit", () => {
  const command = (hardLimit?: number) => judge(1000, 1024, hardLimit)[0]?.advice[1]?.command;
  assert.equal(command(), "prlimit --pid 812 --nofile=2048:");
  assert.equal(command(524_288), "prlimit --pid 812 --nofile=2048:");
  assert.equal(command(1500), "prlimit --pid 812 --nofile=1500:");
  assert.equal(command(1024), "prlimit --pid 812 --nofile=2048:2048");
});

test("descriptors-low tells a leak from a limit that is too small, the worst process first", () => {
  const found = DESCRIPTORS_LOW.find(
    healthySnapshot({
      descriptors: [
        { pid: 9, command: "nginx", count: 950, limit: 1024 },
        { pid: 812, command: "node", count: 1000, limit: 1024 },
      ],
      now: healthyLook({ groups: [socketGroup("close-wait", { count: 800 })] }),
    }),
  );
  assert.deepEqual(
    found.map(({ evidence }) => evidence),
    [
      { pid: 812, command: "node", descriptors: 1000, descriptorLimit: 1024, closeWait: 800 },
      { pid: 9, command: "nginx", descriptors: 950, descriptorLimit: 1024, closeWait: 0 },
    ],
  );
  assert.match(found[0]?.text ?? "", /800 are connections in CLOSE-WAIT: a leak/);
  assert.equal(found[0]?.advice[0]?.command, "portmortem ls 'state close-wait and pid = 812'");
});

test("file-handles-low compares the files of the machine with fs.file-max", () => {
  const level = (fileNr: string) => FILE_HANDLES_LOW.find(healthySnapshot({ settings: { "fs.file-nr": fileNr } }))[0];
  assert.equal(level("899\t0\t1000"), undefined);
  assert.equal(level("900\t0\t1000")?.level, "warning");
  assert.equal(level("990\t0\t1000")?.level, "critical");
  assert.deepEqual(level("990\t0\t1000")?.evidence, { openFiles: 990, limit: 1000 });
});

test("file-handles-low is silent without a limit, and where it was not told", () => {
  for (const fileNr of ["5000\t0\t9223372036854775807", "", "1 2", "a b c", "7 0 0"])
    assert.deepEqual(FILE_HANDLES_LOW.find(healthySnapshot({ settings: { "fs.file-nr": fileNr } })), []);
  assert.deepEqual(FILE_HANDLES_LOW.find(healthySnapshot()), []);
});
