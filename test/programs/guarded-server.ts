/**
 * A server of net that is guarded by heartbeats, in a process that can be stopped. Prints its port, "asked" with each heartbeat, and "ended CODE"
 * when the connection is. On "block MS" it does nothing else for so long after the next heartbeat. Ends by itself after its stdin.
 */
import net, { type AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { guard } from "../../src/graceful/graceful.ts";

const say = (line: string): void => void process.stdout.write(`${line}\n`);
let blockMs = 0;
const server = net.createServer((socket) => {
  socket.resume().on("error", (error: NodeJS.ErrnoException) => say(`ended ${error.code}`));
});
guard(server, {
  heartbeat: {
    everyMs: 300,
    timeoutMs: 2000,
    send: (socket) => {
      socket.write("beat");
      say("asked");
      if (blockMs > 0) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, blockMs);
      blockMs = 0;
    },
  },
});
server.listen(0, "127.0.0.1", () => say(`${(server.address() as AddressInfo).port}`)).unref();
const lines = createInterface({ input: process.stdin });
lines.on("line", (line) => (blockMs = Number(line.split(" ")[1])));
