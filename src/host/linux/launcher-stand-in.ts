/**
 * What a waiting launcher does when its keeper has died: nobody would answer the calls of the programs that live, and a call under a filter
 * whose last notification descriptor is closed fails with ENOSYS. The launcher has a duplicate of each, and lets every call through, until
 * no process is left under any of the filters: the programs go on as if they had been started without a keeper.
 *
 * A call that the keeper had received and not answered is let through first. Its id lies in memory that both share: the kernel wrote it there
 * before the call counted as received (seccomp_notify_recv() in kernel/seccomp.c), so that there is no moment in which it would be lost.
 */
import { readSync, readdirSync, readlinkSync } from "node:fs";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import {
  SECCOMP_IOCTL_NOTIF_RECV,
  SECCOMP_IOCTL_NOTIF_SEND,
  decodeWaitingCall,
  encodeContinue,
  seccompNotif,
} from "../../wire/seccomp-notify.ts";
import { POLLIN } from "./constants.ts";
import { LAST_CALL_FD } from "./launcher-messages.ts";
import type { Libc } from "./libc.ts";

const NOTIFY_LINK = /^anon_inode:\[?seccomp notify/;
const F_SETFD = 2;
const FD_CLOEXEC = 1;
const POLLHUP = 0x10;
const POLLFD_BYTES = 8;

/** The notification descriptors that were inherited; none of what was inherited is for the program. */
export function takeInherited(libc: Libc): readonly number[] {
  const fds = readdirSync("/proc/self/fd")
    .map(Number)
    .filter((fd) => NOTIFY_LINK.test(linkOf(fd)));
  for (const fd of [LAST_CALL_FD, ...fds]) libc.fcntl(fd, F_SETFD, FD_CLOEXEC);
  return fds;
}

/** Comes back when no process is left under the filters. */
export function standIn(libc: Libc, notifyFds: readonly number[]): void {
  answerLastCall(libc, notifyFds);
  let open = [...notifyFds];
  while (open.length > 0) {
    const ready = pollAll(libc, open);
    for (const fd of open) if ((ready.get(fd) ?? 0) & POLLIN) letThrough(libc, fd);
    open = open.filter((fd) => !((ready.get(fd) ?? 0) & POLLHUP));
  }
}

function answerLastCall(libc: Libc, notifyFds: readonly number[]): void {
  const bytes = new Uint8Array(seccompNotif.sizeBytes);
  if (readSync(LAST_CALL_FD, bytes, 0, bytes.length, 0) !== bytes.length) return;
  const last = decodeWaitingCall(bytes);
  // Ids begin at random for each filter: where it is none that waits, the answer is ENOENT and nothing happens.
  if (last !== undefined && last.id !== 0n)
    for (const fd of notifyFds) libc.ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, encodeContinue(last.id));
}

function letThrough(libc: Libc, fd: number): void {
  const bytes = new Uint8Array(seccompNotif.sizeBytes);
  if (libc.ioctl(fd, SECCOMP_IOCTL_NOTIF_RECV, bytes) < 0) return;
  const call = decodeWaitingCall(bytes);
  if (call !== undefined) libc.ioctl(fd, SECCOMP_IOCTL_NOTIF_SEND, encodeContinue(call.id));
}

/** What each is ready for. Blocks until one is. */
function pollAll(libc: Libc, fds: readonly number[]): ReadonlyMap<number, number> {
  const polled = new Uint8Array(fds.length * POLLFD_BYTES);
  const view = new DataView(polled.buffer);
  fds.forEach((fd, index) => {
    view.setInt32(index * POLLFD_BYTES, fd, LITTLE_ENDIAN);
    view.setInt16(index * POLLFD_BYTES + 4, POLLIN, LITTLE_ENDIAN);
  });
  libc.poll(polled, fds.length, -1);
  return new Map(fds.map((fd, index) => [fd, view.getInt16(index * POLLFD_BYTES + 6, LITTLE_ENDIAN)]));
}

function linkOf(fd: number): string {
  try {
    return readlinkSync(`/proc/self/fd/${fd}`);
  } catch {
    return "";
  }
}
