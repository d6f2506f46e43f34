/**
 * Do this process' capabilities count in the calling thread's network namespace? They count in the user namespace that owns it (ns_capable()),
 * and root of a user namespace of its own, as in a rootless container on the host's network, has them all and none there.
 */
import { EPERM, O_CLOEXEC } from "./constants.ts";
import type { Libc } from "./libc.ts";

/** ioctl_nsfs(2), Linux 4.9. Where an architecture numbers it otherwise the answer is ENOTTY, and nothing is known. */
const NS_GET_USERNS = 0xb701;

/** True: the owner is outside this process' user namespace and those below it, for which the kernel says EPERM. */
export function belongsToOthers(libc: Libc): boolean {
  const fd = libc.open("/proc/thread-self/ns/net", O_CLOEXEC);
  if (fd < 0) return false;
  try {
    const owner = libc.ioctl(fd, NS_GET_USERNS, new Uint8Array(8));
    if (owner >= 0) libc.close(owner);
    return owner === -EPERM;
  } finally {
    libc.close(fd);
  }
}
