/**
 * Processes outside of a container that hold a port of the host for it. To end one of them ends no container, or all of them: the engine's
 * own daemon is among them. Which process holds which port was seen with docker 20.10 and podman 4.3 (docs/kernel/owners.md).
 */
import type { Container, Owner } from "./socket.ts";
import { isContainerId } from "./container-state.ts";
import { dockerProxyTarget } from "./docker-proxy.ts";

type Program = Pick<Owner, "command" | "args">;

/** Hold ports for containers and for nothing else. */
const ALWAYS: ReadonlySet<string> = new Set(["rootlessport", "conmon"]);

/**
 * Hold ports for containers, and others of their own. dockerd without userland proxy; rootlesskit, below which dockerd and nerdctl run for an
 * ordinary user; slirp4netns and pasta, which give any network namespace a way out. Names of processes end after 15 letters.
 */
const PERHAPS: ReadonlySet<string> = new Set([
  "dockerd",
  "rootlesskit",
  "slirp4netns",
  "pasta",
  "pasta.avx2",
  "com.docker.back",
]);

/** Does this program publish ports of containers: `always` that and nothing else, or `perhaps`; undefined for any other program. */
export function publishesPorts(owner: Owner): "always" | "perhaps" | undefined {
  if (dockerProxyTarget(owner) !== undefined || ALWAYS.has(owner.command)) return "always";
  return PERHAPS.has(owner.command) ? "perhaps" : undefined;
}

/**
 * The container that such a program works for, where its command line says it: conmon, the monitor beside each container of podman and of
 * CRI-O (`-c ID -n NAME`), and slirp4netns, which podman starts for each container (`--api-socket …/ID.net`).
 */
export function publishedContainer({ command, args = [] }: Program): Container | undefined {
  if (command === "conmon") {
    const id = valueOf(args, "-c") ?? valueOf(args, "--cid");
    const name = valueOf(args, "-n") ?? valueOf(args, "--name");
    const runtime = valueOf(args, "--exit-dir")?.includes("/crio/") === true ? "cri-o" : "podman";
    return isContainerId(id) ? { runtime, id, ...(name === undefined ? {} : { name }) } : undefined;
  }
  const id = /\/([0-9a-f]{64})\.net$/.exec(valueOf(args, "--api-socket") ?? "")?.[1];
  return command === "slirp4netns" && id !== undefined ? { runtime: "podman", id } : undefined;
}

function valueOf(args: readonly string[], option: string): string | undefined {
  const at = args.indexOf(option);
  return at < 0 ? undefined : args[at + 1];
}
