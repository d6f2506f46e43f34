/**
 * Sockets that live without a descriptor in any table: registered with an io_uring (fdinfo lists them, by inode since 6.2 or so), or
 * inside a message of a Unix socket that nobody has received yet (fdinfo of that socket counts them as `scm_fds`).
 */
import { readdirSync } from "node:fs";
import type { DetachedSockets, ProcessSummary } from "../host.ts";
import { FIRST_PID_NAMESPACE, ownPidNamespace } from "./pid-namespaces.ts";
import type { ReadLink } from "./read-file.ts";
import { readText, withoutStackTraces } from "./read-file.ts";

export function findDetachedSockets(processes: readonly ProcessSummary[], readLink: ReadLink): DetachedSockets {
  const ioUring: { pid: number; inode: number }[] = [];
  const inFlight: number[] = [];
  withoutStackTraces(() => {
    for (const { pid } of processes) {
      for (const fd of descriptorsOf(pid)) {
        const link = readLink(`/proc/${pid}/fd/${fd}`);
        if (typeof link !== "string") continue;
        if (link.startsWith("socket:[")) {
          if (carriesDescriptors(readText(`/proc/${pid}/fdinfo/${fd}`))) inFlight.push(pid);
        } else if (link.startsWith("anon_inode:[io_uring]")) {
          for (const inode of registeredSockets(readText(`/proc/${pid}/fdinfo/${fd}`))) ioUring.push({ pid, inode });
        }
      }
    }
  });
  const namespace = ownPidNamespace(readLink);
  return { ioUring, inFlight, ownPidNamespace: namespace !== undefined && namespace !== FIRST_PID_NAMESPACE };
}

function descriptorsOf(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`);
  } catch {
    return [];
  }
}

function carriesDescriptors(fdinfo: string | undefined): boolean {
  return /^scm_fds:\s*[1-9]/m.test(fdinfo ?? "");
}

function registeredSockets(fdinfo: string | undefined): number[] {
  return [...(fdinfo ?? "").matchAll(/socket:\[(\d{1,15})\]/g)].map((match) => Number(match[1]));
}
