/** `run --list` and `run --stop` for a person. */
import { amountText } from "../base/duration.ts";
import type { ListedRun, RunList, ReloadRunsResult, RunPort, StopRunsResult } from "../tcp/run-record.ts";
import { escapeText } from "./escape.ts";
import { endpointText } from "./socket-text.ts";
import type { Style } from "./style.ts";
import { hang, layTable } from "./text-layout.ts";
import type { Column } from "./text-layout.ts";

export interface RunsView {
  readonly style: Style;
  /** Columns of the terminal; left out on a pipe. */
  readonly width?: number;
}

const COLUMNS: readonly Column[] = [
  { title: "NAME", shrinkTo: 10 },
  { title: "PID", align: "right" },
  { title: "PORTS", shrinkTo: 8 },
  { title: "MODE", spare: 1 },
  { title: "UP", align: "right" },
  { title: "RESTARTS", align: "right", spare: 2 },
  { title: "COMMAND", shrinkTo: 10 },
];

export function renderRuns({ runs }: RunList, { style, width }: RunsView): string {
  if (runs.length === 0) return "nothing runs under portmortem run\n";
  const lines = layTable(COLUMNS, runs.map(rowOf), width, style.ellipsis);
  const notes = runs.flatMap(({ name, text }) =>
    text === undefined ? [] : [hang(`${style.warn(escapeText(name))}: `, escapeText(text), width ?? Infinity)],
  );
  return `${[style.dim(lines[0]!), ...lines.slice(1), ...notes].join("\n")}\n`;
}

function rowOf({ name, program, ports, mode, upMs, restarts, command, args }: ListedRun): string[] {
  return [
    escapeText(name),
    program === undefined ? "-" : String(program.pid),
    portsText(ports),
    mode,
    upText(upMs),
    String(restarts),
    escapeText([command, ...args].join(" ")),
  ];
}

/** The two greatest units, rounded down: what has passed, where durationText() tells what is to come. */
function upText(ms: number): string {
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  const hours = Math.floor(seconds / 3600);
  return hours < 24 ? `${hours} h ${Math.floor(seconds / 60) % 60} min` : `${Math.floor(hours / 24)} d ${hours % 24} h`;
}

/** "49200", "127.0.0.1:49200", "53/udp": an address only where it is not all of them. */
function portsText(ports: readonly RunPort[]): string {
  const texts = ports.map(({ protocol, address, port }) => {
    const place = address === "::" || address === "0.0.0.0" ? String(port) : endpointText({ address, port });
    return protocol === "udp" ? `${place}/udp` : place;
  });
  return texts.length === 0 ? "-" : escapeText([...new Set(texts)].join(","));
}

export function renderStop(
  { stopped, notFound, failed }: StopRunsResult,
  { style, width = Infinity }: RunsView,
): string {
  const lines = [
    ...stopped.map(({ name, program, text }) => {
      const who = program === undefined ? escapeText(name) : `${escapeText(name)} (pid ${program.pid})`;
      return hang(`${style.good("stopped")} `, `${who}: ${escapeText(text)}`, width);
    }),
    ...failed.map(({ name, text }) =>
      hang(`${style.bad("not stopped")} `, `${escapeText(name)}: ${escapeText(text)}`, width),
    ),
    ...notFound.map(({ text }) => hang(`${style.warn("not found")}: `, escapeText(text), width)),
  ];
  if (lines.length === 0) return "nothing runs under portmortem run\n";
  if (stopped.length > 3) lines.push(`${amountText(stopped.length, "run")} stopped`);
  return `${lines.join("\n")}\n`;
}

export function renderReload({ reloaded, notFound }: ReloadRunsResult, { style, width = Infinity }: RunsView): string {
  const lines = [
    ...reloaded.map(({ name, result, program, why }) => {
      const pid = program === undefined ? "" : ` (pid ${program.pid})`;
      if (result === "failed")
        return hang(`${style.bad("not reloaded")} `, `${escapeText(name)}: ${escapeText(why ?? "")}`, width);
      const how = result === "restarted" ? "started again" : "a new program has taken over";
      return hang(`${style.good("reloaded")} `, `${escapeText(name)}: ${how}${pid}`, width);
    }),
    ...notFound.map(({ text }) => hang(`${style.warn("not found")}: `, escapeText(text), width)),
  ];
  return `${lines.join("\n")}\n`;
}
