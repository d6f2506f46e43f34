/** Bound first, listening second: what listen() says when others came to listen in between. */
import { errnoName } from "../../../src/base/errno.ts";
import { predictConflict, preparePort } from "../../../src/verdict/predict-bind.ts";
import type { Checkpoint } from "./checkpoint.ts";
import { isStill, socketsOf, withHidden } from "./look.ts";
import type { Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";

export function listenAfterRivals(
  scene: Scene,
  stage: Stage,
  { question, kernel, strangers }: Checkpoint,
): { readonly kernel?: string; readonly problem?: string } {
  const { calls, host } = scene;
  const { protocol, address, port, uid = 0 } = question;
  if (protocol === "udp" || kernel.bind !== "ok") return {};
  const fd = calls.as(uid, () => calls.open(protocol, address, question));
  try {
    const bound = calls.as(uid, () => calls.bind(fd, address, port));
    // The second probe can wipe the memory by which the first bind passed.
    if (bound < 0) return question.reusePort ? {} : { problem: `bound once, and then ${errnoName(-bound)}` };
    if (!stage.listenLate()) return {};
    const mine = calls.cookie(fd);
    const others = withHidden(socketsOf(host, protocol, port), stage).holders.filter(
      ({ socket }) => socket.cookie !== mine,
    );
    const predicted = predictConflict(preparePort(others, protocol, host.system().kernelRelease), question);
    const listening = calls.as(uid, () => calls.listen(fd));
    const answer = listening < 0 ? errnoName(-listening) : "ok";
    const mayBeUnknown = question.reusePort || strangers > 0;
    if (predicted === answer || (predicted === "unknown" && mayBeUnknown)) return { kernel: answer };
    const before = others.map(({ socket }) => socket);
    return isStill(host, protocol, port, before, mine)
      ? { kernel: answer, problem: `listen() after others: predicted ${predicted}, the kernel said ${answer}` }
      : {};
  } finally {
    calls.close(fd);
    stage.listenLate();
  }
}
