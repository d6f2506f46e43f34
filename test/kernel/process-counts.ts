/** Children of another process, by what they are. */
import { readFileSync } from "node:fs";
import { stateOf } from "./started-command.ts";

export function ownChildrenOf(pid: number): { readonly alive: number; readonly zombies: number } {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean).map(Number);
  const zombies = children.filter((child) => stateOf(child) === "Z").length;
  return { alive: children.length - zombies, zombies };
}
