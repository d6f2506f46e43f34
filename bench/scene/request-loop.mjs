// One request after the other over one connection, from this process to a server in another; between "begin" and "end" on stdin each is
// timed. Prints {} when it runs, then {"p99":µs,"count":n} for each measurement.
import { fork } from "node:child_process";
import { connect, createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { createInterface } from "node:readline";

/** Away from the addresses of time-wait.mjs, at both ends. */
const HOST = "127.0.0.99";

if (process.argv[2] === "server") {
  createServer((socket) => socket.on("error", () => undefined).on("data", (data) => socket.write(data))).listen(
    0,
    HOST,
    function () {
      process.send(this.address().port);
    },
  );
  process.on("disconnect", () => process.exit());
} else {
  const server = fork(fileURLToPath(import.meta.url), ["server"]);
  const port = await new Promise((resolve) => server.once("message", resolve));
  const socket = connect({ port, host: HOST, localAddress: HOST }).setNoDelay(true);
  let times;
  let started = performance.now();
  socket.on("data", () => {
    const now = performance.now();
    times?.push((now - started) * 1000);
    // A load, not a flood: the machine has room for one more program.
    setTimeout(() => {
      started = performance.now();
      socket.write("x");
    }, 1);
  });
  socket.on("connect", () => {
    socket.write("x");
    process.stdout.write("{}\n");
  });
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "begin") times = [];
    else {
      const sorted = times.sort((a, b) => a - b);
      times = undefined;
      process.stdout.write(
        `${JSON.stringify({ p50: sorted[sorted.length >> 1], p99: sorted[Math.floor(sorted.length * 0.99)], count: sorted.length })}\n`,
      );
    }
  }
}
