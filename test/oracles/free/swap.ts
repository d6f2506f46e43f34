/** Between plan and act: what no program held is gone, and somebody listens with its address and port. */
import { loadLibc } from "../../../src/host/linux/libc.ts";
import { destroySocket } from "../bind/destroy.ts";
import type { Ground } from "./ground.ts";
import type { Swap, Played, World } from "./played.ts";
import { ROOT } from "./scene.ts";
import { Missed, Stage } from "./stage.ts";

/** The program of an outgoing connection takes it back and listens with the same socket, which keeps its cookie. */
async function turnOne(played: Played, before: World): Promise<Swap | undefined> {
  for (const [cookie, { occupant, bystander: end }] of played.pieces) {
    const socket = before.get(cookie)?.socket;
    if (end === undefined || occupant.kind !== "client" || occupant.chosen || socket?.state !== "ESTABLISHED") continue;
    const [answer] = await end.by.call("listenInstead", { fds: [end.fd] });
    return answer === "ok" ? { gone: cookie, server: cookie } : { gone: cookie };
  }
  return undefined;
}

/** Undefined: there is nobody whose place can be taken. */
export async function swapOne(ground: Ground, played: Played, before: World): Promise<Swap | undefined> {
  const loaded = loadLibc();
  if ("why" in loaded) throw new Error(loaded.why);
  for (const cookie of played.pieces.keys()) {
    const socket = before.get(cookie)?.socket;
    if (socket === undefined || socket.inode !== undefined || socket.local.interface !== undefined) continue;
    if (destroySocket(loaded.libc, socket, 0) !== "ok") continue;
    const address = socket.local.address.replace("::ffff:", "");
    const stage = new Stage(ground, played);
    try {
      const binding = { address, v6only: address.includes(":"), reuseAddr: true, reusePort: false };
      const fd = stage.listening(binding, played.port, ROOT);
      const end = stage.give(fd, ground.bystanders.second);
      const server = ground.calls.cookie(fd);
      const [taken] = await end.by.call("take", { fds: [fd] });
      ground.calls.close(fd);
      end.fd = taken!;
      played.listeners.push({ end, address, port: played.port, beyond: false });
      return { gone: cookie, server };
    } catch (error) {
      if (!(error instanceof Missed)) throw error;
      return { gone: cookie };
    }
  }
  return turnOne(played, before);
}
