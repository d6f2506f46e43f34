// Target: `portmortem ls --count` of 100 000 TIME-WAIT sockets takes at most 0.6 of `ss -tan` into a file, whole processes.
// Last: 0.40 (115 ms against 289). Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { cli, judge, medians, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";
import { allowTimeWait, countTimeWait, makeTimeWait } from "./scene/time-wait.mjs";

const SOCKETS = 100_000;
const TARGET = 0.6;

inOwnNetns(import.meta.url);
sayMachine();
allowTimeWait(SOCKETS);
makeTimeWait(SOCKETS, 1);
const { ours, ss } = medians({ ours: [process.execPath, cli, "ls", "--count"], ss: ["ss", "-tan"] });
say(`${countTimeWait()} TIME-WAIT: ls --count ${ours.toFixed(0)} ms, ss -tan ${ss.toFixed(0)} ms`);
judge("ls --count against ss -tan", ours / ss, TARGET);
