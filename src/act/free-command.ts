/** `free` as it can be typed, for what it did not do: what was said of the bind and wished for is said again. Pure. */
import { bindCommand } from "../tcp/bind-command.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import { GRACE_MS } from "./planned-step.ts";
import type { FreeWish } from "./planned-step.ts";

export function freeCommand(
  { question, settings }: BindSnapshot,
  { force, tree, container, clients, waitMs, graceMs }: Omit<FreeWish, "command">,
  { more, asRoot }: { readonly more: readonly string[]; readonly asRoot: boolean },
): string {
  const said = [
    ...(waitMs === 0 || more.includes("--wait") ? [] : ["--wait", durationWord(waitMs)]),
    ...(graceMs === GRACE_MS ? [] : ["--grace", durationWord(graceMs)]),
    ...(clients === "drop" ? ["--drop-clients"] : []),
    ...(force ? ["--force"] : []),
    ...(tree ? ["--tree"] : []),
    ...(container ? ["--container"] : []),
  ];
  return bindCommand({ verb: "free", question, asker: settings.asker, asRoot, options: [...said, ...more] });
}

function durationWord(ms: number): string {
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
