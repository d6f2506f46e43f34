/** An http server that gives no hint, and closes each connection IDLEMS after its last request. Prints its port. */
import { createServer, type AddressInfo } from "node:net";

const idleMs = Number(process.argv[2]);
const server = createServer((socket) => {
  let timer: NodeJS.Timeout | undefined;
  socket.on("error", () => {});
  socket.on("data", () => {
    clearTimeout(timer);
    socket.write("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi");
    timer = setTimeout(() => socket.end(), idleMs);
  });
});
server.listen(0, "127.0.0.1", () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`));
