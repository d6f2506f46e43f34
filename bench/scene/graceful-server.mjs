// graceful-server.mjs WAY PORT|fd [WORK_MS]   an http server that is ended in this way at SIGTERM. Prints "ready".
import { createServer } from "node:http";
import { attach } from "./graceful-peers.mjs";

const [way, where, workMs = "0"] = process.argv.slice(2);
const answer = (response) => response.end("done");
const server = createServer((_, response) =>
  workMs === "0" ? answer(response) : void setTimeout(answer, Number(workMs), response),
);
const end = await attach(way, server);
const at = where === "fd" ? { fd: 3 } : { port: Number(where), host: "127.0.0.1", backlog: 4096 };
server.listen(at, () => process.stdout.write("ready\n"));
process.once("SIGTERM", () => void end());
