/**
 * A network namespace of its own for each test, so that no test can meet a socket that is not its own nor touch one of the machine's.
 * The main thread moves into a new namespace (unshare), processes that are started then inherit it, and the thread goes home at the end.
 *
 * Without the right to do so the whole test file runs once more under `unshare -rn`, in a user namespace where it has it. Where that is not
 * allowed either, each test is skipped and says so.
 */
import { spawnSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { errnoName } from "../../src/base/errno.ts";
import { AF_INET, CLONE_NEWNET, SOCK_CLOEXEC, SOCK_DGRAM } from "../../src/host/linux/constants.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import type { Libc } from "../../src/host/linux/libc.ts";

const SIOCGIFFLAGS = 0x8913;
const SIOCSIFFLAGS = 0x8914;
const IFF_UP = 1;
/** The name of struct ifreq takes 16 bytes, then come the flags. */
const IFNAMSIZ = 16;
const IFREQ_BYTES = 40;

const OWN_THREAD = "/proc/thread-self/ns/net";
/** Set for the second run of a file, so that it can never become a third. */
const SECOND_RUN = "PORTMORTEM_TEST_IN_USER_NAMESPACE";

export interface OwnNamespace {
  /** Back to the namespace that the program was started in. */
  leave(): void;
}

function libcOrWhy(): { readonly libc: Libc } | { readonly why: string } {
  // The tests of the program without its binding need the binding themselves.
  return loadLibc();
}

/** Why no namespace can be had here; undefined: one can. Runs the file again, and ends this process, where that helps. */
export function whyNoNamespace(): string | undefined {
  return (reason ??= { why: findOut() }).why;
}
let reason: { why: string | undefined } | undefined;

function findOut(): string | undefined {
  const loaded = libcOrWhy();
  if ("why" in loaded) return `probed: the native binding; ${loaded.why}`;
  const own = enterOwnNamespace();
  if (!("errno" in own)) {
    own.leave();
    return undefined;
  }
  if (process.env[SECOND_RUN] !== undefined) return `probed: unshare(CLONE_NEWNET) in a user namespace; ${own.errno}`;
  if (spawnSync("unshare", ["-rn", "true"]).status !== 0)
    return `probed: unshare(CLONE_NEWNET): ${own.errno}, and unshare -rn: refused (needs CAP_SYS_ADMIN or unprivileged user namespaces)`;
  const again = spawnSync("unshare", ["-rn", process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    stdio: "inherit",
    env: { ...process.env, [SECOND_RUN]: "1" },
  });
  process.exit(again.status ?? 1);
}

/** The calling thread in a new namespace with only `lo`, which is up. */
export function enterOwnNamespace(): OwnNamespace | { readonly errno: string } {
  const loaded = libcOrWhy();
  if ("why" in loaded) return { errno: "ENOSYS" };
  const { libc } = loaded;
  const home = openSync(OWN_THREAD, "r");
  const entered = libc.unshare(CLONE_NEWNET);
  if (entered < 0) {
    closeSync(home);
    return { errno: errnoName(-entered) };
  }
  bringUp(libc, "lo");
  return {
    leave() {
      const back = libc.setns(home, CLONE_NEWNET);
      closeSync(home);
      if (back < 0) throw new Error(`setns back home: ${errnoName(-back)}`);
    },
  };
}

function bringUp(libc: Libc, device: string): void {
  const fd = libc.socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  const request = new Uint8Array(IFREQ_BYTES);
  request.set(Buffer.from(device));
  const flags = new DataView(request.buffer);
  let result = libc.ioctl(fd, SIOCGIFFLAGS, request);
  flags.setUint16(IFNAMSIZ, flags.getUint16(IFNAMSIZ, true) | IFF_UP, true);
  if (result === 0) result = libc.ioctl(fd, SIOCSIFFLAGS, request);
  libc.close(fd);
  if (result < 0) throw new Error(`${device} cannot be brought up: ${errnoName(-result)}`);
}
