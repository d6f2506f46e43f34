/** Blockers are what they are called: take exactly them away and the bind works, leave any one and it does not. */
import { findConflicts, preparePort } from "../../../src/verdict/predict-bind.ts";
import { check, disagreement } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { destroySocket } from "./destroy.ts";
import type { Scene } from "./scene.ts";
import type { Socket } from "../../../src/tcp/socket.ts";
import type { Stage } from "./stage.ts";

export interface Removal {
  readonly checks: number;
  readonly removed: number;
  readonly problem?: string;
  readonly checkpoint?: Checkpoint;
}

export function removeBlockers(scene: Scene, stage: Stage, point: Checkpoint, seed: number): Removal {
  const { question, holders, known } = point;
  if (known.bind !== "EADDRINUSE") return { checks: 0, removed: 0 };
  const { sure, perhaps } = findConflicts(
    preparePort(holders, question.protocol, scene.host.system().kernelRelease),
    question,
  );
  // Which of them it is hangs on an order that cannot be seen.
  if (perhaps.length > 0) return { checks: 0, removed: 0 };
  const blockers = sure.map(({ socket }) => socket);
  // Which one is left for last changes with the seed: over many scenarios it is each of them.
  const last = blockers[seed % blockers.length];
  if (last === undefined) return { checks: 0, removed: 0, problem: "refused, and nobody blocks", checkpoint: point };
  for (const socket of blockers) if (socket !== last) remove(scene, stage, socket);
  const one = check(scene, stage, question);
  // One that went on meanwhile, from FIN-WAIT-1 to FIN-WAIT-2, is another blocker or none.
  const isThere = one.sockets.some(({ cookie, state }) => cookie === last.cookie && state === last.state);
  if (!one.moved) {
    const problem =
      disagreement(one) ??
      (isThere && one.kernel.bind === "ok" && one.known.bind !== "unknown" && !isLongSlot(one)
        ? "bound past the last blocker"
        : undefined);
    if (problem !== undefined)
      return { checks: 1, removed: 0, problem: `one blocker left: ${problem}`, checkpoint: one };
  }
  const left = one.sockets.find(({ cookie }) => cookie === last.cookie);
  if (left !== undefined) remove(scene, stage, left);
  const none = check(scene, stage, question);
  const problem = none.moved
    ? undefined
    : (disagreement(none) ??
      (none.kernel.bind === "ok" || none.known.bind === "unknown" ? undefined : `still ${none.kernel.bind}`));
  return {
    checks: 2,
    removed: blockers.length,
    ...(problem === undefined ? {} : { problem: `no blocker left: ${problem}`, checkpoint: none }),
  };
}

/** Of more than ten UDP sockets not all are looked at. */
function isLongSlot({ question, sockets }: Checkpoint): boolean {
  return question.protocol === "udp" && sockets.length > 10;
}

/** A connection is destroyed first: its close() alone would leave a TIME-WAIT. */
function remove(scene: Scene, stage: Stage, socket: Socket): void {
  const fd = stage.fds.get(socket.cookie ?? "");
  const { state, local } = socket;
  if (socket.protocol === "tcp" && state !== "LISTEN" && state !== "BOUND") {
    const device = scene.host.interfaces().find(({ name }) => name === local.interface)?.index ?? 0;
    destroySocket(scene.libc, socket, device);
  }
  if (fd === undefined) return;
  scene.calls.close(fd);
  stage.fds.delete(socket.cookie ?? "");
}
