/** How findings call those who hold sockets, and what they advise about them. Pure. */
import type { Owner, Ownerless } from "../../tcp/socket.ts";
import { isServiceUnit } from "../service-unit.ts";
import type { Advice } from "../why.ts";

/** "node (pid 812)"; without an owner, who it may be. */
export function holderName(owner: Owner | undefined, ownerless?: Ownerless): string {
  if (owner !== undefined) return `${owner.command} (pid ${owner.pid})`;
  if (ownerless === "no-permission") return "a program of another user";
  if (ownerless === "other-namespace") return "a program in another namespace";
  return "a program that was not found";
}

/** For the evidence. */
export function holderEvidence(owner: Owner | undefined): { readonly pid?: number; readonly command?: string } {
  return owner === undefined ? {} : { pid: owner.pid, command: owner.command };
}

/** The way to start a program anew that its manager would take; a program without one can only be told to end. */
export function restartAdvice(owner: Owner | undefined, rootPrefix: string, why: string): Advice[] {
  if (owner === undefined) return [];
  const sudo = rootPrefix.startsWith("sudo ") ? "sudo " : "";
  const { container, unit, command, pid } = owner;
  const restart = (what: string, how: string): Advice[] => [
    { text: `restart ${what}: ${why}`, command: how, costs: "downtime" },
  ];
  if (container !== undefined) {
    const name = container.name ?? container.id.slice(0, 12);
    if (container.runtime === "docker" || container.runtime === "podman")
      return restart(`the container ${name}`, `${container.runtime} restart ${name}`);
    return restart(`the container ${name}; its manager starts it again`, `${sudo}crictl stop ${name}`);
  }
  if (isServiceUnit(unit)) return restart(`the unit ${unit}`, `${sudo}systemctl restart ${unit}`);
  return [{ text: `end ${command}, and start it again: ${why}`, command: `kill ${pid}`, costs: "downtime" }];
}

/** A command that only looks: of the machine itself it needs no right, in another network namespace it has to be run there. */
export function lookingCommand(rootPrefix: string, command: string): string {
  return rootPrefix === "sudo " ? command : `${rootPrefix}${command}`;
}
