/** The error of a port that another has. */
import { type ErrorDetails, PortmortemError } from "../base/errors.ts";
import type { PortHolder, PortHolders } from "./port-holders.ts";

/** PM_PORT_TAKEN, or PM_SHADOWED. */
export class PortTakenError extends PortmortemError implements PortHolders {
  declare readonly blockers?: readonly PortHolder[];
  declare readonly blockersUnknown?: string;

  constructor(code: "PM_PORT_TAKEN" | "PM_SHADOWED", message: string, details: ErrorDetails, holders: PortHolders) {
    super(code, message, details);
    Object.assign(this, holders);
  }
}
