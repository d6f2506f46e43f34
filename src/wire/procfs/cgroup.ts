/**
 * /proc/PID/cgroup, cgroups(7): one line for each hierarchy, `ID:controllers:path`. Version 2 has ID 0 and no controllers; systemd's own
 * hierarchy of version 1 is `name=systemd`. A hybrid host has both, and then either one may be the one that is in use.
 */
import type { Container } from "../../tcp/socket.ts";
import { containerOfCgroupPath, unitOfCgroupPath } from "./cgroup-path.ts";

export interface CgroupFacts {
  /** The version-2 path, else the path in systemd's hierarchy of version 1. */
  readonly path?: string;
  readonly unit?: string;
  readonly container?: Container;
}

export function parseCgroup(text: string): CgroupFacts {
  let unified: string | undefined;
  let systemd: string | undefined;
  const others: string[] = [];
  // What follows the last line break is cut: the kernel ends each line with one.
  for (const line of text.split("\n").slice(0, -1)) {
    const match = /^(\d+):([^:]*):(\/.*)$/.exec(line);
    if (match === null) continue;
    const path = withoutDeleted(match[3]!);
    if (match[1] === "0" && match[2] === "") unified = path;
    else if (match[2] === "name=systemd") systemd = path;
    else others.push(path);
  }
  const path = unified ?? systemd;
  const known = [unified, systemd].filter((each) => each !== undefined);
  const unit = firstOf(known, unitOfCgroupPath);
  const container = firstOf([...known, ...others], containerOfCgroupPath);
  return {
    ...(path === undefined ? {} : { path }),
    ...(unit === undefined ? {} : { unit }),
    ...(container === undefined ? {} : { container }),
  };
}

/** proc_cgroup_show() (kernel/cgroup/cgroup.c) marks the directory of a zombie that is gone. */
function withoutDeleted(path: string): string {
  return path.endsWith(" (deleted)") ? path.slice(0, -" (deleted)".length) : path;
}

function firstOf<T>(paths: readonly string[], find: (path: string) => T | undefined): T | undefined {
  for (const path of paths) {
    const found = find(path);
    if (found !== undefined) return found;
  }
  return undefined;
}
