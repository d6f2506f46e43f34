// Target: `portmortem why 9100 --json` on a machine with 300 processes that hold 60 000 sockets takes at most 0.25 of
// `lsof -nP -iTCP:9100 -sTCP:LISTEN` and 0.6 of `ss -tlnp sport = :9100`, whole processes. The listener is in one process among the middle:
// one of its first descriptors, as servers have it, or with `npm run bench -- why-busy last` one of its last, the worst place for us.
// Last: 0.13 and 0.30 (203 ms against 1606 and 686); the worst place, one run: 0.15 and 0.43. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { holdSockets } from "./scene/busy-machine.mjs";
import { cli, judge, lastOutput, medians, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns, setIpv4 } from "./scene/own-netns.mjs";

const PORT = 9100;
const RUNS = Number(process.env.BENCH_RUNS ?? 11);
const TARGET_LSOF = 0.25;
const TARGET_SS = 0.6;

const place = process.argv[2] === "last" ? "last" : "first";

inOwnNetns(import.meta.url);
sayMachine();
setIpv4("ip_local_port_range", "20000 65535");
const holders = holdSockets(PORT, place);
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

function sayWhoHasIt() {
  const { blockers } = JSON.parse(lastOutput());
  if (blockers[0]?.socket?.owners?.[0]?.command !== "sleep") throw new Error(`not found: ${JSON.stringify(blockers)}`);
}
