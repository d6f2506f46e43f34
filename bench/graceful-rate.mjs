// Target: an http server that can be drained answers at least 0.98 of the requests per second of bare Node. Both run all the time, and are asked in
// turns, 400 ms each.
import { spawn } from "node:child_process";
import { connect } from "node:net";
import { fileURLToPath } from "node:url";
import { installPeers, WAYS } from "./scene/graceful-peers.mjs";
import { median, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";

const ROUNDS = 40;
const ROUND_MS = 400;
const CONNECTIONS = 16;
const FIRST_PORT = 8400;
const TARGET = 0.98;

installPeers();
inOwnNetns(import.meta.url);
sayMachine();
const program = fileURLToPath(new URL("scene/graceful-server.mjs", import.meta.url));
const servers = [];
for (const [at, way] of WAYS.entries()) {
  const child = spawn(process.execPath, [program, way, String(FIRST_PORT + at)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await new Promise((resolve) => child.stdout.once("data", resolve));
  servers.push({ way, child, port: FIRST_PORT + at, rates: [] });
}

for (let round = -1; round < ROUNDS; round++)
  for (const server of round % 2 === 0 ? servers : [...servers].reverse()) {
    const rate = await rateOf(server.port);
    if (round >= 0) server.rates.push(rate);
  }
for (const { child } of servers) child.kill("SIGKILL");

const bare = servers.find(({ way }) => way === "bare Node").rates;
for (const { way, rates } of servers) {
  // Of each round, so that a busy second of the machine is in both.
  const ratio = median(rates.map((rate, round) => rate / bare[round]));
  say(`${way.padEnd(18)} ${median(rates).toFixed(0)} requests/s, ${ratio.toFixed(3)} of bare Node`);
  if (way !== "drain") continue;
  say(`${ratio >= TARGET ? "ok    " : "MISSED"} requests per second: ${ratio.toFixed(3)}, target >= ${TARGET}`);
  if (ratio < TARGET) process.exitCode = 1;
}

/** Requests in a second, over connections that are kept, one after the other on each. */
async function rateOf(port) {
  let count = 0;
  const from = performance.now();
  await Promise.all(
    Array.from(
      { length: CONNECTIONS },
      () =>
        new Promise((resolve) => {
          const ask = () => socket.write("GET / HTTP/1.1\r\nHost: here\r\n\r\n");
          const socket = connect(port, "127.0.0.1", ask);
          socket.setEncoding("latin1").on("data", () => {
            count++;
            if (performance.now() - from < ROUND_MS) ask();
            else socket.end();
          });
          socket.on("close", resolve);
        }),
    ),
  );
  return (count * 1000) / (performance.now() - from);
}
