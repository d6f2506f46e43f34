/**
 * "Unknown" is allowed of the kernel's memory of SO_REUSEPORT, and of nothing else: once it is wiped, whoever the rules could not tell about is
 * refused. A bind without SO_REUSEPORT that works wipes it, also one to an address that nobody here has.
 */
import { findConflicts, preparePort } from "../../../src/verdict/predict-bind.ts";
import { serve } from "./checkpoint.ts";
import type { Checkpoint } from "./checkpoint.ts";
import type { Scene } from "./scene.ts";
import { isStill } from "./look.ts";
import { ASIDE } from "./scenario.ts";

export function askForgetful(
  scene: Scene,
  { question, known, holders, strangers }: Checkpoint,
): { readonly kernel?: string; readonly problem?: string } {
  if (question.protocol !== "tcp" || known.bind !== "unknown" || strangers > 0) return {};
  const port = preparePort(holders, "tcp", scene.host.system().kernelRelease);
  if (findConflicts(port, question).perhaps.length > 0) return { problem: "a pair is unknown, though all is known" };
  const { calls } = scene;
  const wipers = ASIDE.map((address) => ({
    address,
    fd: calls.open("tcp", address, { v6only: true, reuseAddr: true, reusePort: false }),
  }));
  try {
    // A wildcard in their way stops some of them, and a listening one all.
    if (wipers.filter(({ fd, address }) => calls.bind(fd, address, question.port) === 0).length === 0) return {};
    const { bind: kernel } = serve(scene, question);
    if (kernel !== "ok") return { kernel };
    // An orphan in FIN-WAIT-1 whose ACK came only now is one in FIN-WAIT-2, and that one lets any user pass.
    const sockets = holders.map(({ socket }) => socket);
    return isStill(scene.host, "tcp", question.port, sockets)
      ? { kernel, problem: "unknown, and bound although nothing is remembered" }
      : {};
  } finally {
    for (const { fd } of wipers) calls.close(fd);
  }
}
