/**
 * Kernel structs as tables: name, type, offset and size stand in one visible list, in the kernel's own names, and the list checks
 * itself: no hole, no overlap, and it ends where it says. test/kernel/struct-offsets.test.ts compares the offsets with a C compiler's.
 */
export type FieldType = "u8" | "u16" | "u32" | "u64" | "be16" | "be32x4" | "u32x2";

const SIZES: Record<FieldType, number> = { u8: 1, u16: 2, u32: 4, u64: 8, be16: 2, be32x4: 16, u32x2: 8 };

export interface StructTable {
  /** The kernel's name of the struct, "inet_diag_msg". */
  readonly name: string;
  readonly sizeBytes: number;
  readonly fields: readonly (readonly [name: string, type: FieldType, offset: number])[];
}

export function sizeOfField(type: FieldType): number {
  return SIZES[type];
}

/** Throws when the table has a hole, an overlap or a wrong size. Bit fields are one u8 that bears the first one's name. */
export function defineStruct<const T extends StructTable>(table: T): T {
  let at = 0;
  for (const [name, type, offset] of table.fields) {
    if (offset !== at)
      throw new RangeError(`struct ${table.name}: ${name} stands at ${offset}, the field before it ends at ${at}`);
    at += SIZES[type];
  }
  if (at !== table.sizeBytes) throw new RangeError(`struct ${table.name} ends at ${at}, not at ${table.sizeBytes}`);
  return table;
}

/** The offset of one field, for code that reads it by hand. */
export function offsetOf<T extends StructTable>(table: T, name: T["fields"][number][0]): number {
  for (const field of table.fields) if (field[0] === name) return field[2];
  throw new RangeError(`struct ${table.name} has no field ${name}`);
}
