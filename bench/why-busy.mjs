// Target: `portmortem why 9100 --json` on a machine with 300 processes that hold 60 000 sockets takes at most 0.25 of
// `lsof -nP -iTCP:9100 -sTCP:LISTEN` and 0.6 of `ss -tlnp sport = :9100`, whole processes. The listener is in one process among the middle:
// one of its first descriptors, as servers have it, or with `npm run bench -- why-busy last` one of its last, the worst place for us.
// Last: 0.13 and 0.30 (203 ms against 1606 and 686); the worst place, one run: 0.15 and 0.43. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { spawn } from "node:child_process";
import { cli, judge, lastOutput, medians, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns, setIpv4 } from "./scene/own-netns.mjs";
import { acceptFrom, bindTo, closeSocket, connectTo, listenOn, loopbackAddress, openSocket } from "./scene/sockets.mjs";

const PROCESSES = 300;
const SOCKETS_EACH = 200;
const PORT = 9100;
const RUNS = Number(process.env.BENCH_RUNS ?? 11);
const TARGET_LSOF = 0.25;
const TARGET_SS = 0.6;

const place = process.argv[2] === "last" ? "last" : "first";

inOwnNetns(import.meta.url);
sayMachine();
setIpv4("ip_local_port_range", "20000 65535");
const holders = holdSockets();
const { ours, lsof, ss } = medians(
  {
    ours: [process.execPath, cli, "why", String(PORT), "--json"],
    lsof: ["lsof", "-nP", `-iTCP:${PORT}`, "-sTCP:LISTEN"],
    ss: ["ss", "-tlnp", `sport = :${PORT}`],
  },
  { runs: RUNS, statuses: [0, 1], check: { ours: sayWhoHasIt } },
);
for (const holder of holders) holder.kill("SIGKILL");
say(
  `listener among the ${place} descriptors: why ${ours.toFixed(0)} ms, lsof ${lsof.toFixed(0)} ms, ss ${ss.toFixed(0)} ms`,
);
judge("why against lsof", ours / lsof, TARGET_LSOF);
judge("why against ss -tlnp", ours / ss, TARGET_SS);

/** Each process is a `sleep` that was given its sockets: pairs of connected ones, the ends of each in one process. */
function holdSockets() {
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
    if (index === PROCESSES / 2)
      fds[place === "first" ? 2 : fds.length - 2] = listener(fds[place === "first" ? 2 : fds.length - 2]);
    const holder = spawn("sleep", ["600"], { stdio: ["ignore", "ignore", "ignore", ...fds] });
    for (const fd of fds) closeSocket(fd);
    return holder;
  });
  closeSocket(server);
  return holders;
}

/** A listener in the place of another socket. */
function listener(instead) {
  closeSocket(instead);
  const fd = openSocket();
  bindTo(fd, loopbackAddress(1, PORT));
  listenOn(fd, 128);
  return fd;
}

function sayWhoHasIt() {
  const { blockers } = JSON.parse(lastOutput());
  if (blockers[0]?.socket?.owners?.[0]?.command !== "sleep") throw new Error(`not found: ${JSON.stringify(blockers)}`);
}
