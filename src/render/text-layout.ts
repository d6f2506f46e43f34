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
  return wrapText(text, Math.max(16, width - indent.length))
    .map((line, index) => (index === 0 ? first : indent) + line)
    .join("\n");
}

/** Parts in a row, a comma between; broken only between parts. */
export function wrapParts(indent: string, parts: readonly string[], width: number): string {
  const lines: string[] = [];
  for (const [at, part] of parts.entries()) {
    const text = at === parts.length - 1 ? part : `${part},`;
    const last = lines.at(-1);
    if (last !== undefined && textWidth(last) + 1 + textWidth(text) <= width)
      lines[lines.length - 1] = `${last} ${text}`;
    else lines.push(indent + text);
  }
  return lines.join("\n");
}

/** The text, cut to `width` columns with an ellipsis where it is longer: at its end, or at its start to keep the end. */
export function cutText(text: string, width: number, at: "start" | "end" = "end", ellipsis = "…"): string {
  if (textWidth(text) <= width) return text;
  const chars = Array.from(text);
  if (at === "start") chars.reverse();
  const kept: string[] = [];
  let used = 0;
  for (const char of chars) {
    used += textWidth(char);
    if (used > width - ellipsis.length) break;
    kept.push(char);
  }
  return at === "end" ? `${kept.join("")}${ellipsis}` : `${ellipsis}${kept.reverse().join("")}`;
}

export interface Column {
  readonly title: string;
  readonly align?: "left" | "right";
  /** May be cut on a narrow terminal, down to this many columns; left out: never. */
  readonly shrinkTo?: number;
  /** Where it is cut. */
  readonly cutAt?: "start" | "end";
  /** Left out altogether where the terminal is too narrow for all; the smallest number goes first. Left out: it stays. */
  readonly spare?: number;
}

/** Rows under titles, two spaces between columns. On a terminal (`width` given) long ones are cut; on a pipe never. */
export function layTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number | undefined,
  ellipsis?: string,
): string[] {
  const widths = columns.map((column) => textWidth(column.title));
  for (const row of rows)
    for (let at = 0; at < widths.length; at++) widths[at] = Math.max(widths[at]!, textWidth(row[at] ?? ""));
  const shown = width === undefined ? columns.map((_, at) => at) : fit(widths, columns, rows, width);
  const lay = (row: readonly string[]): string => {
    let line = "";
    for (const at of shown) {
      const column = columns[at]!;
      const cell = width === undefined ? (row[at] ?? "") : cutText(row[at] ?? "", widths[at]!, column.cutAt, ellipsis);
      const pad = " ".repeat(Math.max(0, widths[at]! - textWidth(cell)));
      line += (line === "" ? "" : "  ") + (column.align === "right" ? pad + cell : cell + pad);
    }
    return line.trimEnd();
  };
  return [lay(columns.map(({ title }) => title)), ...rows.map(lay)];
}

/** Makes `widths` fit a line, and answers which columns are left: without the empty ones, then without those that can be spared. */
function fit(
  widths: number[],
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
  width: number,
): number[] {
  let shown = columns.map((_, at) => at);
  const total = (least: boolean): number =>
    shown.reduce(
      (sum, at) => sum + (least ? Math.min(widths[at]!, columns[at]!.shrinkTo ?? Infinity) : widths[at]!),
      0,
    ) +
    2 * (shown.length - 1);
  if (total(false) > width)
    shown = shown.filter((at) => columns[at]!.spare === undefined || rows.some((row) => (row[at] ?? "") !== ""));
  while (total(true) > width) {
    const spare = shown.filter((at) => columns[at]!.spare !== undefined);
    if (spare.length === 0) break;
    const next = spare.reduce((a, b) => (columns[b]!.spare! < columns[a]!.spare! ? b : a));
    shown = shown.filter((at) => at !== next);
  }
  // Column by column from the widest, so that equals stay equal, until the line fits or nothing more can be taken.
  for (let over = total(false) - width; over > 0; over--) {
    const able = shown.filter((at) => widths[at]! > (columns[at]!.shrinkTo ?? Infinity));
    if (able.length === 0) break;
    widths[able.reduce((a, b) => (widths[b]! > widths[a]! ? b : a))]!--;
  }
  return shown;
}
