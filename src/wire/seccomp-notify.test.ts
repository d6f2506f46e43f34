import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LITTLE_ENDIAN } from "./netlink.ts";
import { SECCOMP_ARCHS, encodeBindFilter } from "./seccomp-filter.ts";
import { decodeWaitingCall, encodeContinue, encodeId, encodeReplaceFd, encodeSuccess } from "./seccomp-notify.ts";

const SKIP = {
  skip: LITTLE_ENDIAN ? false : "probed: the byte order of this machine; the bytes here are little-endian",
};
const ALLOW = 0x7fff0000;
const NOTIFY = 0x7fc00000;

/** What the kernel's interpreter answers (___bpf_prog_run() in kernel/bpf/core.c), for the instructions that the filter has. */
function runFilter(program: Uint8Array, call: { readonly arch: number; readonly nr: number }): number {
  const view = new DataView(program.buffer);
  let accumulator = 0;
  for (let at = 0; at < program.length / 8; at++) {
    const code = view.getUint16(at * 8, LITTLE_ENDIAN);
    const [jt, jf] = [view.getUint8(at * 8 + 2), view.getUint8(at * 8 + 3)];
    const k = view.getUint32(at * 8 + 4, LITTLE_ENDIAN);
    if (code === 0x20) accumulator = (k === 4 ? call.arch : call.nr) >>> 0;
    else if (code === 0x15) at += accumulator === k ? jt : jf;
    else if (code === 0x45) at += (accumulator & k) !== 0 ? jt : jf;
    else if (code === 0x06) return k;
    else throw new Error(`instruction ${code}`);
  }
  throw new Error("no answer");
}

for (const [name, arch] of Object.entries(SECCOMP_ARCHS)) {
  test(`the filter of ${name} tells of bind and listen of its own ABI, and of nothing else`, () => {
    const program = encodeBindFilter(arch);
    const ask = (nr: number, auditArch = arch.auditArch): number => runFilter(program, { arch: auditArch, nr });
    for (let nr = 0; nr < 600; nr++)
      assert.equal(ask(nr), nr === arch.bind || nr === arch.listen ? NOTIFY : ALLOW, `call ${nr}`);
    for (const other of [0x40000003 /* i386 */, 0x40000028 /* arm */, 0xc000003e, 0xc00000b7])
      if (other !== arch.auditArch) assert.equal(ask(arch.bind, other), ALLOW);
    if (arch.foreignBit !== undefined) assert.equal(ask((arch.bind | arch.foreignBit) >>> 0), ALLOW, "x32");
    assert.equal(ask(0xffffffff), ALLOW);
  });
}

test("decodeWaitingCall() reads what the kernel wrote", SKIP, () => {
  const bytes = new Uint8Array(80);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, 0xfedc_ba98_7654_3210n, true);
  view.setUint32(8, 4711, true);
  view.setInt32(16, 49, true);
  view.setBigUint64(32, 3n, true);
  view.setBigUint64(40, 0x7fff_ffff_e000n, true);
  view.setBigUint64(48, 16n, true);
  assert.deepEqual(decodeWaitingCall(bytes), {
    id: 0xfedc_ba98_7654_3210n,
    tid: 4711,
    nr: 49,
    args: [3n, 0x7fff_ffff_e000n, 16n],
  });
});

test("decodeWaitingCall() takes nothing shorter than the struct, and ignores what a newer kernel has behind it", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      const call = decodeWaitingCall(bytes);
      assert.equal(call !== undefined, bytes.length >= 80);
      if (call !== undefined) assert.deepEqual(decodeWaitingCall(bytes.subarray(0, 80)), call);
    }),
  );
});

test("answers name the call", SKIP, () => {
  const id = 0x0102_0304_0506_0708n;
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
  assert.equal(hex(encodeId(id)), "0807060504030201");
  assert.equal(hex(encodeContinue(id)), `0807060504030201${"00".repeat(12)}01000000`);
  assert.equal(hex(encodeSuccess(id)), `0807060504030201${"00".repeat(16)}`);
  assert.equal(hex(encodeReplaceFd(id, 30, 7, 0o2000000)), "0807060504030201010000001e0000000700000000000800");
});
