/** Where the engines' sockets are. */
import { readdirSync, statSync } from "node:fs";
import type { Container } from "../../tcp/socket.ts";
import type { ContainerFilePlaces } from "./container-files.ts";

/** By runtime: below /run for the system's engine, below $XDG_RUNTIME_DIR for a user's. */
const NAMES = { docker: "docker.sock", podman: "podman/podman.sock" } as const;

/**
 * Sockets that are there, each once: those of DOCKER_HOST and CONTAINER_HOST, which can be anybody's; the system's engine; this user's own;
 * and for root those of all users that are logged in.
 */
export function findEngineSockets(runtimes: readonly Container["runtime"][], places: ContainerFilePlaces): string[] {
  const { roots, runtimeDirectory, engineHosts = [] } = places;
  const ours = engineHosts.flatMap((host) => (host.startsWith("unix:///") ? [host.slice("unix://".length)] : []));
  const others: string[] = [];
  for (const runtime of runtimes) {
    if (runtime !== "docker" && runtime !== "podman") continue;
    const name = NAMES[runtime];
    ours.push(`${roots.run}/${name}`);
    if (runtimeDirectory !== undefined) ours.push(`${runtimeDirectory}/${name}`);
    others.push(...namesIn(`${roots.run}/user`).map((user) => `${roots.run}/user/${user}/${name}`));
  }
  const seen = new Set<string>();
  return [...ours, ...others].filter((path, index) => {
    const identity = identityOf(path, index < ours.length);
    if (identity === undefined || seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

/**
 * Undefined: it is not there, or is no socket. /run/podman is root's alone: what may not be looked at can be there, and connect() says that
 * it may not be used either. Another user's is then no business of ours.
 */
function identityOf(path: string, mayHide: boolean): string | undefined {
  try {
    const stat = statSync(path, { throwIfNoEntry: false });
    return stat?.isSocket() === true ? `${stat.dev}:${stat.ino}` : undefined;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return mayHide && (code === "EACCES" || code === "EPERM") ? path : undefined;
  }
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}
