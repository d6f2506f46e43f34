/** What has to be known of processes, beyond their command lines, to say how they are kept from coming back. */
import type { Asker } from "./asker.ts";

export interface SupervisorFacts {
  readonly asker: Asker;
  /** By uid. */
  readonly userNames: ReadonlyMap<number, string>;
  /** By pid: what it was started with that concerns its supervisor. */
  readonly environments: ReadonlyMap<number, Readonly<Record<string, string>>>;
  /** By pid: the working directory of who has a directory for each service. */
  readonly directories: ReadonlyMap<number, string>;
  /** `Restart=` by the unit's key. */
  readonly restarts: ReadonlyMap<string, string>;
  /** Socket units with the port, by the user whose manager has them; undefined: the system's. */
  readonly socketUnits: ReadonlyMap<number | undefined, readonly string[]>;
}

/** Units of the system and of each user's manager have names of their own. */
export function unitKey(unit: string, userManager: number | undefined): string {
  return `${userManager ?? ""}/${unit}`;
}
