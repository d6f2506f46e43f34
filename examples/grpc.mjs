// The server of @grpc/grpc-js keeps its http2 servers to itself. But it takes connections that others have accepted: so a server of node:net
// listens, which can be drained, and each connection is handed on. Over TLS: a server of node:tls with `ALPNProtocols: ["h2"]`, its "secureConnection",
// and insecure credentials all the same, since what is handed on is in the clear.
import { createServer } from "node:net";
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { listen, shutdownOnSignals } from "portmortem/graceful";

const asIs = {
  requestSerialize: (x) => x,
  requestDeserialize: (x) => x,
  responseSerialize: (x) => x,
  responseDeserialize: (x) => x,
};
const echo = {
  say: { path: "/Echo/Say", requestStream: false, responseStream: false, ...asIs },
  talk: { path: "/Echo/Talk", requestStream: true, responseStream: true, ...asIs },
};

const grpc = new Server();
grpc.addService(echo, {
  say: (call, answer) => answer(null, call.request),
  talk: (call) => call.on("data", (word) => call.write(word)).on("end", () => call.end()),
});
const connections = grpc.createConnectionInjector(ServerCredentials.createInsecure());

const server = createServer((socket) => connections.injectConnection(socket));

shutdownOnSignals(server, {
  afterDrain: (report) => {
    grpc.forceShutdown();
    console.log(JSON.stringify(report));
  },
});
const { port } = await listen(server, { port: Number(process.env.PORT ?? 8080) });
console.log(`port ${port}`);
