/** `portmortem ls [FILTER]` */
import { hostFor } from "../ask/hosts.ts";
import { listRequest } from "../ask/list-sockets.ts";
import { PortmortemError } from "../base/errors.ts";
import { countSockets, eachRow, listSockets } from "../inspect/list-sockets.ts";
import type { CountKey, ListRequest } from "../inspect/list-sockets.ts";
import type { Host } from "../host/host.ts";
import type { Protocol } from "../tcp/socket.ts";
import { ALL_STATES } from "../tcp/states.ts";
import { jsonText } from "../render/escape.ts";
import { renderCounts, renderIncomplete, renderSockets, sortSockets } from "../render/ls-text.ts";
import { SocketJson } from "../render/socket-json.ts";
import type { SortKey } from "../render/sort-keys.ts";
import type { Run } from "./command.ts";
import type { Context } from "./context.ts";
import { EXIT } from "./exit-status.ts";
import { createProgressLine } from "./progress.ts";
import type { ProgressLine } from "./progress.ts";
import { OutputBuffer, writeError, writeOut } from "./output.ts";

const COMMA = 0x2c;
const HEAD = '{"schema":"portmortem.ls/1","sockets":[';

interface LsFlags {
  readonly listening?: boolean;
  readonly all?: boolean;
  readonly udp?: boolean;
  readonly owners?: boolean;
  readonly info?: boolean;
  readonly sort?: SortKey;
  readonly count?: boolean;
  readonly by?: CountKey;
}

export const runLs: Run = async (context, [words], options) => {
  const flags = options as LsFlags;
  if (flags.by !== undefined && flags.count !== true) {
    throw new PortmortemError("PM_USAGE", "--by goes with --count", { hint: `portmortem ls --count --by ${flags.by}` });
  }
  // JSON that streams to the same terminal would be written into the line.
  const progress = createProgressLine(!context.quiet && !(context.json && context.width !== undefined));
  const request = {
    ...requestOf(flags, (words as readonly string[]).join(" ")),
    progress: progress.report,
    cgroupPaths: context.json,
  };
  const host = hostFor({
    ...(context.host === undefined ? {} : { host: context.host }),
    ...(context.netns === undefined ? {} : { netns: context.netns }),
  });
  try {
    if (flags.count === true) await count(context, host, request, flags.by ?? "state", progress);
    else if (context.json && !request.owners && flags.sort === undefined) streamJson(host, request);
    else await list(context, host, request, flags, progress);
  } finally {
    progress.clear();
  }
  return EXIT.ok;
};

function requestOf(flags: LsFlags, filter: string): ListRequest {
  const protocols: readonly Protocol[] = flags.all === true ? ["tcp", "udp"] : [flags.udp === true ? "udp" : "tcp"];
  const request = listRequest({
    filter,
    protocols,
    listening: flags.listening ?? false,
    owners: flags.owners ?? true,
    info: flags.info ?? false,
  });
  return flags.all === true && flags.listening !== true ? { ...request, states: ALL_STATES } : request;
}

async function count(
  context: Context,
  host: Host,
  request: ListRequest,
  by: CountKey,
  progress: ProgressLine,
): Promise<void> {
  const { counts, total, incomplete } = await countSockets(host, { ...request, owners: false }, by);
  progress.clear();
  if (context.json) {
    const named = counts.map(({ key, count: many, owner, ownerless }) => {
      if (by === "process") return { ...owner, ...(ownerless === undefined ? {} : { ownerless }), count: many };
      return { [by]: by === "port" ? Number(key) : key, count: many };
    });
    writeOut(`${jsonText({ schema: "portmortem.ls/1", counts: named, total, incomplete })}\n`);
  } else {
    writeOut(renderCounts(counts, total, context.style));
    if (!context.quiet) writeError(renderIncomplete(incomplete, context.style, context.width));
  }
}

/** Each socket is written as it comes: a hundred thousand of them never stand in memory together. */
function streamJson(host: Host, request: ListRequest): void {
  const out = new OutputBuffer();
  const json = new SocketJson();
  let first = true;
  const separate = (): void => {
    out.bytes.reserve(1);
    if (!first) out.bytes.byte(COMMA);
    first = false;
  };
  out.write(HEAD);
  const incomplete = eachRow(host, request, {
    row: (row) => {
      separate();
      json.write(row, out.bytes);
      out.flushIfFull();
    },
    socket: (socket) => {
      separate();
      out.write(jsonText(socket));
    },
  });
  out.write(`],"incomplete":${jsonText(incomplete)}}\n`);
  out.flush();
}

async function list(
  context: Context,
  host: Host,
  request: ListRequest,
  flags: LsFlags,
  progress: ProgressLine,
): Promise<void> {
  const { sockets, incomplete } = await listSockets(host, request);
  progress.clear();
  sortSockets(sockets, flags.sort ?? (context.json ? "none" : "state"));
  if (context.json) {
    const out = new OutputBuffer();
    out.write(HEAD);
    for (const [index, socket] of sockets.entries()) out.write((index === 0 ? "" : ",") + jsonText(socket));
    out.write(`],"incomplete":${jsonText(incomplete)}}\n`);
    out.flush();
    return;
  }
  writeOut(
    renderSockets(sockets, {
      style: context.style,
      ...(context.width === undefined ? {} : { width: context.width }),
      owners: request.owners,
      udp: request.protocols.includes("udp"),
      info: request.details,
    }),
  );
  if (!context.quiet) writeError(renderIncomplete(incomplete, context.style, context.width));
}
