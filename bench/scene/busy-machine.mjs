// A machine with 300 processes that hold 60 000 sockets, 200 each. Each process is a `sleep` that was given its sockets: pairs of connected
// ones, the ends of each in one process.
import { spawn } from "node:child_process";
import { acceptFrom, bindTo, closeSocket, connectTo, listenOn, loopbackAddress, openSocket } from "./sockets.mjs";

export const PROCESSES = 300;
export const SOCKETS_EACH = 200;

/** `port` gets a listener in the process in the middle, as one of its first descriptors or one of its last. Answers the processes. */
export function holdSockets(port, place = "first") {
  const server = openSocket();
  const address = loopbackAddress(2, 8000);
  bindTo(server, address);
  listenOn(server, 128);
  const holders = Array.from({ length: PROCESSES }, (_, index) => {
    const fds = [];
    while (fds.length < SOCKETS_EACH) {
      const client = openSocket();
      connectTo(client, address);
      fds.push(client, acceptFrom(server));
    }
    if (index === PROCESSES / 2) {
      const at = place === "first" ? 2 : fds.length - 2;
      closeSocket(fds[at]);
      fds[at] = listener(port);
    }
    const holder = spawn("sleep", ["600"], { stdio: ["ignore", "ignore", "ignore", ...fds] });
    for (const fd of fds) closeSocket(fd);
    return holder;
  });
  closeSocket(server);
  return holders;
}

function listener(port) {
  const fd = openSocket();
  bindTo(fd, loopbackAddress(1, port));
  listenOn(fd, 128);
  return fd;
}
