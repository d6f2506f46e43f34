/**
 * Who is never part of somebody else's program: this command and those that it was started by, and whatever keeps other things alive too.
 * Pure.
 */
import type { ProcessNode } from "../tcp/process-node.ts";
import { lastPart } from "../tcp/program-words.ts";
import { keeperOf } from "./service-keepers.ts";

export interface Protection {
  readonly kind: "init" | "self" | "ancestor" | "shell" | "keeper";
  /** One clause, for "NAME (pid N) is left alone: …". */
  readonly text: string;
}

/** By pid: who of them must be left alone when a program is ended as a whole. */
export function findProtected(
  nodes: ReadonlyMap<number, ProcessNode>,
  self: { readonly pid: number; readonly ancestors: readonly number[] },
): ReadonlyMap<number, Protection> {
  const found = new Map<number, Protection>();
  for (const node of nodes.values()) {
    const protection = protectionOf(node, self);
    if (protection !== undefined) found.set(node.pid, protection);
  }
  return found;
}

function protectionOf(
  node: ProcessNode,
  self: { readonly pid: number; readonly ancestors: readonly number[] },
): Protection | undefined {
  const { pid, args } = node;
  if (pid === 1) return { kind: "init", text: "it is process 1, and the whole system ends with it" };
  if (pid === self.pid) return { kind: "self", text: "it is this command" };
  if (self.ancestors.includes(pid)) return { kind: "ancestor", text: "this command was started by it" };
  const keeper = keeperOf(node);
  if (keeper !== undefined) return { kind: "keeper", text: keeper };
  return readsCommands(args) ? { kind: "shell", text: "a shell that is given its commands one by one" } : undefined;
}

const SHELL = /^(?:(?:ba|da|z|k|mk|lk|c|tc|fi|a|ya)?sh|nu|elvish|xonsh|pwsh)$/;
/** Options whose next word is their value. */
const WITH_VALUE = /^(?:--rcfile|--init-file|[-+][oO]|--config|--env-config|-C|--init-command)$/;

/** A shell without a script and without -c: its next command comes from a person, or from a pipe. */
export function readsCommands(args: readonly string[]): boolean {
  if (!SHELL.test(lastPart(args[0] ?? "").replace(/^-/, ""))) return false;
  for (let at = 1; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === "-s") return true;
    if (/^-[a-z]*c$/i.test(arg) && arg !== "-C") return false;
    if (WITH_VALUE.test(arg)) at++;
    else if (!/^[-+]./.test(arg)) return false;
  }
  return true;
}
