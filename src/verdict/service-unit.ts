/** Units of systemd, as far as they can be stopped or started by themselves. Pure. */
import type { Owner } from "../tcp/socket.ts";
import { keeperOf } from "./service-keepers.ts";

/**
 * A unit of systemd that is one service, so that it can be stopped or started by itself. user@1000.service is none: it holds whatever a user
 * started by hand, and to stop it ends all of that.
 */
export function isServiceUnit(unit: string | undefined): unit is string {
  return unit !== undefined && unit.endsWith(".service") && !unit.startsWith("user@");
}

const SUFFIX = ".service";

/**
 * The unit to stop for the sake of this process. None where it was only started from a unit that keeps others alive: a job of cron, a shell
 * that came by ssh without logind, what runs in a terminal that is a unit.
 */
export function serviceUnitOf({ unit, command, args = [] }: Owner): string | undefined {
  if (!isServiceUnit(unit)) return undefined;
  const name = unit.slice(0, -SUFFIX.length).replace(/@.*$/, "");
  const isKeepers = [name, `${name}d`].some((keeper) => keeperOf({ command: keeper, args: [] }) !== undefined);
  return isKeepers && keeperOf({ command, args }) === undefined ? undefined : unit;
}
