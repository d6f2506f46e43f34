/**
 * Cgroup ids and paths. The id that sock_diag tells (INET_DIAG_CGROUP_ID) is the inode number of the directory in the version-2 mount
 * (cgroup_id() is kernfs_node.id); the way back is a walk of that tree, which goes only as far as it must and remembers what it saw.
 */
import { readdirSync, statSync } from "node:fs";
import { parseMountinfo } from "../../wire/procfs/mountinfo.ts";
import { readText } from "./read-file.ts";
import type { SystemRoots } from "./system-roots.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

/** No more directories than this are walked: a host with more has thousands of containers. */
const MOST_DIRECTORIES = 20_000;

export class Cgroups {
  readonly #roots: SystemRoots;
  readonly #paths = new Map<number, string>();
  /** Paths whose children have not been looked at; undefined before the first walk. */
  #pending: string[] | undefined;
  #mountPoint: string | false | undefined;

  constructor(roots: SystemRoots = SYSTEM_ROOTS) {
    this.#roots = roots;
  }

  /** The path below the mount; undefined when it is gone, hidden, or younger than the walk that this object remembers. */
  cgroupPath(id: number): string | undefined {
    const known = this.#paths.get(id);
    if (known !== undefined) return known;
    const mountPoint = this.#findMountPoint();
    if (mountPoint === undefined) return undefined;
    if (this.#pending === undefined) {
      this.#pending = [];
      this.#see(mountPoint, "/");
    }
    while (this.#pending.length > 0 && this.#paths.size < MOST_DIRECTORIES && !this.#paths.has(id)) {
      this.#walk(mountPoint, this.#pending.shift()!);
    }
    return this.#paths.get(id);
  }

  cgroupId(path: string): number | undefined {
    const mountPoint = this.#findMountPoint();
    if (mountPoint === undefined || !path.startsWith("/") || path.split("/").includes("..")) return undefined;
    const facts = directoryFacts(mountPoint + path);
    return facts !== undefined && Number.isSafeInteger(facts.ino) ? facts.ino : undefined;
  }

  #walk(mountPoint: string, path: string): void {
    let names: string[];
    try {
      names = readdirSync(mountPoint + path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory())
        .map((entry) => entry.name);
    } catch {
      return;
    }
    for (const name of names) this.#see(mountPoint, path === "/" ? `/${name}` : `${path}/${name}`);
  }

  #see(mountPoint: string, path: string): void {
    const facts = directoryFacts(mountPoint + path);
    if (facts === undefined || !Number.isSafeInteger(facts.ino)) return;
    this.#paths.set(facts.ino, path);
    // kernfs counts subdirectories in the links (set_nlink() in kernfs_refresh_inode): two means that there are none.
    if (facts.nlink !== 2) this.#pending!.push(path);
  }

  /**
   * Where the version-2 tree is seen whole. `ip netns exec` mounts another /sys over it: what is there then has another device than the
   * mount table says.
   */
  #findMountPoint(): string | undefined {
    if (this.#mountPoint === undefined) {
      const mounts = parseMountinfo(readText(`${this.#roots.proc}/self/mountinfo`) ?? "").filter(
        (mount) => mount.type === "cgroup2",
      );
      const seen = mounts.filter((mount) => {
        const device = directoryFacts(mount.mountPoint)?.dev;
        return device !== undefined && majorOf(device) === mount.major && minorOf(device) === mount.minor;
      });
      this.#mountPoint = (seen.find((mount) => mount.root === "/") ?? seen[0])?.mountPoint ?? false;
    }
    return this.#mountPoint === false ? undefined : this.#mountPoint;
  }
}

function directoryFacts(
  path: string,
): { readonly ino: number; readonly nlink: number; readonly dev: number } | undefined {
  try {
    const stats = statSync(path, { throwIfNoEntry: false });
    return stats?.isDirectory() === true ? stats : undefined;
  } catch {
    return undefined;
  }
}

/** gnu_dev_major() and gnu_dev_minor(), for the numbers that stat(2) gives. */
function majorOf(device: number): number {
  return (device >>> 8) & 0xfff;
}

function minorOf(device: number): number {
  return (device & 0xff) | ((device >>> 12) & 0xfff00);
}
