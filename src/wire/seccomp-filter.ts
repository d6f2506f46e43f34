/**
 * The seccomp filter under which a kept program runs, as classic BPF (linux/filter.h, linux/seccomp.h): bind(2) and listen(2) are told to
 * the keeper, everything else passes. It reads the architecture and the call's number only, so that the kernel knows in advance which
 * numbers always pass (seccomp_cache_prepare() in kernel/seccomp.c, since 5.11) and does not run it for them.
 */
import { LITTLE_ENDIAN } from "./netlink.ts";
import { defineStruct } from "./struct.ts";

export const sockFilter = defineStruct({
  name: "sock_filter",
  sizeBytes: 8,
  fields: [
    ["code", "u16", 0],
    ["jt", "u8", 2],
    ["jf", "u8", 3],
    ["k", "u32", 4],
  ],
});

/** What the filter needs to know of an architecture: its AUDIT_ARCH (linux/audit.h) and its numbers of the two calls (asm/unistd.h). */
export interface SeccompArch {
  readonly auditArch: number;
  readonly bind: number;
  readonly listen: number;
  /** The seccomp(2) call itself. */
  readonly seccomp: number;
  /** Set in the numbers of an ABI that shares the AUDIT_ARCH (x32). */
  readonly foreignBit?: number;
}

/** By Node's name of the architecture. Where there is no entry, a program cannot be kept. */
export const SECCOMP_ARCHS: Readonly<Record<string, SeccompArch>> = {
  x64: { auditArch: 0xc000003e, bind: 49, listen: 50, seccomp: 317, foreignBit: 0x40000000 },
  arm64: { auditArch: 0xc00000b7, bind: 200, listen: 201, seccomp: 277 },
};

const BPF_LD_W_ABS = 0x20;
const BPF_JEQ_K = 0x15;
const BPF_JSET_K = 0x45;
const BPF_RET_K = 0x06;
const SECCOMP_RET_USER_NOTIF = 0x7fc00000;
const SECCOMP_RET_ALLOW = 0x7fff0000;
/** Offsets of struct seccomp_data. */
const NR = 0;
const ARCH = 4;

type Instruction = readonly [code: number, jt: number, jf: number, k: number];

/** An array of struct sock_filter. Other ABIs of the machine (32-bit programs, x32) pass untouched: their numbers mean other calls. */
export function encodeBindFilter(arch: SeccompArch): Uint8Array {
  const { foreignBit } = arch;
  // Jumps count the instructions between; the last two are NOTIFY and ALLOW.
  const body: Instruction[] = [
    [BPF_LD_W_ABS, 0, 0, ARCH],
    [BPF_JEQ_K, 0, foreignBit === undefined ? 4 : 5, arch.auditArch],
    [BPF_LD_W_ABS, 0, 0, NR],
    ...(foreignBit === undefined ? [] : [[BPF_JSET_K, 3, 0, foreignBit] as const]),
    [BPF_JEQ_K, 1, 0, arch.bind],
    [BPF_JEQ_K, 0, 1, arch.listen],
    [BPF_RET_K, 0, 0, SECCOMP_RET_USER_NOTIF],
    [BPF_RET_K, 0, 0, SECCOMP_RET_ALLOW],
  ];
  const bytes = new Uint8Array(body.length * sockFilter.sizeBytes);
  const view = new DataView(bytes.buffer);
  body.forEach(([code, jt, jf, k], index) => {
    const at = index * sockFilter.sizeBytes;
    view.setUint16(at, code, LITTLE_ENDIAN);
    view.setUint8(at + 2, jt);
    view.setUint8(at + 3, jf);
    view.setUint32(at + 4, k, LITTLE_ENDIAN);
  });
  return bytes;
}
