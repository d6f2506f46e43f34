// Target: with a hundred times the sockets (10 000, then 1 000 000 in TIME-WAIT) `portmortem ls --count` takes at most 1.15 of the time for
// each of them. Told twice: with start-up, which favours the million, and without. `ss -tan` beside it shows what the kernel's own hash
// chains cost: the table is sized by the machine's memory, and a chain that is longer costs more for each socket.
// Last: 0.11 and 0.46 (60 ms, then 665 ms); ss -tan by itself 0.58. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { cli, judge, medians, say, sayMachine } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";
import { allowTimeWait, countTimeWait, makeTimeWait, makeTimeWaitByTwo } from "./scene/time-wait.mjs";

const FEW = 10_000;
const MANY = 1_000_000;
const TARGET = 1.15;

inOwnNetns(import.meta.url);
sayMachine();
allowTimeWait(MANY);
const commands = {
  ours: [process.execPath, cli, "ls", "--count"],
  none: [process.execPath, cli, "ls", "--count", "state", "listening"],
};
const nextHost = makeTimeWait(FEW, 1);
const few = measure();
await makeTimeWaitByTwo(MANY, nextHost);
const many = measure();
judge("time for each socket, start-up included", many.whole / few.whole, TARGET);
judge("time for each socket, without start-up", many.net / few.net, TARGET);
say(`ss -tan grows by ${(many.ss / few.ss).toFixed(2)}`);

/** Microseconds for each socket. `none` finds no socket: all of it is start-up. */
function measure() {
  const { ours, none } = medians(commands, { runs: 11 });
  // A million lasts for a minute from its first socket on, half of which goes by while it is made: ss, which takes 3 s, gets fewer runs.
  const { ss } = medians({ ss: ["ss", "-tan"] }, { runs: 3 });
  const sockets = countTimeWait();
  const each = (ms) => (ms * 1000) / sockets;
  say(
    `${sockets} sockets: ls --count ${ours.toFixed(0)} ms (start-up ${none.toFixed(0)}), ss -tan ${ss.toFixed(0)} ms; ` +
      `for each ${each(ours).toFixed(2)} us, without start-up ${each(ours - none).toFixed(2)} us`,
  );
  return { whole: each(ours), net: each(ours - none), ss: each(ss) };
}
