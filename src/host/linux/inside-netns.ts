/**
 * Work inside another network namespace. setns(2) moves one thread, here Node's main thread, so the work must be synchronous: nothing
 * else of the process can run before the thread is home again.
 */
import { closeSync, fstatSync, openSync, statSync } from "node:fs";
import { errnoName } from "../../base/errno.ts";
import { PortmortemError } from "../../base/errors.ts";
import { CLONE_NEWNET } from "./constants.ts";
import type { Libc } from "./libc.ts";

/** The calling thread's own namespace; `self` would be the main thread's, whoever asks. */
const HOME = "/proc/thread-self/ns/net";

export class InsideNetns {
  readonly #libc: Libc;
  readonly #path: string;
  readonly inode: number;
  /** One for each that holds it: the last one can be entered when the path leads nowhere any more. */
  readonly #held: number[] = [];

  private constructor(libc: Libc, path: string, inode: number) {
    this.#libc = libc;
    this.#path = path;
    this.inode = inode;
  }

  /** Tries to enter once. The answer's errno is what the kernel said: EPERM needs CAP_SYS_ADMIN here and in the target's user namespace. */
  static try(libc: Libc, path: string): InsideNetns | { readonly errno: string } {
    try {
      const inside = new InsideNetns(libc, path, statSync(path).ino);
      inside.run(() => undefined);
      return inside;
    } catch (error) {
      const errno = (error as { errno?: unknown }).errno;
      const code = (error as { code?: unknown }).code;
      if (typeof errno === "string") return { errno };
      if (typeof code === "string" && !(error instanceof PortmortemError)) return { errno: code };
      throw error;
    }
  }

  run<T>(work: () => T): T {
    const home = openSync(HOME, "r");
    try {
      const held = this.#held.at(-1);
      const target = held ?? this.#open();
      let entered: number;
      try {
        entered = this.#libc.setns(target, CLONE_NEWNET);
      } finally {
        if (held === undefined) closeSync(target);
      }
      if (entered < 0) {
        throw new PortmortemError("PM_NETNS_FORBIDDEN", `setns into ${this.#path} failed: ${errnoName(-entered)}`, {
          errno: errnoName(-entered),
          hint: "entering a network namespace needs CAP_SYS_ADMIN: run it with sudo",
        });
      }
      try {
        return work();
      } finally {
        this.#goHome(home);
      }
    } finally {
      closeSync(home);
    }
  }

  /** An open descriptor keeps a namespace without a process (namespaces(7)). */
  hold(): { readonly release: () => void } {
    const fd = this.#open();
    this.#held.push(fd);
    return {
      release: () => {
        const at = this.#held.indexOf(fd);
        if (at < 0) return;
        this.#held.splice(at, 1);
        closeSync(fd);
      },
    };
  }

  /** The path of a pid can lead elsewhere by now: what is entered must be what was found. */
  #open(): number {
    let errno = "ESRCH";
    let cause: unknown;
    try {
      const fd = openSync(this.#path, "r");
      if (fstatSync(fd).ino === this.inode) return fd;
      closeSync(fd);
    } catch (error) {
      cause = error;
      errno = (error as NodeJS.ErrnoException).code ?? "EIO";
    }
    throw new PortmortemError("PM_NETNS_NOT_FOUND", `the network namespace at ${this.#path} has ended: ${errno}`, {
      errno,
      hint: "its last process is gone",
      cause,
    });
  }

  #goHome(home: number): void {
    const back = this.#libc.setns(home, CLONE_NEWNET);
    if (back >= 0) return;
    // Going on in a foreign namespace would make every later answer a lie.
    throw new PortmortemError("PM_DEFECT", `setns back home failed: ${errnoName(-back)}`, { errno: errnoName(-back) });
  }
}
