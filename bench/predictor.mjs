// Target: at least 200 000 verdicts a second about a port with 100 owners. A verdict is what bind() and the listen() after it will answer, with
// the address, the privilege and every owner looked at. No owner refuses by itself, so that all 100 are compared. Two ways: many questions about
// one port, whose owners are read once; and each question about a port that was never seen before, whose owners are read for it.
// Last: 0.9 and 4.3 µs a verdict, 1 130 000 and 230 000 a second (5.1 to 5.9 µs on a slow day of the machine). Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { fileURLToPath } from "node:url";
import { judge, median, sayMachine } from "./scene/measure.mjs";

const { predictBind, predictOn, preparePort } = await import(
  fileURLToPath(new URL("../dist/lib/verdict/predict-bind.js", import.meta.url))
);

const OWNERS = 100;
const TARGET_US = 1_000_000 / 200_000;
const ROUND = 50_000;
const ROUNDS = 9;
const PORT = 8080;
const STATES = ["BOUND", "ESTABLISHED", "TIME-WAIT", "FIN-WAIT-2", "CLOSE-WAIT", "SYN-SENT"];
const ADDRESSES = ["127.0.0.1", "10.0.0.7", "::", "0.0.0.0", "::1", "::ffff:192.168.1.20", "fd00:1:2::7"];

const settings = {
  kernelRelease: "6.18.0",
  unprivilegedPortStart: 1024,
  nonlocalBind: false,
  mayBindPrivileged: false,
  localAddresses: ["127.0.0.1", "10.0.0.7", "192.168.1.20", "::1", "fd00:1:2::7"],
  localNetworks: ["127.0.0.1/8"],
  interfaces: [],
  rootPrefix: "sudo ",
};

/** A third is at one address that nobody asks for, whatever its options; the others share by SO_REUSEADDR, which none of them lacks and none listens. */
function owners(seed) {
  return Array.from({ length: OWNERS }, (_, index) => {
    const apart = index % 3 === 0;
    const address = apart ? `10.1.0.${index}` : ADDRESSES[(index + seed) % ADDRESSES.length];
    return {
      socket: {
        protocol: "tcp",
        family: address.includes(":") ? "ipv6" : "ipv4",
        state: STATES[(index * 5 + seed) % STATES.length],
        local: { address, port: PORT },
        remote: { address: "10.9.9.9", port: 40_000 + index },
        uid: 1000,
        inode: 1000 + index,
        v6only: false,
      },
      reuseAddr: !apart,
      reusePort: index % 2 === 0,
    };
  });
}

const questions = ADDRESSES.filter((address) => address !== "::" && address !== "0.0.0.0").map((address) => ({
  protocol: "tcp",
  address,
  port: PORT,
  v6only: false,
  reuseAddr: true,
  reusePort: false,
  uid: 1000,
}));

sayMachine();
const port = preparePort(owners(0), "tcp", settings.kernelRelease);
const snapshots = Array.from({ length: 64 }, (_, seed) => ({
  question: questions[seed % questions.length],
  settings,
  holders: owners(seed),
}));
judge(
  "µs a verdict, owners read once",
  measure((at) => predictOn(port, settings, questions[at % questions.length])),
  TARGET_US,
);
judge(
  "µs a verdict, owners read for each",
  measure((at) => predictBind(snapshots[at % snapshots.length])),
  TARGET_US,
);

/** The median round. */
function measure(verdict) {
  const rounds = [];
  for (let round = -2; round < ROUNDS; round++) {
    const started = performance.now();
    for (let at = 0; at < ROUND; at++) if (verdict(at).listen !== "ok") throw new Error("refused");
    if (round >= 0) rounds.push(((performance.now() - started) * 1000) / ROUND);
  }
  return median(rounds);
}
