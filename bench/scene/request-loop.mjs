// One request after the other over one connection, from this process to a server in another; between "begin" and "end" on stdin each is
// timed. Prints {} when it runs, then {"p50":µs,"p99":µs,"count":n,"cpuMs":n} for each measurement; cpuMs is what both processes used.
import { fork } from "node:child_process";
import { readFileSync } from "node:fs";
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
  let usedBefore = 0;
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
  const usedMs = () => cpuMsOf(process.pid) + cpuMsOf(server.pid);
  for await (const line of createInterface({ input: process.stdin })) {
    if (line === "begin") {
      times = [];
      usedBefore = usedMs();
    } else {
      const sorted = times.sort((a, b) => a - b);
      const part = (share) => sorted[Math.floor(sorted.length * share)];
      times = undefined;
      const answer = { p50: part(0.5), p99: part(0.99), count: sorted.length, cpuMs: usedMs() - usedBefore };
      process.stdout.write(`${JSON.stringify(answer)}\n`);
    }
  }
}

/** utime and stime of proc(5), in hundredths of a second. */
function cpuMsOf(pid) {
  const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ")[1].split(" ");
  return (Number(fields[11]) + Number(fields[12])) * 10;
}
