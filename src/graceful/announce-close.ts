/** `Connection: close` on a response, decided at the last moment: when its headers are made. */
import type { OutgoingHttpHeader, OutgoingHttpHeaders, ServerResponse } from "node:http";

type Headers = OutgoingHttpHeaders | OutgoingHttpHeader[] | undefined;

/**
 * `isLast` is asked when the headers are made: whether no other response follows on this connection. What the handler itself says about the
 * connection (a proxy that hands on `Connection: keep-alive`) is overruled then. Nothing happens to a response whose headers are made.
 */
export function announceClose(response: ServerResponse, isLast: () => boolean): void {
  if (response.headersSent) return;
  const writeHead = response.writeHead.bind(response) as (...args: unknown[]) => ServerResponse;
  // Others may have put theirs here too.
  const own = Object.getOwnPropertyDescriptor(response, "writeHead");
  response.writeHead = (...args: unknown[]): ServerResponse => {
    if (own === undefined) Reflect.deleteProperty(response, "writeHead");
    else Object.defineProperty(response, "writeHead", own);
    if (!isLast()) return writeHead(...args);
    response.shouldKeepAlive = false;
    for (const name of SUPERSEDED) if (response.hasHeader(name)) response.removeHeader(name);
    response.setHeader("Connection", "close");
    const at = args.length - 1;
    if (typeof args[at] === "object" && args[at] !== null) args[at] = withoutConnection(args[at] as Headers);
    return writeHead(...args);
  };
}

const SUPERSEDED = ["connection", "keep-alive"];
const isSuperseded = (name: unknown): boolean => SUPERSEDED.includes(String(name).toLowerCase());

function withoutConnection(headers: Headers): Headers {
  if (!Array.isArray(headers))
    return Object.fromEntries(Object.entries(headers ?? {}).filter(([name]) => !isSuperseded(name)));
  if (Array.isArray(headers[0])) return headers.filter((pair) => !isSuperseded((pair as unknown[])[0]));
  return headers.filter((_, at) => !isSuperseded(headers[at - (at % 2)]));
}
