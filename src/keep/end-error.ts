/** The error that an end is for whoever wanted the program to run: at its first start, or at a later one. */
import { PortmortemError } from "../base/errors.ts";
import type { KeeperEnd } from "./keeper-events.ts";

/** PM_CANNOT_RUN or PM_CANNOT_KEEP; undefined: it ran, and has ended. */
export function errorOfEnd(end: KeeperEnd, command: string): PortmortemError | undefined {
  if (end.because === "cannot-start") return cannotRun(command, end);
  if (end.because !== "cannot-keep") return undefined;
  return new PortmortemError("PM_CANNOT_KEEP", `${end.step} was refused: ${end.errno}`, { errno: end.errno });
}

function cannotRun(
  command: string,
  { errno, path }: { readonly errno: string; readonly path: string },
): PortmortemError {
  const what = errno === "ENOENT" ? "there is no such program" : `it cannot be run: ${errno}`;
  return new PortmortemError("PM_CANNOT_RUN", `${errno === "ENOENT" ? command : path}: ${what}`, {
    hint: errno === "EACCES" ? "is it a file, and may it be executed?" : "look for a typing mistake, and at PATH",
    errno,
  });
}
