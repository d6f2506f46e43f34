/**
 * Two ends of a connection as a ladder, as in the figures of RFC 9293: the client left, the server right, the states of both in columns, segments between
 * them, and in the margins what the programs do and notice.
 */
import type { Side, Step, Views } from "../tcp/closing-simulation.ts";
import { textWidth } from "./text-layout.ts";

export interface Ladder {
  readonly start: Views;
  readonly steps: readonly Step[];
}

export interface LadderView {
  /** Columns at most; the arrows take what is left. */
  readonly width: number;
  /** Only characters that every terminal has. */
  readonly ascii: boolean;
}

interface Row {
  readonly states: Views;
  /** What stands in the margins. */
  readonly margin: Partial<Record<Side, string>>;
  /** What happens on the way, to both. */
  readonly between?: string;
  readonly arrow?: { readonly from: Side; readonly segment: string; readonly lost: boolean };
}

/** SYN-RECEIVED and ESTABLISHED are less. */
const STATE_WIDTH = 12;
const MOST_ARROW = 24;
const LEAST_ARROW = 14;

export function renderLadder({ start, steps }: Ladder, { width, ascii }: LadderView): string[] {
  const rows: Row[] = [{ states: start, margin: {} }, ...rowsOf(steps)];
  const margins = {
    client: Math.max(6, ...rows.map(({ margin }) => textWidth(margin.client ?? ""))),
    server: Math.max(0, ...rows.map(({ margin }) => textWidth(margin.server ?? ""))),
  };
  const fixed = margins.client + margins.server + 2 * STATE_WIDTH + 8;
  const arrowWidth = Math.min(MOST_ARROW, Math.max(LEAST_ARROW, width - fixed));
  const head = `${"".padEnd(margins.client)}  ${"client".padEnd(STATE_WIDTH)}  ${"".padEnd(arrowWidth)}  server`;
  return [
    head,
    ...rows.map(({ states, margin, between = "", arrow }) =>
      [
        (margin.client ?? "").padStart(margins.client),
        states.client.state.padEnd(STATE_WIDTH),
        arrow === undefined ? centred(between, arrowWidth) : arrowText(arrow, arrowWidth, ascii),
        states.server.state.padEnd(STATE_WIDTH),
        margin.server ?? "",
      ]
        .join("  ")
        .trimEnd(),
    ),
  ];
}

function centred(text: string, width: number): string {
  return text.padStart(Math.floor((width + text.length) / 2)).padEnd(width);
}

function arrowText({ from, segment, lost }: NonNullable<Row["arrow"]>, width: number, ascii: boolean): string {
  const line = ascii ? "-" : "─";
  // A lost segment gets half of the way.
  const length = lost ? Math.ceil(width / 2) + 1 : width;
  const name = ` ${segment} `;
  const before = Math.max(2, Math.floor((length - 1 - name.length) / 2));
  const after = Math.max(2, length - 1 - name.length - before);
  if (from === "client") {
    const end = lost ? "x" : ascii ? ">" : "▶";
    return (line.repeat(before) + name + line.repeat(after) + end).padEnd(width);
  }
  const end = lost ? "x" : ascii ? "<" : "◀";
  return (end + line.repeat(after) + name + line.repeat(before)).padStart(width);
}

/** A call and the segment that it sends are one row; so are the calls of both ends at once. */
function rowsOf(steps: readonly Step[]): Row[] {
  const rows: Row[] = [];
  for (const step of steps) {
    const { client, server } = step;
    const states = { client, server };
    const last = rows.at(-1);
    if (step.kind === "segment") {
      const margin = step.remark === undefined ? {} : { [step.from === "client" ? "server" : "client"]: step.remark };
      const arrow = { from: step.from, segment: step.segment, lost: step.lost };
      const calls = last?.arrow === undefined && last?.margin[step.from] !== undefined;
      const bothCall = last?.margin.client !== undefined && last.margin.server !== undefined;
      if (last !== undefined && calls && !bothCall)
        rows[rows.length - 1] = { states, margin: { ...last.margin, ...margin }, arrow };
      else rows.push({ states, margin, arrow });
    } else if (step.kind === "network") {
      rows.push({ states, margin: {}, between: `(network ${step.text})` });
    } else if (last !== undefined && step.kind === "call" && last.arrow === undefined && callsAtOnce(last, step.at)) {
      rows[rows.length - 1] = { states, margin: { ...last.margin, [step.at]: step.text } };
    } else {
      const remark = step.kind === "timer" && step.remark !== undefined ? `, ${step.remark}` : "";
      rows.push({ states, margin: { [step.at]: step.text + remark } });
    }
  }
  return rows;
}

/** The other end has called, and nothing has been sent yet: in a scenario that is so only where both call at once. */
function callsAtOnce({ margin }: Row, at: Side): boolean {
  const other = at === "client" ? "server" : "client";
  return margin[other] === "close()" && margin[at] === undefined;
}
