/** The smallest 32-bit program for x86: it waits for signals. No compiler for it is needed. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { once } from "./needs.ts";

const HEADER_BYTES = 52;
const SEGMENT_BYTES = 32;
const LOADED_AT = 0x08048000;
/** int 0x80, with the number in eax. */
const EXIT = [0xb8, 1, 0, 0, 0, 0xbb, 3, 0, 0, 0, 0xcd, 0x80]; // exit(3)
const PAUSE = [0xb8, 29, 0, 0, 0, 0xcd, 0x80, 0xeb, 0xf7]; // pause(), again and again

/** elf(5): Elf32_Ehdr, one Elf32_Phdr that loads the whole file, and the code. */
function elf32(code: readonly number[]): Uint8Array {
  const start = HEADER_BYTES + SEGMENT_BYTES;
  const size = start + code.length;
  const ident = [0x7f, 0x45, 0x4c, 0x46, 1, 1, 1];
  const file = Buffer.alloc(size);
  file.set(ident);
  const halves = { 16: 2, 18: 3, 40: HEADER_BYTES, 42: SEGMENT_BYTES, 44: 1 }; // ET_EXEC, EM_386, sizes, one segment
  for (const [at, value] of Object.entries(halves)) file.writeUInt16LE(value, Number(at));
  for (const [at, value] of Object.entries({ 20: 1, 24: LOADED_AT + start, 28: HEADER_BYTES }))
    file.writeUInt32LE(value, Number(at));
  const segment = [1, 0, LOADED_AT, LOADED_AT, size, size, 5, 0x1000]; // PT_LOAD, readable and executable
  for (const [index, value] of segment.entries()) file.writeUInt32LE(value, HEADER_BYTES + 4 * index);
  file.set(code, start);
  return file;
}

/** A kernel for 64-bit x86 that runs 32-bit programs (CONFIG_IA32_EMULATION). */
export const RUNS_32_BITS = once(() => {
  if (process.arch !== "x64") return `probed: this is ${process.arch}, not x64`;
  const folder = mkdtempSync(join(tmpdir(), "portmortem-"));
  const { status, error } = spawnSync(write32(folder, EXIT));
  rmSync(folder, { recursive: true });
  return status === 3 ? undefined : `probed: a 32-bit program; ${error?.message ?? `exit ${status}`}`;
});

/** Writes it into a folder, and answers its path. */
export function write32(folder: string, code: readonly number[] = PAUSE): string {
  const path = join(folder, "program-of-32-bits");
  writeFileSync(path, elf32(code), { mode: 0o755 });
  return path;
}
