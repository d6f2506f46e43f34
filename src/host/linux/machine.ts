/** The machine behind a host: what it has once, and the way into its network namespaces. */
import { release } from "node:os";
import { PortmortemError } from "../../base/errors.ts";
import type { NetnsRef, ProcessSummary, SystemFacts } from "../host.ts";
import { Cgroups } from "./cgroups.ts";
import { Containers } from "./containers.ts";
import { InsideNetns } from "./inside-netns.ts";
import { loadLibc } from "./libc.ts";
import type { Libc } from "./libc.ts";
import { Namespace } from "./namespace.ts";
import { resolveNetns } from "./namespaces.ts";
import { ProcessTable } from "./process-table.ts";
import { readLinkByLibc, readLowSocketsByLibc } from "./read-link.ts";
import type { UnitUser } from "./unit-files.ts";
import { Users } from "./users.ts";

/** What all namespaces of a machine have in common. The list of processes is read once: a host answers for one command. */
export class Machine {
  readonly native = loadLibc();
  readonly libc: Libc | undefined = "libc" in this.native ? this.native.libc : undefined;
  readonly readLink = readLinkByLibc(this.libc);
  readonly readLowSockets = this.libc === undefined ? undefined : readLowSocketsByLibc(this.libc);
  readonly table = new ProcessTable({ readLink: this.readLink });
  readonly users = new Users();
  readonly cgroups = new Cgroups();
  readonly containers = new Containers();
  #summaries: readonly ProcessSummary[] | undefined;
  #system: SystemFacts | undefined;

  /** Read once, the time too: what is recorded of it is then what was judged by. */
  system(): SystemFacts {
    return (this.#system ??= {
      platform: process.platform,
      kernelRelease: release(),
      architecture: process.arch,
      nowMs: Date.now(),
      uid: process.geteuid?.() ?? -1,
      pid: process.pid,
    });
  }

  summaries(): readonly ProcessSummary[] {
    return (this.#summaries ??= this.table.processes());
  }

  /** Of all processes; of those that were listed before, if they were. */
  networkNamespaces(): readonly Pick<ProcessSummary, "pid" | "netns">[] {
    return this.#summaries ?? this.table.namespaces();
  }

  /** Whose unit files are meant; undefined: the system's. */
  unitUser(uid: number | undefined): UnitUser | undefined {
    const home = uid === undefined ? undefined : this.users.home(uid);
    return uid === undefined ? undefined : { uid, ...(home === undefined ? {} : { home }) };
  }

  /** Throws PM_NETNS_NOT_FOUND or PM_NETNS_FORBIDDEN. */
  inside(netns: NetnsRef): InsideNetns {
    const path = resolveNetns(netns);
    const shown = "name" in netns ? netns.name : "path" in netns ? netns.path : `of pid ${netns.pid}`;
    const { native } = this;
    if ("why" in native) {
      throw new PortmortemError("PM_NO_NATIVE", `the network namespace ${shown} cannot be entered: ${native.why}`, {
        hint: native.hint,
      });
    }
    const inside = InsideNetns.try(native.libc, path);
    if (inside instanceof InsideNetns) return inside;
    const { errno } = inside;
    if (errno === "ENOENT" || errno === "ESRCH") {
      throw new PortmortemError("PM_NETNS_NOT_FOUND", `the network namespace ${shown} has ended`, {
        errno,
        hint: "its last process is gone",
      });
    }
    throw new PortmortemError("PM_NETNS_FORBIDDEN", `the network namespace ${shown} cannot be entered: ${errno}`, {
      errno,
      hint: "entering a network namespace needs CAP_SYS_ADMIN: run it with sudo",
    });
  }

  /** One namespace of it: this thread's, or that behind a path. */
  namespace(inside: InsideNetns | undefined, procNet: string): Namespace {
    const { native, readLink, cgroups } = this;
    return new Namespace({ native, readLink, cgroupId: (path) => cgroups.cgroupId(path) }, inside, procNet);
  }
}
