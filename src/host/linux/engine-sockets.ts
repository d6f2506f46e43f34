/** Where the engines' sockets are. */
import { readdirSync, statSync } from "node:fs";
import type { Container } from "../../tcp/socket.ts";
import type { ContainerFilePlaces } from "./container-files.ts";

export interface EngineSocket {
  readonly socket: string;
  /** Whose command-line tool asks there when this user calls it without more. */
  readonly byDefault?: "docker" | "podman";
}

/** Below /run for the system's engine, below $XDG_RUNTIME_DIR for a user's. */
const NAMES = { docker: "docker.sock", podman: "podman/podman.sock" } as const;

/**
 * Sockets that are there, each once: those of DOCKER_HOST and CONTAINER_HOST, which can be anybody's; the system's engine; this user's own;
 * and for root those of all users that are logged in.
 */
export function findEngineSockets(
  runtimes: readonly Container["runtime"][],
  places: ContainerFilePlaces,
): EngineSocket[] {
  const { roots, runtimeDirectory, uid } = places;
  const dockerHost = unixPathOf(places.dockerHost);
  const containerHost = unixPathOf(places.containerHost);
  const ours: EngineSocket[] = [];
  const others: EngineSocket[] = [];
  if (dockerHost !== undefined) ours.push({ socket: dockerHost, byDefault: "docker" });
  if (containerHost !== undefined) ours.push({ socket: containerHost });
  for (const runtime of runtimes) {
    if (runtime !== "docker" && runtime !== "podman") continue;
    const name = NAMES[runtime];
    // docker asks the system's engine, unless it is told otherwise; podman's is that of its user.
    const system = runtime === "docker" ? places.dockerHost === undefined : uid === 0;
    const own = runtime === "podman" && uid !== 0;
    ours.push({ socket: `${roots.run}/${name}`, ...(system ? { byDefault: runtime } : {}) });
    if (runtimeDirectory !== undefined)
      ours.push({ socket: `${runtimeDirectory}/${name}`, ...(own ? { byDefault: runtime } : {}) });
    others.push(...namesIn(`${roots.run}/user`).map((user) => ({ socket: `${roots.run}/user/${user}/${name}` })));
  }
  const seen = new Set<string>();
  return [...ours, ...others].filter(({ socket }, index) => {
    const identity = identityOf(socket, index < ours.length);
    if (identity === undefined || seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

/** An engine behind TCP or ssh is not this machine's. */
function unixPathOf(host: string | undefined): string | undefined {
  return host?.startsWith("unix:///") === true ? host.slice("unix://".length) : undefined;
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
