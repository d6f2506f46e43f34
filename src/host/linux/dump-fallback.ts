/**
 * A kernel can open a sock_diag socket and still have nobody to answer on it: inet_diag or tcp_diag is a module that may not be loaded here
 * (a container without the right to). It says so only when it is asked, with ENOENT for every family. Then /proc/net answers.
 */
import type { Socket } from "../../tcp/socket.ts";
import type { SocketBatch, SocketDump } from "../host.ts";

const NOBODY_ANSWERS = new Set(["ENOENT", "EPROTONOSUPPORT", "EAFNOSUPPORT"]);

/** `onFallback` is called with the kernel's answer before the first socket of the other source is handed over. */
export function dumpOrElse(
  first: SocketDump,
  otherwise: () => SocketDump,
  onFallback: (errno: string) => void,
): SocketDump {
  let used = first;
  return {
    get summary() {
      return used.summary;
    },
    *[Symbol.iterator](): Generator<SocketBatch, void, undefined> {
      let answered = false;
      for (const batch of first) {
        answered = true;
        yield batch;
      }
      const { failed } = first.summary;
      const ipv4 = failed.find(({ family }) => family === "ipv4");
      if (answered || ipv4 === undefined || !failed.every(({ errno }) => NOBODY_ANSWERS.has(errno))) return;
      onFallback(ipv4.errno);
      used = otherwise();
      yield* used;
    },
  };
}

/** The same dump, read to its end now. */
export function readWhole(dump: SocketDump): SocketDump {
  const sockets: Socket[] = [];
  for (const batch of dump) for (let index = 0; index < batch.length; index++) sockets.push(batch.socketAt(index));
  const whole: SocketBatch = {
    length: sockets.length,
    stateAt: (index) => sockets[index]!.state,
    socketAt: (index) => sockets[index]!,
  };
  return { summary: dump.summary, [Symbol.iterator]: () => [whole].values() };
}
