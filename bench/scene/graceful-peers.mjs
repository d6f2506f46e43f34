// The ways in which a server of Node is ended, side by side: this package as it is published, what people install instead, and Node itself.
// The peers come from the registry, before there is no network any more.
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { environment, scratchFile } from "./measure.mjs";

const PEERS = { "http-terminator": "3.2.0", stoppable: "1.1.0", "@godaddy/terminus": "4.12.1" };
/** After it each ends what is left, as those who run servers have it. */
const GRACE_MS = 2500;

/** Of whom each bench speaks, ours first. */
export const WAYS = ["drain", "bare Node", ...Object.keys(PEERS)];

/** Once, by the bench itself; its programs find them through the environment. */
export function installPeers() {
  if (process.env.GRACEFUL_PEERS !== undefined) return;
  const folder = scratchFile("peers");
  const packages = Object.entries(PEERS).map(([name, version]) => `${name}@${version}`);
  const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const { status, stderr } = spawnSync("npm", ["install", "--prefix", folder, ...options, ...packages], {
    env: environment,
    encoding: "utf8",
  });
  if (status !== 0) throw new Error(`npm cannot get ${packages.join(" ")}: ${stderr}`);
  process.env.GRACEFUL_PEERS = folder;
}

/** Attached before the server listens, as each of them wants it. Answers what ends it. */
export async function attach(way, server) {
  if (way === "drain and guard") {
    const { guard } = await import("../../dist/graceful/graceful.js");
    const keepAlive = { idleMs: 60_000, intervalMs: 10_000, probes: 5 };
    guard(server, { keepAlive, userTimeoutMs: 90_000, idleTimeoutMs: 300_000 });
    return attach("drain", server);
  }
  const peer = (name) => createRequire(join(process.env.GRACEFUL_PEERS, "package.json"))(name);
  if (way === "drain") {
    const { drain, watch } = await import("../../dist/graceful/graceful.js");
    watch(server);
    return (options) => drain(server, { graceMs: GRACE_MS, ...options });
  }
  if (way === "bare Node")
    return () =>
      new Promise((resolve) => {
        server.close(resolve);
        setTimeout(() => server.closeAllConnections(), GRACE_MS).unref();
      });
  if (way === "http-terminator") {
    const terminator = peer(way).createHttpTerminator({ server, gracefulTerminationTimeout: GRACE_MS });
    return () => terminator.terminate();
  }
  if (way === "stoppable") {
    peer(way)(server, GRACE_MS);
    return () => new Promise((resolve) => server.stop(resolve));
  }
  // It hangs itself on the signals, and ends the process by one.
  let ended;
  const done = new Promise((resolve) => (ended = resolve));
  peer(way).createTerminus(server, { signal: "SIGUSR2", timeout: GRACE_MS, onShutdown: async () => ended() });
  return () => {
    process.kill(process.pid, "SIGUSR2");
    return done;
  };
}

/** The connections of this listener that the kernel keeps in TIME-WAIT on the server's side: by their client's address. They last 60 s. */
export function serverTimeWaits(port) {
  const [own, timeWait] = [port.toString(16).toUpperCase().padStart(4, "0"), "06"];
  return readFileSync("/proc/net/tcp", "latin1")
    .split("\n")
    .map((line) => line.trim().split(/\s+/, 4))
    .filter(([, local, , state]) => state === timeWait && local.endsWith(`:${own}`))
    .map(([, , remote]) => remote);
}
