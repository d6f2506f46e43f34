/**
 * SO_REUSEADDR and SO_REUSEPORT of sockets whose descriptor nobody here may look at, from what is known of the others and from what real binds
 * said. Pure. A program that changes them after its bind() can prove each of these wrong; hardly any does.
 */
import type { BindSnapshot, PortHolder } from "../tcp/bind-snapshot.ts";
import { addressesOverlap } from "./address-overlap.ts";
import { heldSide, holderAddress, newSide, onOtherDevice } from "./bind-rules.ts";
import { findConflicts, preparePort } from "./predict-bind.ts";

export function inferOptions(snapshot: BindSnapshot): readonly PortHolder[] {
  const { holders, question } = snapshot;
  if (holders.every(isKnown)) return holders;
  const inferred = question.protocol === "tcp" ? inferFromListeners(inferSharedListeners(holders)) : holders;
  return inferFromProbes(snapshot, inferred);
}

function isKnown({ reuseAddr, reusePort }: PortHolder): boolean {
  return reuseAddr !== undefined && reusePort !== undefined;
}

function isListening({ socket }: PortHolder): boolean {
  return socket.state === "LISTEN";
}

/** Two listeners on one address: the second was let in because both have SO_REUSEPORT. On devices, the kernel's memory can have let it in. */
function inferSharedListeners(holders: readonly PortHolder[]): readonly PortHolder[] {
  const counts = new Map<string, number>();
  const keyOf = ({ socket }: PortHolder): string =>
    `${socket.family} ${socket.local.address} ${socket.v6only} ${socket.local.interface ?? ""}`;
  for (const holder of holders)
    if (isListening(holder)) counts.set(keyOf(holder), (counts.get(keyOf(holder)) ?? 0) + 1);
  if (![...counts.values()].some((count) => count > 1)) return holders;
  return holders.map((holder) =>
    isListening(holder) &&
    holder.reusePort === undefined &&
    holder.socket.local.interface === undefined &&
    (counts.get(keyOf(holder)) ?? 0) > 1
      ? { ...holder, reusePort: true, optionsBy: "inferred" }
      : holder,
  );
}

/**
 * What overlaps a listener without SO_REUSEPORT is its child, a copy of it in both options (sk_clone), TIME-WAIT included; or it was there before,
 * and then the listener's bind passed it because both have SO_REUSEADDR. Either way its SO_REUSEADDR is the listener's.
 */
function inferFromListeners(holders: readonly PortHolder[]): readonly PortHolder[] {
  const listeners = holders.filter(isListening);
  const [only] = listeners;
  const plain = listeners.filter(
    ({ socket, reuseAddr, reusePort }) =>
      reuseAddr !== undefined && reusePort === false && socket.local.interface === undefined,
  );
  if (only === undefined) return holders;
  return holders.map((holder): PortHolder => {
    if (isListening(holder) || holder.reuseAddr !== undefined) return holder;
    // Nobody has a descriptor yet to change them with.
    if (holder.socket.ownerless === "unaccepted" && listeners.length === 1 && isKnown(only))
      return { ...holder, reuseAddr: only.reuseAddr, reusePort: only.reusePort, optionsBy: "inherited" } as PortHolder;
    if (holder.socket.local.interface !== undefined) return holder;
    const address = holderAddress(holder);
    const parent = plain.find((listener) => addressesOverlap(holderAddress(listener), address) === true);
    return parent?.reuseAddr === undefined
      ? holder
      : { ...holder, reuseAddr: parent.reuseAddr, optionsBy: "inherited" };
  });
}

/**
 * A bind with SO_REUSEADDR alone that worked: every holder in its way has it too, and none listens. One that was refused, with a single holder that
 * can be the reason: that one lacks it.
 */
function inferFromProbes(
  { probed, question, settings }: BindSnapshot,
  holders: readonly PortHolder[],
): readonly PortHolder[] {
  const attempt = probed.find(({ reuseAddr, reusePort }) => reuseAddr && !reusePort);
  if (attempt === undefined) return holders;
  const asked = { ...question, reuseAddr: true, reusePort: false };
  const port = preparePort(holders, question.protocol, settings.kernelRelease);
  const { sure, perhaps } = findConflicts(port, asked);
  const N = newSide(asked);
  const meets = (holder: PortHolder): boolean => {
    const O = heldSide(holder, question.protocol);
    return O !== undefined && !onOtherDevice(N, O) && addressesOverlap(N.address, O.address, port.quirks) === true;
  };
  const verdict = attempt.result === "ok" ? sure.length === 0 : attempt.result === "EADDRINUSE" ? false : undefined;
  if (verdict === undefined || (verdict && port.held.length > FEW)) return holders;
  if (!verdict && (sure.length > 0 || perhaps.length !== 1)) return holders;
  const told = new Set(perhaps.filter((holder) => holder.reuseAddr === undefined && meets(holder)));
  if (told.size === 0) return holders;
  return holders.map((holder) => (told.has(holder) ? { ...holder, reuseAddr: verdict, optionsBy: "probe" } : holder));
}

/** Among more UDP sockets than ten the kernel does not look at each; and nobody reads so many. */
const FEW = 10;
