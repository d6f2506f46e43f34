// A benchmark runs in a network namespace of its own: nobody's sockets but the scene's are counted, and nothing is left behind.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** Runs the calling script once more inside a new namespace and ends with its status; inside, brings `lo` up and goes on. */
export function inOwnNetns(scriptUrl) {
  if (process.env.PORTMORTEM_BENCH_INSIDE === "1") {
    mustRun("ip", ["link", "set", "lo", "up"]);
    return;
  }
  const asRoot = process.geteuid() === 0 ? ["-n"] : ["-rn"];
  const { status, error } = spawnSync(
    "unshare",
    [...asRoot, process.execPath, fileURLToPath(scriptUrl), ...process.argv.slice(2)],
    { stdio: "inherit", env: { ...process.env, PORTMORTEM_BENCH_INSIDE: "1" } },
  );
  if (error !== undefined) throw error;
  process.exit(status ?? 1);
}

/** A setting of this namespace, by its path below /proc/sys/net/ipv4. */
export function setIpv4(name, value) {
  writeFileSync(`/proc/sys/net/ipv4/${name}`, String(value));
}

function mustRun(command, args) {
  const { status, error, stderr } = spawnSync(command, args, { encoding: "utf8" });
  if (error !== undefined) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${stderr}`);
}
