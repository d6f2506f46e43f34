/**
 * A second opinion on filter programs: what the kernel's audit (inet_diag_bc_audit) demands and what its interpreter (inet_diag_bc_run)
 * answers, written from the rules in docs/kernel/filters.md and checked against the running kernel by test/kernel. Little-endian.
 */

/** The fields of a socket that a program can see. Addresses are 4 bytes for ipv4, 16 for ipv6. */
export interface DiagEntry {
  readonly family: "ipv4" | "ipv6";
  readonly localAddress: Uint8Array;
  readonly remoteAddress: Uint8Array;
  readonly localPort: number;
  readonly remotePort: number;
  readonly interfaceIndex: number;
  readonly mark: number;
  readonly cgroupId: number;
  readonly autobound: boolean;
}

const NOP = 0;
const JMP = 1;
/** Least length by code, hostcond's address apart. */
const LEAST = [4, 4, 8, 8, 8, 8, 4, 12, 12, 8, 12, 8, 8, 12];
const ADDRESS_BYTES: Readonly<Record<number, number>> = { 0: 0, 2: 4, 10: 16 };

/** Undefined when the kernel would take the program, else why not. */
export function auditBytecode(program: Uint8Array): string | undefined {
  const view = viewOf(program);
  if (program.length < 4) return "empty";
  let at = 0;
  while (at < program.length) {
    const left = program.length - at;
    const code = view.getUint8(at);
    let least = LEAST[code];
    if (least === undefined) return `unknown code ${code} at ${at}`;
    if (left < least) return `cut at ${at}`;
    if (code === 7 || code === 8) {
      const addressBytes = ADDRESS_BYTES[view.getUint8(at + 4)];
      if (addressBytes === undefined) return `unknown family at ${at}`;
      least += addressBytes;
      if (left < least) return `address cut at ${at}`;
      if (view.getUint8(at + 5) > 8 * addressBytes) return `prefix too long at ${at}`;
    }
    const yes = view.getUint8(at + 1);
    const no = view.getUint16(at + 2, true);
    if (code !== NOP) {
      if (no < least || no > left + 4 || no % 4 !== 0) return `no ${no} at ${at}`;
      if (no < left && !isInstruction(program, left - no)) return `no at ${at} leads into an instruction`;
    }
    if (yes < least || yes > left + 4 || yes % 4 !== 0) return `yes ${yes} at ${at}`;
    at += yes;
  }
  return at === program.length ? undefined : "the last instruction leads beyond the end";
}

/** Is `rest` bytes before the end the start of an instruction? */
function isInstruction(program: Uint8Array, rest: number): boolean {
  let left = program.length;
  while (left >= rest) {
    if (left === rest) return true;
    const yes = program[program.length - left + 1] ?? 0;
    if (yes < 4 || yes % 4 !== 0) return false;
    left -= yes;
  }
  return false;
}

export function runBytecode(program: Uint8Array, entry: DiagEntry): boolean {
  const view = viewOf(program);
  let at = 0;
  while (at < program.length) {
    const holds = evaluate(view, at, entry);
    at += holds ? view.getUint8(at + 1) : view.getUint16(at + 2, true);
  }
  return at === program.length;
}

function evaluate(view: DataView, at: number, entry: DiagEntry): boolean {
  const port = () => view.getUint16(at + 6, true);
  switch (view.getUint8(at)) {
    case NOP:
      return true;
    case JMP:
      return false;
    case 2:
      return entry.localPort >= port();
    case 3:
      return entry.localPort <= port();
    case 4:
      return entry.remotePort >= port();
    case 5:
      return entry.remotePort <= port();
    case 6:
      return entry.autobound;
    case 7:
      return hostMatches(view, at + 4, entry, { address: entry.localAddress, port: entry.localPort });
    case 8:
      return hostMatches(view, at + 4, entry, { address: entry.remoteAddress, port: entry.remotePort });
    case 9:
      return view.getUint32(at + 4, true) === entry.interfaceIndex;
    case 10:
      return (entry.mark & view.getUint32(at + 8, true)) >>> 0 === view.getUint32(at + 4, true);
    case 11:
      return entry.localPort === port();
    case 12:
      return entry.remotePort === port();
    case 13:
      return view.getBigUint64(at + 4, true) === BigInt(entry.cgroupId);
    default:
      throw new RangeError(`unknown code at ${at}`);
  }
}

function hostMatches(
  view: DataView,
  at: number,
  entry: DiagEntry,
  side: { address: Uint8Array; port: number },
): boolean {
  const family = view.getUint8(at);
  const prefixLength = view.getUint8(at + 1);
  const port = view.getInt32(at + 4, true);
  if (port !== -1 && port !== side.port) return false;
  const wanted = new Uint8Array(view.buffer, view.byteOffset + at + 8);
  if (family !== 0 && family !== (entry.family === "ipv4" ? 2 : 10)) {
    const mapped = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];
    if (entry.family !== "ipv6" || family !== 2 || mapped.some((byte, index) => side.address[index] !== byte))
      return false;
    return sameBits(side.address.subarray(12), wanted, prefixLength);
  }
  return prefixLength === 0 || sameBits(side.address, wanted, prefixLength);
}

function sameBits(a: Uint8Array, b: Uint8Array, count: number): boolean {
  for (let bit = 0; bit < count; bit++) {
    const shift = 7 - (bit & 7);
    if ((((a[bit >> 3] ?? 0) ^ (b[bit >> 3] ?? 0)) >> shift) & 1) return false;
  }
  return true;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
