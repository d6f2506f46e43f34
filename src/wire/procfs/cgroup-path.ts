/** What a cgroup path tells about who runs in it: the systemd unit, and the container. */
import type { Container } from "../../tcp/socket.ts";

/**
 * The unit: the last part that is named like one, so that a user's service is found below `user@1000.service`. The `init.scope` of a
 * service manager says less than the service which that manager is, where there is one. (cg_path_get_unit() in systemd's
 * src/basic/cgroup-util.c; a leading `_` is its escape, cg_unescape().)
 */
export function unitOfCgroupPath(path: string): string | undefined {
  let managerScope: string | undefined;
  for (const part of path.split("/").reverse()) {
    const name = part.startsWith("_") ? part.slice(1) : part;
    if (!/^[^:]+\.(service|scope|socket)$/.test(name)) continue;
    if (name !== "init.scope") return name;
    managerScope ??= name;
  }
  return managerScope;
}

/** The prefix that a runtime puts before the id, in the name of a scope or of a directory. */
const PREFIXES: ReadonlyMap<string, Container["runtime"]> = new Map([
  ["docker", "docker"],
  ["cri-containerd", "containerd"],
  ["containerd", "containerd"],
  ["nerdctl", "containerd"],
  ["crio", "cri-o"],
  ["libpod", "podman"],
  ["libpod-payload", "podman"], // podman run --cgroups=split, which Quadlet's units use
]);

/** Ids are 64 hexadecimal digits in all four runtimes. */
const BARE_ID = /^[0-9a-f]{64}$/;
/** `docker-ID.scope` (systemd's driver), `crio-ID` (cgroupfs), `SLICE:cri-containerd:ID` (a systemd name given to the cgroupfs driver). */
const NAMED_ID = /^(?:.*:)?([a-z][a-z-]*?)[-:]([0-9a-f]{64})(?:\.scope)?$/;

/**
 * The container that a cgroup path belongs to; the innermost one, where one runs in another (kind, docker in docker). The monitor that
 * podman and CRI-O start beside each container (`libpod-conmon-ID.scope`, `crio-conmon-ID.scope`) is not in it: its prefix is none of ours.
 */
export function containerOfCgroupPath(path: string): Container | undefined {
  const parts = path.split("/");
  for (let index = parts.length - 1; index > 0; index--) {
    const part = parts[index]!;
    if (BARE_ID.test(part)) {
      // podman's cgroupfs driver: a pod, in which the containers are `libpod-ID`, and the monitor of its own is `conmon` (4.3).
      if (parts[index - 1] === "libpod_parent") continue;
      return { runtime: runtimeOfParents(parts.slice(0, index)), id: part };
    }
    const named = NAMED_ID.exec(part);
    if (named === null) continue;
    const runtime = PREFIXES.get(named[1]!);
    if (runtime !== undefined) return { runtime, id: named[2]! };
  }
  return undefined;
}

/**
 * A bare id does not name its runtime. Below Kubernetes' directories it is containerd (CRI-O writes its name before the id), in nerdctl's
 * default namespace too; podman has a parent of its own; else it is docker, whose parent (`--cgroup-parent`, ECS) can have any name.
 */
function runtimeOfParents(parents: readonly string[]): Container["runtime"] {
  const parent = parents.at(-1) ?? "";
  if (parent.startsWith("libpod")) return "podman";
  const isPod = /^(?:kube.*-)?pod[0-9a-f_-]+(?:\.slice)?$/.test(parent);
  return isPod || parent === "default" || parent === "k8s.io" ? "containerd" : "docker";
}
