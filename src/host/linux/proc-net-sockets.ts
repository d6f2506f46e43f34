/**
 * Sockets from /proc/net/{tcp,tcp6,udp,udp6}: what there is where sock_diag cannot be had (no FFI, gVisor, a kernel without the module),
 * or of another namespace without entering it (/proc/PID/net). No cookie, no device, no bound-only sockets, no filter in the kernel.
 */
import { closeSync, openSync, readSync } from "node:fs";
import type { Family } from "../../tcp/socket.ts";
import { maskHas } from "../../tcp/states.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { SocketLines } from "../../wire/procfs/socket-lines.ts";
import type { DumpRequest, DumpSummary, SocketBatch, SocketDump } from "../host.ts";
import { errnoOf } from "./read-file.ts";

/** The kernel hands out at most a page for a read(2) (seq_read_iter); pages are gathered, so that batches are of a few hundred lines. */
const BUFFER_BYTES = 65_536;
const PAGE_BYTES = 4096;

const BOTH: readonly Family[] = ["ipv4", "ipv6"];

type Summary = { -readonly [K in keyof DumpSummary]: DumpSummary[K] } & { failed: { family: Family; errno: string }[] };

/** `netDirectory`: `/proc/thread-self/net` for the calling thread's namespace, `/proc/PID/net` for another's. */
export function dumpProcNet(netDirectory: string, request: DumpRequest): SocketDump {
  const summary: Summary = {
    exactFilter: request.filter === undefined,
    interrupted: false,
    malformed: 0,
    failed: [],
    blind: request.protocol === "tcp" && maskHas(request.states, "BOUND") ? ["BOUND"] : [],
  };
  return {
    summary,
    *[Symbol.iterator]() {
      summary.malformed = 0;
      summary.failed = [];
      for (const family of request.families ?? BOTH) yield* dumpFamily(netDirectory, family, request, summary);
    },
  };
}

function* dumpFamily(
  netDirectory: string,
  family: Family,
  request: DumpRequest,
  summary: Summary,
): Generator<SocketBatch, void, undefined> {
  const lines = new SocketLines({ protocol: request.protocol, family, littleEndian: LITTLE_ENDIAN }, request);
  const malformedBefore = summary.malformed;
  let fd: number;
  try {
    fd = openSync(`${netDirectory}/${request.protocol}${family === "ipv6" ? "6" : ""}`, "r");
  } catch (error) {
    summary.failed.push({ family, errno: errnoOf(error) });
    return;
  }
  try {
    const buffer = new Uint8Array(BUFFER_BYTES);
    let filled = 0;
    for (let last = false; !last;) {
      const read = fill(fd, buffer, filled);
      if (read.errno !== undefined) summary.failed.push({ family, errno: read.errno });
      filled = read.filled;
      last = read.last;
      const taken = lines.scan(buffer, filled, { last });
      summary.malformed = malformedBefore + lines.malformed;
      if (lines.length > 0) yield lines;
      buffer.copyWithin(0, taken, filled);
      filled -= taken;
      // No line is nearly as long as the buffer: what fills it without a line break is not the kernel's.
      if (buffer.length - filled < PAGE_BYTES) filled = 0;
    }
  } finally {
    closeSync(fd);
  }
}

function fill(fd: number, buffer: Uint8Array, from: number): { filled: number; last: boolean; errno?: string } {
  let filled = from;
  try {
    while (buffer.length - filled >= PAGE_BYTES) {
      const count = readSync(fd, buffer, filled, buffer.length - filled, null);
      if (count === 0) return { filled, last: true };
      filled += count;
    }
    return { filled, last: false };
  } catch (error) {
    return { filled, last: true, errno: errnoOf(error) };
  }
}
