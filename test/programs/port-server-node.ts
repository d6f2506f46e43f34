/** The program of the old documents, as port-server.c, in Node: it takes a port and, when that is taken, the next one. It closes first. */
import { createServer } from "node:net";

let port = Number(process.argv[2]);
const server = createServer((connection) => {
  connection.on("error", () => undefined).once("data", () => connection.end(`${process.pid} ${port}\n`));
});
server.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EADDRINUSE") throw error;
  server.listen(++port);
});
server.listen(port, () => process.stdout.write(`listening on ${port}\n`));
