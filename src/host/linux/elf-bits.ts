/** Whether a process runs a 32-bit file: its system calls have other numbers, which the filter of wire/seccomp-filter.ts lets pass. */
import { closeSync, openSync, readSync } from "node:fs";

/** The beginning of an ELF file (elf(5)): four bytes of magic, then EI_CLASS. */
const MAGIC = 0x7f454c46;
const EI_CLASS = 4;
const CLASSES: Readonly<Record<number, 32 | 64>> = { 1: 32, 2: 64 };

/** Undefined: the process may not be looked into, or is gone. */
export function elfBits(pid: number): 32 | 64 | undefined {
  try {
    const file = openSync(`/proc/${pid}/exe`, "r");
    try {
      const bytes = Buffer.alloc(EI_CLASS + 1);
      if (readSync(file, bytes, 0, bytes.length, 0) !== bytes.length || bytes.readUInt32BE(0) !== MAGIC)
        return undefined;
      return CLASSES[bytes[EI_CLASS] ?? 0];
    } finally {
      closeSync(file);
    }
  } catch {
    return undefined;
  }
}
