/** A container's port: which container has to stop, and whether that is done here. Its processes are never signalled. Pure. */
import { durationText } from "../base/duration.ts";
import type { ContainerBehind } from "../tcp/container-state.ts";
import type { FreeRefusal } from "../tcp/free-plan.ts";
import type { Socket } from "../tcp/socket.ts";
import { endContainer } from "../verdict/container-advice.ts";
import type { ContainerEnding } from "../verdict/container-advice.ts";
import type { FreeFacts } from "./free-facts.ts";
import type { FreeWish, PlannedFree, PlannedStep } from "./planned-step.ts";

export function planContainers(held: readonly Socket[], facts: FreeFacts, wish: FreeWish): PlannedFree {
  const steps: PlannedStep[] = [];
  const refused: FreeRefusal[] = [];
  const seen = new Set<string>();
  for (const { socket, pid, behind, ending } of containerHolds(held, facts)) {
    const { container, advice } = ending;
    // One container most often holds a port by several processes and sockets.
    const key = container?.id ?? advice.text;
    if (seen.has(key)) continue;
    seen.add(key);
    const whyNot = whyNotStop(behind, ending);
    if (container !== undefined && whyNot === undefined && wish.container) {
      const name = container.name ?? container.id.slice(0, 12);
      const text = `the container ${name} (${container.runtime}): stopped by its engine, which kills it after ${durationText(wish.graceMs)}`;
      steps.push({ kind: "container", step: { kind: "container", container, pid, text }, container });
      continue;
    }
    const more = whyNot?.text ?? "or let --container do it";
    refused.push({
      count: 1,
      socket,
      pid,
      lacks: whyNot?.lacks ?? "option",
      text: `${advice.text}; ${more}`,
      command: whyNot?.lacks === "right" && wish.container ? wish.command([], true) : advice.command,
    });
  }
  return { steps, refused };
}

interface ContainerHold {
  readonly socket: Socket;
  readonly pid: number;
  readonly behind: ContainerBehind;
  readonly ending: ContainerEnding;
}

export function containerHolds(held: readonly Socket[], { containers, snapshot }: FreeFacts): ContainerHold[] {
  const sudo = snapshot.settings.rootPrefix.startsWith("sudo ") ? "sudo " : "";
  return held.flatMap((socket) =>
    (socket.owners ?? []).flatMap((owner) => {
      const behind = containers.get(owner.pid);
      if (behind === undefined) return [];
      const ending = endContainer({ owner, protocol: socket.protocol, port: socket.local.port, behind, sudo });
      return ending === undefined ? [] : [{ socket, pid: owner.pid, behind, ending }];
    }),
  );
}

function whyNotStop(
  { engine, unasked }: ContainerBehind,
  { container, staysStopped }: ContainerEnding,
): Pick<FreeRefusal, "lacks" | "text"> | undefined {
  const failure = [...(engine === undefined ? [] : [engine]), ...unasked].find((answer) => "failure" in answer);
  if (failure !== undefined && "failure" in failure)
    return { text: failure.why, lacks: failure.failure === "right" ? "right" : "container" };
  if (container === undefined) return { text: "which one could not be told", lacks: "container" };
  return staysStopped === false ? { text: "it would be started again at once", lacks: "container" } : undefined;
}
