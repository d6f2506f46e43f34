// Target: `portmortem free PORT --yes`, where one listener exits on SIGTERM at once, takes at most as long as npm's `kill-port PORT`, which sends
// SIGKILL, proves nothing, and is started here without npx.
// Last: 0.85 to 0.87 (139 ms against 160) and, with --busy (300 more processes), 0.56, on a busy machine. Linux 6.18, AMD EPYC x 2, Node 20.20.2, 2026-11-21.
import { spawn, spawnSync } from "node:child_process";
import { join } from "node:path";
import { bindTo, closeSocket, listenOn, loopbackAddress, openSocket } from "./scene/sockets.mjs";
import { cli, environment, judge, medians, say, sayMachine, scratchFile } from "./scene/measure.mjs";
import { inOwnNetns } from "./scene/own-netns.mjs";

const PORT = 9100;
const TARGET = 1.0;
const PEER = "kill-port@2.0.1";

// The peer comes from the registry, before there is no network any more.
const peer = process.env["KILL_PORT_CLI"] ?? installPeer();
process.env["KILL_PORT_CLI"] = peer;
inOwnNetns(import.meta.url);
sayMachine();
const others = process.argv.includes("--busy") ? Array.from({ length: 300 }, () => spawn("sleep", ["600"])) : [];
const times = medians(
  {
    free: [process.execPath, cli, "free", String(PORT), "--yes"],
    killPort: [process.execPath, peer, String(PORT)],
  },
  { runs: 31, before: serve },
);
for (const other of others) other.kill();
say(`free      ${times.free.toFixed(1)} ms`);
say(`kill-port ${times.killPort.toFixed(1)} ms`);
judge("free against kill-port", times.free / times.killPort, TARGET);

/** A `sleep` that was given a listener: it ends at once. */
function serve() {
  const fd = openSocket();
  bindTo(fd, loopbackAddress(1, PORT));
  listenOn(fd, 128);
  spawn("sleep", ["600"], { stdio: ["ignore", "ignore", "ignore", fd] });
  closeSocket(fd);
}

function installPeer() {
  const folder = scratchFile("peer");
  const { status, stderr } = spawnSync("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", PEER], {
    env: environment,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm cannot get ${PEER}: ${stderr}`);
  return join(folder, "node_modules/kill-port/cli.js");
}
