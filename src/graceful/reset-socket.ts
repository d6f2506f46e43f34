/** A reset instead of a close. */
import type { Socket } from "node:net";

const reset = new WeakSet<Socket>();

/** RST: close() with SO_LINGER 0. Sockets that are no TCP sockets (a pipe, a stream of one's own) know none and are destroyed. */
export function resetSocket(raw: Socket): void {
  if (raw.destroyed) return;
  reset.add(raw);
  try {
    raw.resetAndDestroy();
  } catch {
    raw.destroy();
  }
}

export function wasReset(raw: Socket): boolean {
  return reset.has(raw);
}
