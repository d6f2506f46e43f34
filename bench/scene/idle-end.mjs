// idle-end.mjs WAY CONNECTIONS   the time in ms from the call that ends a server in this way until both sides have closed the last of its
// connections, in a network namespace without the TIME-WAITs of another run.
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { inOwnNetns } from "./own-netns.mjs";
import { testProgram } from "./test-programs.mjs";

const PORT = "8500";
const [way, count] = process.argv.slice(2);

inOwnNetns(import.meta.url);
const server = spawn(process.execPath, [fileURLToPath(new URL("idle-server.mjs", import.meta.url)), way, PORT], {
  stdio: ["ignore", "pipe", "inherit"],
});
const told = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
await told.next();
const clients = spawn(process.execPath, [testProgram("programs/keep-alive-clients"), PORT, count, "0"], {
  stdio: ["ignore", "pipe", "inherit"],
});
const lines = createInterface({ input: clients.stdout })[Symbol.asyncIterator]();
await lines.next();
await new Promise((resolve) => setTimeout(resolve, 300));
server.kill("SIGTERM");
const { closedAtMs } = JSON.parse((await lines.next()).value);
const { begunAtMs, endedAtMs, connections } = JSON.parse((await told.next()).value);
if (connections !== Number(count)) throw new Error(`${way}: ${connections} connections`);
process.stdout.write(`${Math.max(closedAtMs, endedAtMs) - begunAtMs}\n`);
