/** How a program is stopped or restarted whose manager would start it again, or wants to be asked: a container, a unit of systemd. Pure. */
import type { Asker } from "../tcp/asker.ts";
import type { Container, Owner } from "../tcp/socket.ts";
import { shellWord } from "../tcp/typed-command.ts";
import { serviceUnitOf } from "./service-unit.ts";

export interface ManagerCommand {
  /** "the unit api.service", "the container web". */
  readonly what: string;
  readonly command: string;
  /** It can only be stopped; who starts it again is another's business. */
  readonly onlyStops?: true;
}

/** Undefined for a program that nobody is known to manage. */
export function managerCommand(owner: Owner, asker: Asker, verb: "stop" | "restart"): ManagerCommand | undefined {
  if (owner.container !== undefined) return containerCommand(owner.container, asker, verb);
  const unit = serviceUnitOf(owner);
  if (unit === undefined) return undefined;
  return { what: `the unit ${unit}`, command: `${systemctl(owner, asker)} ${verb} ${shellWord(unit)}` };
}

function containerCommand(container: Container, asker: Asker, verb: "stop" | "restart"): ManagerCommand {
  const name = containerName(container);
  const { runtime } = container;
  if (runtime === "docker" || runtime === "podman")
    return { what: `the container ${name}`, command: `${runtime} ${verb} ${shellWord(name)}` };
  return { what: `the container ${name}`, command: `${sudo(asker)}crictl stop ${shellWord(name)}`, onlyStops: true };
}

export function containerName({ name, id }: Container): string {
  return name ?? id.slice(0, 12);
}

/** A user's units are his own manager's, whom everybody else has to name (systemctl(1), --machine). */
export function systemctl(
  { userManager, user, uid }: Pick<Owner, "userManager" | "user" | "uid">,
  asker: Asker,
): string {
  if (userManager === undefined) return `${sudo(asker)}systemctl`;
  if (userManager === asker.uid) return "systemctl --user";
  const name = uid === userManager && user !== undefined ? user : String(userManager);
  return `${sudo(asker)}systemctl --user --machine=${shellWord(`${name}@.host`)}`;
}

/** For what only root may do, in whichever network namespace. */
export function sudo({ uid }: Asker): string {
  return uid === 0 ? "" : "sudo ";
}
