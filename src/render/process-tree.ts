/** A program's processes as a tree, for a person. */
import type { TreeLine } from "../tcp/free-plan.ts";
import { escapeText } from "./escape.ts";
import type { Style } from "./style.ts";
import { cutText, textWidth } from "./text-layout.ts";

export interface TreeView {
  readonly style: Style;
  /** Of the terminal; left out on a pipe, where nothing is cut. */
  readonly width?: number;
  /** Only characters that every terminal has. */
  readonly ascii: boolean;
}

const BOXES = { branch: "├─ ", last: "└─ ", pass: "│  ", blank: "   " };
const ASCII_BOXES = { branch: "|- ", last: "`- ", pass: "|  ", blank: "   " };

/** Of a command line this much is shown on the narrowest terminal. */
const LEAST_COMMAND = 16;
const HOLDS = "  holds it";

/** A line for each process: its pid, its place in the tree, its command line. Without a line break behind the last. */
export function renderProcessTree(lines: readonly TreeLine[], { style, width, ascii }: TreeView): string {
  const boxes = ascii ? ASCII_BOXES : BOXES;
  const pidWidth = Math.max(0, ...lines.map(({ pid }) => String(pid).length));
  const shown = lines.map((line, at) => {
    const pid = String(line.pid).padStart(pidWidth);
    const tree = branchText(lines, at, boxes);
    const suffix = line.holds ? HOLDS : "";
    const room = width === undefined ? Infinity : width - pidWidth - 2 - textWidth(tree) - suffix.length;
    const command = escapeText(line.args.length === 0 ? `[${line.command}]` : line.args.join(" "));
    return `${pid}  ${tree}${cut(command, Math.max(LEAST_COMMAND, room), ascii)}${suffix === "" ? "" : style.warn(suffix)}`;
  });
  return shown.join("\n");
}

function cut(text: string, width: number, ascii: boolean): string {
  const short = cutText(text, width);
  return ascii && short !== text ? `${cutText(text, width - 2).slice(0, -1)}...` : short;
}

/** For each level above: does a later sibling of it follow? */
function branchText(lines: readonly TreeLine[], at: number, boxes: typeof BOXES): string {
  const { depth } = lines[at]!;
  if (depth === 0) return "";
  const follows = Array.from<boolean>({ length: depth }).fill(false);
  let open = depth;
  for (const later of lines.slice(at + 1)) {
    if (later.depth <= open) {
      if (later.depth === 0) break;
      follows[later.depth - 1] = true;
      open = later.depth - 1;
    }
  }
  return follows
    .map((more, level) => (level === depth - 1 ? (more ? boxes.branch : boxes.last) : more ? boxes.pass : boxes.blank))
    .join("");
}
