// Target: `portmortem ls --json --no-owners` of 100 000 TIME-WAIT sockets takes at most 1.2 of `ss -tan`, both into a file, whole
// processes, and never more than 200 MB of memory.
// Last: 0.97 (242 ms against 250), 51 MB. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { cli, judge, medians, peakMegabytes, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";
import { allowTimeWait, countTimeWait, makeTimeWait } from "./scene/time-wait.mjs";

const SOCKETS = 100_000;
const TARGET = 1.2;
const TARGET_MB = 200;

inOwnNetns(import.meta.url);
sayMachine();
allowTimeWait(SOCKETS);
makeTimeWait(SOCKETS, 1);
const args = [cli, "ls", "--json", "--no-owners"];
const { ours, ss } = medians({ ours: [process.execPath, ...args], ss: ["ss", "-tan"] });
const peak = peakMegabytes(args);
say(`${countTimeWait()} TIME-WAIT: ls --json --no-owners ${ours.toFixed(0)} ms, ss -tan ${ss.toFixed(0)} ms`);
judge("ls --json --no-owners against ss -tan", ours / ss, TARGET);
judge("peak memory in MB", peak, TARGET_MB, 0);
