// Each WebSocket is told 1001 ("going away", RFC 6455, 7.4.1) and answers with a close frame of its own. After that the protocol wants the server to
// close first (7.1.1), and the package ws does: a client that waits for it, as browsers do, leaves the TIME-WAIT here.
import { once } from "node:events";
import { createServer } from "node:http";
import { listen, shutdownOnSignals } from "portmortem/graceful";
import { WebSocketServer } from "ws";

const server = createServer((_, response) => response.end("hello"));
const webSockets = new WebSocketServer({ server });
/** By the TCP socket. */
const bySocket = new Map();
webSockets.on("connection", (webSocket, { socket }) => {
  bySocket.set(socket, webSocket);
  webSocket.on("message", (data, isBinary) => webSocket.send(data, { binary: isBinary }));
  webSocket.on("close", () => bySocket.delete(socket));
});

async function sayGoodbye(socket) {
  const webSocket = bySocket.get(socket);
  if (webSocket === undefined) return;
  webSocket.close(1001, "the server restarts");
  await once(webSocket, "close");
}

shutdownOnSignals(server, {
  beforeClose: sayGoodbye,
  afterDrain: (report) => console.log(JSON.stringify(report)),
});
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
