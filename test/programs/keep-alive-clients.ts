/**
 * keep-alive-clients.js PORT CLIENTS EACH_MS: connections that are kept, each with a request every EACH_MS (0: one only). Each closes when it is told
 * to: by `Connection: close`, or by the server's FIN. Prints "ready" when all have had an answer, and when all are over what became of them.
 */
import { connect } from "node:net";

export interface ClientsLine {
  readonly answered: number;
  /** Requests that got no answer. */
  readonly failed: number;
  readonly reset: number;
  /** When the last was over, in milliseconds since the epoch. */
  readonly closedAtMs: number;
}

const [port = 0, count = 0, eachMs = 0] = process.argv.slice(2).map(Number);
/** Those for whom the accept queue has no room wait a second. */
const AT_ONCE = 100;
const counts = { answered: 0, failed: 0, reset: 0 };
let connected = 0;
let open = 0;

for (let at = 0; at < count; at += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - at) }, () => new Promise<void>(begin)));

function begin(onAnswer: () => void): void {
  let isOwed = false;
  let isNew = true;
  let timer: NodeJS.Timeout | undefined;
  let text = "";
  const ask = (): void => {
    isOwed = true;
    socket.write("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
  };
  const socket = connect(port, "127.0.0.1", ask);
  open++;
  socket.setEncoding("latin1").on("data", (part: string) => {
    text += part;
    if (!text.endsWith("done")) return;
    isOwed = false;
    counts.answered++;
    if (/^connection: close/im.test(text)) socket.end();
    else if (eachMs > 0) timer = setTimeout(ask, eachMs);
    text = "";
    if (isNew && ++connected === count) process.stdout.write("ready\n");
    isNew = false;
    onAnswer();
  });
  socket.on("error", () => counts.reset++);
  socket.on("close", () => {
    clearTimeout(timer);
    if (isOwed) counts.failed++;
    if (--open > 0) return;
    const line: ClientsLine = { ...counts, closedAtMs: performance.timeOrigin + performance.now() };
    process.stdout.write(`${JSON.stringify(line)}\n`);
  });
}
