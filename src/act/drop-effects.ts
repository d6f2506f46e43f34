/** What the two ends of a connection see when it is ended: docs/kernel/sock-destroy.md has it state by state, as it was seen on the kernel. */
import type { DropGroup, DropWay } from "../tcp/drop-plan.ts";
import type { Socket } from "../tcp/socket.ts";

export function effectText(group: DropGroup, way: DropWay): string {
  if (way === "shutdown")
    return "shut in order; what was written is still delivered, then both ends read the end of the stream";
  switch (group.class) {
    case "time-wait":
      return `cleared; no program holds ${them(group)}, and nobody is told`;
    case "fin-wait-2":
      return `cleared; no program here holds ${them(group)}, and the peer is told only once it sends something`;
    case "orphan":
      return `cleared; no program here holds ${them(group)}, what was not delivered yet is lost, and ${peerText(group.state)}`;
    case "unheld":
      return group.state === "SYN-RECEIVED"
        ? "given up before any program has seen it; the peer is not told: what it sends next is reset, or, where it still asks, answered anew"
        : "ended; the peer gets ECONNRESET, and the program that accepts it finds it ended";
    case "held":
      return heldText(group.state, way);
  }
}

function heldText(state: Socket["state"], way: "destroy" | "reset"): string {
  const own = way === "reset" ? "gets ECONNRESET" : (OWN[state] ?? "gets ECONNABORTED");
  const peer = peerText(state);
  switch (state) {
    case "SYN-SENT":
      return `given up; its program ${own}, and ${peer}`;
    case "FIN-WAIT-2":
      return `${VERB[way]}; its program ${own}, and ${peer}`;
    case "CLOSING":
    case "LAST-ACK":
      return `${VERB[way]}; its program ${own}, what was not delivered is lost, and ${peer}`;
    default:
      return way === "reset"
        ? "reset; both ends get ECONNRESET, and what was not delivered is lost"
        : `ended; its program ${own}, the peer ECONNRESET, and what was not delivered is lost`;
  }
}

const VERB = { destroy: "ended", reset: "reset" } as const;

/** Whoever has read the peer's FIN reads no error (SOCK_DONE). */
const OWN: Partial<Record<Socket["state"], string>> = {
  "CLOSE-WAIT": "gets ECONNABORTED once it writes",
  CLOSING: "reads the end of the stream",
  "LAST-ACK": "reads the end of the stream",
};

/** A reset is sent for the states of tcp_need_reset(): SYN-SENT, CLOSING and LAST-ACK end without a word. */
function peerText(state: Socket["state"]): string {
  switch (state) {
    case "SYN-SENT":
      return "the peer is not told";
    case "FIN-WAIT-2":
      return "the peer gets EPIPE once it writes";
    case "CLOSING":
      return "the peer gets ECONNRESET once it sends its FIN again";
    case "LAST-ACK":
      return "the peer is not told: it waits for an end that does not come";
    default:
      return "the peer gets ECONNRESET";
  }
}

export function them({ count }: DropGroup): string {
  return count === 1 ? "it" : "them";
}
