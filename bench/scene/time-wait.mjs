// Makes TIME-WAIT sockets, 40 µs each: a socket that connects to its own address is both ends of its connection, so that its one close()
// is a simultaneous one and leaves it in TIME-WAIT. No peer, no accept. They last 60 seconds from then on (TCP_TIMEWAIT_LEN).
//   node time-wait.mjs COUNT FIRST_HOST   the same in a process of its own
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { setIpv4 } from "./own-netns.mjs";
import { bindTo, closeSocket, connectTo, loopbackAddress, openSocket } from "./sockets.mjs";

const FIRST_PORT = 1024;
const LAST_PORT = 65_535;
const PORTS = LAST_PORT - FIRST_PORT + 1;

/** Lets the namespace keep that many; the default is a sixteenth of the machine's memory. */
export function allowTimeWait(most) {
  setIpv4("tcp_max_tw_buckets", most * 2);
  setIpv4("tcp_tw_reuse", 0);
  setIpv4("ip_unprivileged_port_start", 0);
}

/** One socket for each port of 127.0.0.`firstHost` and on. Answers the first host that is free for the next call. */
export function makeTimeWait(count, firstHost) {
  for (let made = 0; made < count; made++) {
    const address = loopbackAddress(firstHost + Math.floor(made / PORTS), FIRST_PORT + (made % PORTS));
    const fd = openSocket();
    bindTo(fd, address);
    connectTo(fd, address);
    closeSocket(fd);
  }
  return firstHost + Math.ceil(count / PORTS);
}

/** The same by two processes at once: a million in half a minute, so that the last half of their minute is left to measure in. */
export async function makeTimeWaitByTwo(count, firstHost) {
  const half = Math.ceil(count / 2);
  const makers = [firstHost, firstHost + Math.ceil(half / PORTS)].map((host, index) =>
    spawn(process.execPath, [fileURLToPath(import.meta.url), String(index === 0 ? half : count - half), String(host)], {
      stdio: "inherit",
    }),
  );
  const statuses = await Promise.all(makers.map(async (maker) => (await once(maker, "exit"))[0]));
  if (statuses.some((status) => status !== 0)) throw new Error("a maker of sockets failed");
}

/** How many TIME-WAIT sockets this namespace has now. */
export function countTimeWait() {
  return Number(/^TCP:.* tw (\d+)/m.exec(readFileSync("/proc/net/sockstat", "utf8"))[1]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) makeTimeWait(Number(process.argv[2]), Number(process.argv[3]));
