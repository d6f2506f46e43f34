/** What could not be ended, and why: alike ones are told once. */
import type { CandidateGroup } from "../inspect/drop-candidates.ts";
import type { DropWay } from "../tcp/drop-plan.ts";
import type { DropFailure } from "../tcp/drop-result.ts";
import type { Socket } from "../tcp/socket.ts";
import { insteadOf, whatRemains } from "./plan-drop.ts";
import type { DropWish, PlannedGroup } from "./plan-drop.ts";

interface Alike {
  count: number;
  readonly group: CandidateGroup;
  readonly way: DropWay;
  readonly socket: Socket;
  readonly errno: string;
}

export type PlannedStep = Extract<PlannedGroup<CandidateGroup>, { readonly step: unknown }>;

export class DropFailures {
  /** Of all that failed: they are known to be there still. */
  readonly cookies = new Set<string>();
  /** Of those that the kernel says are not there (ENOENT): most have ended by themselves in the meantime. */
  readonly vanished = new Set<string>();
  readonly #wish: DropWish;
  readonly #byKind = new Map<string, Alike>();

  constructor(wish: DropWish) {
    this.#wish = wish;
  }

  add({ group, step }: PlannedStep, errno: string, socket: Socket, cookie: string): void {
    this.cookies.add(cookie);
    const key = `${group.class}|${group.state}|${group.socket.owners?.[0]?.pid ?? ""}|${errno}`;
    const known = this.#byKind.get(key);
    if (known === undefined) this.#byKind.set(key, { count: 1, group, way: step.kind, socket, errno });
    else known.count++;
  }

  list(): DropFailure[] {
    return [...this.#byKind.values()].map(({ count, group, way, socket, errno }) => {
      const alike = { ...group, count, socket };
      const lacks = LACKS[errno];
      const unserved = lacks === "right" || lacks === "kernel";
      const command = unserved
        ? insteadOf(alike, lacks, way === "destroy" ? this.#wish : byRoot(this.#wish))
        : undefined;
      const { endsInMs } = group;
      return {
        count,
        socket,
        ...(lacks === undefined ? {} : { lacks }),
        errno,
        text: `${count === 1 ? "it" : `${count} of them`} could not be ended: ${errno}${MEANING[errno] ?? ""}${unserved ? whatRemains(alike) : ""}`,
        ...(endsInMs === undefined ? {} : { endsInMs }),
        ...(command === undefined ? {} : { command }),
      };
    });
  }
}

/** Where a descriptor did not help, none will. */
function byRoot({ rootCommand }: DropWish): DropWish {
  return rootCommand === undefined ? {} : { rootCommand };
}

const LACKS: Readonly<Record<string, DropFailure["lacks"]>> = {
  EPERM: "right",
  EACCES: "right",
  EOPNOTSUPP: "kernel",
  ENOSYS: "kernel",
  ESTALE: "descriptor",
  EBADF: "descriptor",
  ESRCH: "descriptor",
};

const MEANING: Readonly<Record<string, string>> = {
  EPERM: ", a right is missing",
  EACCES: ", a right is missing",
  EOPNOTSUPP: ", this kernel cannot",
  ENOSYS: ", this kernel cannot",
  ESTALE: ", the program has closed that descriptor and uses it for something else",
  EBADF: ", the program has closed that descriptor",
  ESRCH: ", the program has ended",
};
