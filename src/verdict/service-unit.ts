/**
 * A unit of systemd that is one service, so that it can be stopped or started by itself. user@1000.service is none: it holds whatever a user
 * started by hand, and to stop it ends all of that.
 */
export function isServiceUnit(unit: string | undefined): unit is string {
  return unit !== undefined && unit.endsWith(".service") && !unit.startsWith("user@");
}
