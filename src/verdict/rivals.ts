/**
 * Sockets that do not stand in the way of a bind and can spoil what comes after it: bound beside it with SO_REUSEADDR, and free to listen. Whoever
 * listens first keeps the other from listening. Pure.
 */
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import { addressesOverlap } from "./address-overlap.ts";
import { heldSide, newSide, onOtherDevice, shareByReusePort } from "./bind-rules.ts";
import { describe, ownersText } from "./holder-rule.ts";
import type { Spared } from "./why.ts";

export function findRivals({ question, holders }: BindSnapshot): Spared[] {
  if (question.protocol !== "tcp") return [];
  const N = newSide(question);
  return holders.flatMap((holder) => {
    const { socket } = holder;
    const O = socket.state === "BOUND" ? heldSide(holder, "tcp") : undefined;
    if (O === undefined || onOtherDevice(N, O) || shareByReusePort(N, O) === true) return [];
    if (addressesOverlap(N.address, O.address) !== true) return [];
    const owners =
      socket.owners === undefined || socket.owners.length === 0 ? "" : `, held by ${ownersText(socket.owners)}`;
    return [
      {
        socket,
        count: 1,
        text: `${describe("bound", socket, 1)}${owners}: of the two, the one that listens first keeps the other from listening (EADDRINUSE)`,
      },
    ];
  });
}
