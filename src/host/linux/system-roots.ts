/** Where the system's files are: an argument everywhere, so that a test can point to a tree of its own. */
export interface SystemRoots {
  readonly proc: string;
  readonly run: string;
  readonly etc: string;
  readonly var: string;
  readonly sys: string;
}

export const SYSTEM_ROOTS: SystemRoots = { proc: "/proc", run: "/run", etc: "/etc", var: "/var", sys: "/sys" };
