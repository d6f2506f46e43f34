// Clients of socket.io connect again by themselves after engine.close(), and do not after disconnectSockets() or io.close(), which mean that the server
// wants them gone. Those that poll have a request open all the time: it is answered, and their connection ends like any other of HTTP.
import { createServer } from "node:http";
import { listen, shutdownOnSignals } from "portmortem/graceful";
import { Server } from "socket.io";

const server = createServer((_, response) => response.end("hello"));
const io = new Server(server, { serveClient: false });
io.on("connection", (socket) => socket.on("echo", (word, answer) => answer(word)));

shutdownOnSignals(server, {
  onDraining: () => void io.engine.close(),
  afterDrain: (report) => console.log(JSON.stringify(report)),
});
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
