// keep-alive-clients.mjs PORT CLIENTS EACH_MS   connections that are kept, each with a request every EACH_MS (0: one only). Each closes when it
// is told to: by `Connection: close`, or by the server's FIN. Prints a line when all have had an answer, and {answered,failed,closedAtMs} when
// all are over; closedAtMs is when the last was, in milliseconds since the epoch.
import { connect } from "node:net";

const [port, count, eachMs] = process.argv.slice(2).map(Number);
const AT_ONCE = 100;
const counts = { answered: 0, failed: 0 };
let connected = 0;
let open = 0;

for (let at = 0; at < count; at += AT_ONCE)
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, count - at) }, () => new Promise(begin)));

function begin(onAnswer) {
  let isOwed = false;
  let isNew = true;
  let timer;
  let text = "";
  const socket = connect(port, "127.0.0.1", ask);
  open++;
  function ask() {
    isOwed = true;
    socket.write("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
  }
  socket.setEncoding("latin1").on("data", (part) => {
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
  socket.on("error", () => {});
  socket.on("close", () => {
    clearTimeout(timer);
    if (isOwed) counts.failed++;
    if (--open === 0)
      process.stdout.write(
        `${JSON.stringify({ ...counts, closedAtMs: performance.timeOrigin + performance.now() })}\n`,
      );
  });
}
