/**
 * The messages of seccomp's user notification (linux/seccomp.h, seccomp_unotify(2)): what a supervisor receives and what it answers. Pure;
 * the machine's own byte order. A newer kernel may have longer structs (SECCOMP_GET_NOTIF_SIZES): the ones of Linux 5.0 are a part of them.
 */
import { LITTLE_ENDIAN } from "./netlink.ts";
import { defineStruct } from "./struct.ts";

export const seccompNotif = defineStruct({
  name: "seccomp_notif",
  sizeBytes: 80,
  fields: [
    ["id", "u64", 0],
    ["pid", "u32", 8],
    ["flags", "u32", 12],
    ["data.nr", "u32", 16],
    ["data.arch", "u32", 20],
    ["data.instruction_pointer", "u64", 24],
    ["data.args[0]", "u64", 32],
    ["data.args[1]", "u64", 40],
    ["data.args[2]", "u64", 48],
    ["data.args[3]", "u64", 56],
    ["data.args[4]", "u64", 64],
    ["data.args[5]", "u64", 72],
  ],
});

export const seccompNotifResp = defineStruct({
  name: "seccomp_notif_resp",
  sizeBytes: 24,
  fields: [
    ["id", "u64", 0],
    ["val", "u64", 8],
    ["error", "u32", 16],
    ["flags", "u32", 20],
  ],
});

export const seccompNotifAddfd = defineStruct({
  name: "seccomp_notif_addfd",
  sizeBytes: 24,
  fields: [
    ["id", "u64", 0],
    ["flags", "u32", 8],
    ["srcfd", "u32", 12],
    ["newfd", "u32", 16],
    ["newfd_flags", "u32", 20],
  ],
});

export const SECCOMP_IOCTL_NOTIF_RECV = 0xc0502100;
export const SECCOMP_IOCTL_NOTIF_SEND = 0xc0182101;
export const SECCOMP_IOCTL_NOTIF_ID_VALID = 0x40082102;
export const SECCOMP_IOCTL_NOTIF_ADDFD = 0x40182103;

const SECCOMP_USER_NOTIF_FLAG_CONTINUE = 1;
const SECCOMP_ADDFD_FLAG_SETFD = 1;

/** A call that waits in the kernel for an answer. */
export interface WaitingCall {
  /** Names the call, for as long as it waits. */
  readonly id: bigint;
  /** The thread that called, as this process' pid namespace numbers it; 0: it has no number there. */
  readonly tid: number;
  /** The call's number, by the architecture. */
  readonly nr: number;
  /** The first three arguments, as they were in the registers. */
  readonly args: readonly [bigint, bigint, bigint];
}

/** Undefined: fewer bytes than the struct of the first kernel that had it. */
export function decodeWaitingCall(bytes: Uint8Array): WaitingCall | undefined {
  if (bytes.length < seccompNotif.sizeBytes) return undefined;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    id: view.getBigUint64(0, LITTLE_ENDIAN),
    tid: view.getUint32(8, LITTLE_ENDIAN),
    nr: view.getInt32(16, LITTLE_ENDIAN),
    args: [
      view.getBigUint64(32, LITTLE_ENDIAN),
      view.getBigUint64(40, LITTLE_ENDIAN),
      view.getBigUint64(48, LITTLE_ENDIAN),
    ],
  };
}

export function encodeId(id: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, id, LITTLE_ENDIAN);
  return bytes;
}

/** The kernel carries the call out, as if nobody had asked. */
export function encodeContinue(id: bigint): Uint8Array {
  return encodeResponse(id, SECCOMP_USER_NOTIF_FLAG_CONTINUE);
}

/** The call is not carried out and answers 0. */
export function encodeSuccess(id: bigint): Uint8Array {
  return encodeResponse(id, 0);
}

function encodeResponse(id: bigint, flags: number): Uint8Array {
  const bytes = new Uint8Array(seccompNotifResp.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, id, LITTLE_ENDIAN);
  view.setUint32(20, flags, LITTLE_ENDIAN);
  return bytes;
}

/** Puts our descriptor `source` in the place of the caller's `target`; `flags`: O_CLOEXEC or 0. The call still waits for its answer. */
export function encodeReplaceFd(id: bigint, source: number, target: number, flags: number): Uint8Array {
  const bytes = new Uint8Array(seccompNotifAddfd.sizeBytes);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(0, id, LITTLE_ENDIAN);
  view.setUint32(8, SECCOMP_ADDFD_FLAG_SETFD, LITTLE_ENDIAN);
  view.setUint32(12, source, LITTLE_ENDIAN);
  view.setUint32(16, target, LITTLE_ENDIAN);
  view.setUint32(20, flags, LITTLE_ENDIAN);
  return bytes;
}
