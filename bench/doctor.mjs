// Target: `portmortem doctor --json` on a machine with 300 processes that hold 60 000 sockets takes at most as long as `ss -tanp` into a
// file, whole processes. Half of ours is the kernel's, for tcp_info of each open connection: only that tells how long a peer has been silent.
// Last: 0.32 (456 ms against 1442). Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { cli, judge, lastOutput, medians, say, sayMachine } from "./scene/measure.mjs";
import { PROCESSES, SOCKETS_EACH, holdSockets } from "./scene/busy-machine.mjs";
import { inOwnNetns, setIpv4 } from "./scene/own-netns.mjs";

const RUNS = Number(process.env.BENCH_RUNS ?? 11);
const TARGET = 1;

inOwnNetns(import.meta.url);
sayMachine();
setIpv4("ip_local_port_range", "20000 65535");
const holders = holdSockets(9100);
const { ours, ss } = medians(
  { ours: [process.execPath, cli, "doctor", "--json"], ss: ["ss", "-tanp"] },
  { runs: RUNS, statuses: [0, 1], check: { ours: checkCount } },
);
for (const holder of holders) holder.kill("SIGKILL");
say(`doctor ${ours.toFixed(0)} ms, ss -tanp ${ss.toFixed(0)} ms`);
judge("doctor against ss -tanp", ours / ss, TARGET);

function checkCount() {
  const { looked } = JSON.parse(lastOutput());
  if (looked.sockets < PROCESSES * SOCKETS_EACH - 1) throw new Error(`not all were seen: ${JSON.stringify(looked)}`);
}
