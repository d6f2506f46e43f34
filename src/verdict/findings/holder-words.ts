/** How findings call those who hold sockets, and what they advise about them. Pure. */
import type { Owner, Ownerless } from "../../tcp/socket.ts";
import type { Asker } from "../../tcp/asker.ts";
import { typedCommand } from "../../tcp/typed-command.ts";
import { managerCommand } from "../manager-command.ts";
import type { Advice } from "../why.ts";
import { endBySignal } from "./end-listeners.ts";

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

/**
 * The way to start a program anew that its manager would take; a program without one can only be told to end. `ended`: the command for that, where
 * there is a better one than a signal.
 */
export function restartAdvice(owner: Owner | undefined, asker: Asker, why: string, ended?: string): Advice[] {
  if (owner === undefined) return [];
  const managed = managerCommand(owner, asker, "restart");
  if (managed === undefined) {
    const command = ended ?? endBySignal(asker, [owner]);
    return [{ text: `end ${owner.command}, and start it again: ${why}`, command, costs: "downtime" }];
  }
  const { what, command, onlyStops } = managed;
  const then = onlyStops === true ? "; its manager starts it again" : "";
  return [{ text: `restart ${what}${then}: ${why}`, command, costs: "downtime" }];
}

/** A command that only looks: it takes no other right than the answer in which it stands. */
export function lookingCommand({ netns }: Asker, words: readonly string[]): string {
  return typedCommand(words, { netns });
}
