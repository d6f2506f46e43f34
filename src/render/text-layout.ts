/** Columns and paragraphs for a terminal of some width. Widths are counted in columns; ASCII, which is nearly all, is counted quickly. */

/** Wide characters (CJK, most emoji) take two columns, combining marks none. Unicode's East Asian Width, in its large blocks. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|[\u{1f300}-\u{1faff}]|[\u{20000}-\u{3fffd}]/u;
const ZERO = /\p{Mark}/u;
/** Our own colour codes take no columns. */
const CODES = /\u001b\[[0-9;]*m/g;

export function textWidth(text: string): number {
  const bare = text.includes("\u001b") ? text.replace(CODES, "") : text;
  let ascii = true;
  for (let at = 0; ascii && at < bare.length; at++) ascii = bare.charCodeAt(at) < 0x300;
  if (ascii) return bare.length;
  let width = 0;
  for (const char of bare) width += WIDE.test(char) ? 2 : ZERO.test(char) ? 0 : 1;
  return width;
}

/** The text in lines of at most `width` columns, broken at spaces; a longer word stands alone and is not cut. */
export function wrapText(text: string, width: number): string[] {
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && textWidth(line) + 1 + textWidth(word) > width) {
      lines.push(line);
      line = word;
    } else line = line === "" ? word : `${line} ${word}`;
  }
  return line === "" ? lines : [...lines, line];
}

/** A paragraph whose first line starts with `first` and whose others are indented as far. */
export function hang(first: string, text: string, width: number): string {
  const indent = " ".repeat(textWidth(first));
  return wrapText(text, Math.max(20, width - indent.length))
    .map((line, index) => (index === 0 ? first : indent) + line)
    .join("\n");
}

/** The text, cut to `width` columns with an ellipsis where it is longer. */
export function cutText(text: string, width: number): string {
  if (textWidth(text) <= width) return text;
  let cut = "";
  let used = 0;
  for (const char of text) {
    const wide = textWidth(char);
    if (used + wide > width - 1) break;
    cut += char;
    used += wide;
  }
  return `${cut}…`;
}

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** May be cut on a narrow terminal, down to this many columns; left out: never. */
  readonly shrinkTo?: number;
}

/** Rows under titles, two spaces between columns. On a terminal (`width` given) long ones are cut; on a pipe never. */
export function layTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
): string[] {
  const widths = columns.map((column) => textWidth(column.title));
  for (const row of rows)
    for (let at = 0; at < widths.length; at++) widths[at] = Math.max(widths[at]!, textWidth(row[at] ?? ""));
  if (width !== undefined) shrink(widths, columns, width);
  const lay = (row: readonly string[]): string => {
    let line = "";
    for (let at = 0; at < widths.length; at++) {
      const cell = width === undefined ? (row[at] ?? "") : cutText(row[at] ?? "", widths[at]!);
      const pad = " ".repeat(Math.max(0, widths[at]! - textWidth(cell)));
      const last = at === widths.length - 1;
      line += (at === 0 ? "" : "  ") + (columns[at]!.align === "right" ? pad + cell : last ? cell : cell + pad);
    }
    return line.trimEnd();
  };
  return [lay(columns.map(({ title }) => title)), ...rows.map(lay)];
}

/** Takes columns away where they can be spared, the widest first, until the line fits or nothing more can be taken. */
function shrink(widths: number[], columns: readonly Column[], width: number): void {
  const total = (): number => widths.reduce((sum, one) => sum + one, 0) + 2 * (widths.length - 1);
  while (total() > width) {
    let widest = -1;
    for (let at = 0; at < widths.length; at++) {
      const floor = columns[at]!.shrinkTo;
      if (floor !== undefined && widths[at]! > floor && (widest < 0 || widths[at]! > widths[widest]!)) widest = at;
    }
    if (widest < 0) return;
    widths[widest] = Math.max(columns[widest]!.shrinkTo!, widths[widest]! - (total() - width));
  }
}
