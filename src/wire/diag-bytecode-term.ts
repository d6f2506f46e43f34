/** One condition as instructions of the kernel's filter program; their jump offsets are left open. include/uapi/linux/inet_diag.h. */
import type { Term } from "../tcp/filter/filter.ts";
import { parseIpv4, parseIpv6 } from "../tcp/ip-address.ts";

export interface BytecodeOps {
  /** S_EQ and D_EQ. Without them a host condition without an address does the same. */
  readonly eq: boolean;
  /** CGROUP_COND (Linux 5.9, CONFIG_SOCK_CGROUP_DATA). */
  readonly cgroup: boolean;
  /** MARK_COND, which is refused with EPERM without CAP_NET_ADMIN. */
  readonly mark: boolean;
}

export interface BytecodeEnv {
  readonly interfaceIndex: (name: string) => number | undefined;
  /** The id of a path below the cgroup-v2 mount. */
  readonly cgroupId: (path: string) => number | undefined;
  readonly ops: BytecodeOps;
}

/** INET_DIAG_BC_* */
export const BC = {
  NOP: 0,
  JMP: 1,
  S_GE: 2,
  S_LE: 3,
  D_GE: 4,
  D_LE: 5,
  AUTO: 6,
  S_COND: 7,
  D_COND: 8,
  DEV_COND: 9,
  MARK_COND: 10,
  S_EQ: 11,
  D_EQ: 12,
  CGROUP_COND: 13,
} as const;

const LITTLE_ENDIAN = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;
const AF_UNSPEC = 0;
const AF_INET = 2;
const AF_INET6 = 10;

export function encodeJump(): Uint8Array<ArrayBuffer> {
  return instruction(BC.JMP, 0);
}

export function writeJumpOffset(bytes: Uint8Array<ArrayBuffer>, at: number, distance: number): void {
  new DataView(bytes.buffer).setUint16(at + 2, distance, LITTLE_ENDIAN);
}

/**
 * What is said to the kernel about a condition: true and false are settled for every socket, a test is one instruction, "unknown" is
 * beyond the kernel.
 */
export type Plan =
  | boolean
  | { readonly kind: "test"; readonly code: Uint8Array<ArrayBuffer>; readonly negated: boolean }
  | { readonly kind: "and" | "or"; readonly of: readonly Plan[] };

/** States are not among what is asked here: the request has a field of its own for them. */
export function planTerm(term: Term, negated: boolean, env: BytecodeEnv): Plan | "unknown" {
  switch (term.kind) {
    case "all":
      return !negated;
    case "host":
      return test(encodeHost(term), negated);
    case "family":
      // A condition of family AF_INET lets IPv4-mapped sockets through, so IPv4 is "not IPv6": a prefix of length 0 with `not`.
      return test(
        hostCondition(BC.S_COND, { family: AF_INET6, prefixLength: 0, port: -1, address: new Uint8Array(16) }),
        negated !== (term.family === "ipv4"),
      );
    case "port":
      return planPort(term, negated, env);
    case "device":
      return planDevice(term.device, negated, env);
    case "mark":
      return env.ops.mark ? test(words(BC.MARK_COND, term.value, term.mask), negated) : "unknown";
    case "cgroup": {
      const id = env.ops.cgroup ? env.cgroupId(term.path) : undefined;
      return id === undefined ? "unknown" : test(encodeCgroup(id), negated);
    }
    case "autobound":
      return test(instruction(BC.AUTO, 0), negated);
    default:
      return "unknown";
  }
}

function test(code: Uint8Array<ArrayBuffer>, negated: boolean): Plan {
  return { kind: "test", code, negated };
}

function planPort(term: Extract<Term, { kind: "port" }>, negated: boolean, env: BytecodeEnv): Plan {
  const { from, to, side } = term;
  const local = side === "local";
  if (from > to) return negated;
  if (from === to) {
    if (env.ops.eq) return test(portComparison(local ? BC.S_EQ : BC.D_EQ, from), negated);
    const code = local ? BC.S_COND : BC.D_COND;
    return test(
      hostCondition(code, { family: AF_UNSPEC, prefixLength: 0, port: from, address: new Uint8Array(0) }),
      negated,
    );
  }
  const bounds: Plan[] = [];
  if (from > 0) bounds.push(test(portComparison(local ? BC.S_GE : BC.D_GE, from), negated));
  if (to < 65535) bounds.push(test(portComparison(local ? BC.S_LE : BC.D_LE, to), negated));
  const [first] = bounds;
  if (first === undefined) return !negated;
  return bounds.length === 1 ? first : { kind: negated ? "or" : "and", of: bounds };
}

/** A device may be called "3": where name and number are of two devices, the socket's own name has to decide. */
function planDevice(device: string, negated: boolean, env: BytecodeEnv): Plan | "unknown" {
  const named = device === "0" ? undefined : env.interfaceIndex(device);
  const index = /^\d+$/.test(device) ? Number(device) : named;
  if (index === undefined || (named !== undefined && named !== index)) return "unknown";
  return index > 0xffff_ffff ? negated : test(words(BC.DEV_COND, index), negated);
}

function encodeHost(term: Extract<Term, { kind: "host" }>): Uint8Array<ArrayBuffer> {
  const ipv6 = term.address.includes(":");
  const address = ipv6 ? parseIpv6(term.address) : parseIpv4(term.address);
  if (address === undefined) throw new RangeError(`not an address in canonical text: ${term.address}`);
  const family = ipv6 ? AF_INET6 : AF_INET;
  const code = term.side === "local" ? BC.S_COND : BC.D_COND;
  return hostCondition(code, { family, prefixLength: term.prefixLength, port: -1, address });
}

interface HostCondition {
  readonly family: number;
  readonly prefixLength: number;
  /** -1: any */
  readonly port: number;
  readonly address: Uint8Array;
}

/** struct inet_diag_hostcond { u8 family, u8 prefix_len, two bytes unused, s32 port, be32 addr[] } */
function hostCondition(code: number, condition: HostCondition): Uint8Array<ArrayBuffer> {
  const bytes = instruction(code, 8 + condition.address.length);
  const view = new DataView(bytes.buffer);
  view.setUint8(4, condition.family);
  view.setUint8(5, condition.prefixLength);
  view.setInt32(8, condition.port, LITTLE_ENDIAN);
  bytes.set(condition.address, 12);
  return bytes;
}

/** The port stands in the `no` of a second, otherwise empty op. */
function portComparison(code: number, port: number): Uint8Array<ArrayBuffer> {
  const bytes = instruction(code, 4);
  new DataView(bytes.buffer).setUint16(6, port, LITTLE_ENDIAN);
  return bytes;
}

function words(code: number, ...values: readonly number[]): Uint8Array<ArrayBuffer> {
  const bytes = instruction(code, values.length * 4);
  const view = new DataView(bytes.buffer);
  values.forEach((value, index) => view.setUint32(4 + 4 * index, value, LITTLE_ENDIAN));
  return bytes;
}

function encodeCgroup(id: number): Uint8Array<ArrayBuffer> {
  const bytes = instruction(BC.CGROUP_COND, 8);
  new DataView(bytes.buffer).setBigUint64(4, BigInt(id), LITTLE_ENDIAN);
  return bytes;
}

function instruction(code: number, argumentBytes: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(4 + argumentBytes);
  bytes[0] = code;
  bytes[1] = bytes.length;
  return bytes;
}
