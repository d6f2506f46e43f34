/** A port that was free and is taken again: by whom, who started that one, and how it is kept from coming back. Pure. */
import type { FreeResult } from "../tcp/free-plan.ts";
import type { Supervisor } from "../tcp/process-node.ts";
import { parentRestarterOf } from "../verdict/supervisors.ts";
import type { FreeFacts } from "./free-facts.ts";
import { nameOf } from "./plan-ending.ts";

/** `known`: the cookies of all sockets of the port that were seen before anything was done. Undefined: none is new. */
export function findCameBack(before: FreeFacts, now: FreeFacts, known: ReadonlySet<string>): FreeResult["cameBack"] {
  const back = now.verdict.blocking.find(
    ({ rule, holder: { socket } }) =>
      (rule === "listener" || rule === "bound") && socket.cookie !== undefined && !known.has(socket.cookie),
  );
  if (back === undefined) return undefined;
  const { socket } = back.holder;
  const owner = now.family.nodes.get(socket.owners?.[0]?.pid ?? -1);
  if (owner === undefined) return { socket, text: "another program has it now" };
  // Who would have started the old one again is not to blame for a new one that is another's.
  const restarter = now.supervisors.find(({ restarts }) => restarts !== "change") ?? parentOf(owner.pid, before, now);
  if (restarter === undefined) return { socket, text: `${nameOf(owner)} has it now` };
  const { text, command } = restarter;
  return { socket, text: `${nameOf(owner)} has it again: ${text}`, ...(command === undefined ? {} : { command }) };
}

/** Not us, nor who has us to wait for: from there it was started for the first time. */
function parentOf(pid: number, before: FreeFacts, { family, snapshot }: FreeFacts): Supervisor | undefined {
  const parent = parentRestarterOf(family.nodes, pid, before.family.nodes, snapshot.settings.asker);
  const isOurs = parent?.pid !== undefined && [family.self.pid, ...family.self.ancestors].includes(parent.pid);
  return isOurs ? undefined : parent;
}
