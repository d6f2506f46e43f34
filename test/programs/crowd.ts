// Many sockets at once: a server and COUNT clients of it, all in this process, until it is ended.
//
//   node build/test/programs/crowd.js PORT COUNT
import { connect, createServer } from "node:net";

const port = Number(process.argv[2]);
const count = Number(process.argv[3]);

let accepted = 0;
const server = createServer(() => {
  accepted++;
  if (accepted === count) process.stdout.write("ready\n");
});
server.listen({ port, host: "127.0.0.1", backlog: 4096 }, () => {
  for (let made = 0; made < count; made++) connect(port, "127.0.0.1");
});
