/** Netlink's envelope (include/uapi/linux/netlink.h): messages and attributes, pure bytes. */
import { defineStruct } from "./struct.ts";

export const nlmsghdr = defineStruct({
  name: "nlmsghdr",
  sizeBytes: 16,
  fields: [
    ["nlmsg_len", "u32", 0],
    ["nlmsg_type", "u16", 4],
    ["nlmsg_flags", "u16", 6],
    ["nlmsg_seq", "u32", 8],
    ["nlmsg_pid", "u32", 12],
  ],
});

export const NLMSG_HEADER_BYTES = nlmsghdr.sizeBytes;
export const NLMSG_ERROR = 2;
export const NLMSG_DONE = 3;
export const NLM_F_REQUEST = 0x1;
export const NLM_F_ACK = 0x4;
export const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;

const ATTRIBUTE_HEADER_BYTES = 4;
/** Netlink speaks the machine's own byte order, and so do typed arrays. */
export const LITTLE_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1;

export function align4(length: number): number {
  return (length + 3) & ~3;
}

/** One request: header, fixed part, attributes. */
export function encodeMessage(
  header: { type: number; flags: number; sequence: number },
  body: Uint8Array,
  attributes: readonly { type: number; value: Uint8Array }[] = [],
): Uint8Array {
  let length = NLMSG_HEADER_BYTES + align4(body.length);
  for (const { value } of attributes) length += ATTRIBUTE_HEADER_BYTES + align4(value.length);
  const bytes = new Uint8Array(length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, length, LITTLE_ENDIAN);
  view.setUint16(4, header.type, LITTLE_ENDIAN);
  view.setUint16(6, header.flags, LITTLE_ENDIAN);
  view.setUint32(8, header.sequence, LITTLE_ENDIAN);
  bytes.set(body, NLMSG_HEADER_BYTES);
  let at = NLMSG_HEADER_BYTES + align4(body.length);
  for (const { type, value } of attributes) {
    view.setUint16(at, ATTRIBUTE_HEADER_BYTES + value.length, LITTLE_ENDIAN);
    view.setUint16(at + 2, type, LITTLE_ENDIAN);
    bytes.set(value, at + ATTRIBUTE_HEADER_BYTES);
    at += ATTRIBUTE_HEADER_BYTES + align4(value.length);
  }
  return bytes;
}

/** The errno of an NLMSG_ERROR or NLMSG_DONE message (0 is an acknowledgement); undefined when the message is too short to tell. */
export function decodeErrno(view: DataView, start: number, end: number): number | undefined {
  if (end - start < NLMSG_HEADER_BYTES + 4) return undefined;
  return -view.getInt32(start + NLMSG_HEADER_BYTES, LITTLE_ENDIAN);
}

/**
 * Calls `visit` for each attribute that lies wholly between `start` and `end`. Answers false when something was left that is no
 * attribute: a length below 4, or beyond the end.
 */
export function eachAttribute(
  view: DataView,
  start: number,
  end: number,
  visit: (type: number, valueStart: number, valueEnd: number) => void,
): boolean {
  let at = start;
  while (end - at >= ATTRIBUTE_HEADER_BYTES) {
    const length = view.getUint16(at, LITTLE_ENDIAN);
    if (length < ATTRIBUTE_HEADER_BYTES || at + length > end) return false;
    visit(view.getUint16(at + 2, LITTLE_ENDIAN) & 0x3fff, at + ATTRIBUTE_HEADER_BYTES, at + length);
    at += align4(length);
  }
  return true;
}
