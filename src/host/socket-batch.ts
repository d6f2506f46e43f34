/** What a dump hands over, piece by piece: both for looking (host.ts) and for naming what is to be acted on (actions.ts). */
import type { Socket } from "../tcp/socket.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import type { SocketState } from "../tcp/states.ts";

/** Sockets as the kernel handed them over. Asking for one thing of each (its state) does not decode the rest. */
export interface SocketBatch {
  readonly length: number;
  stateAt(index: number): SocketState;
  socketAt(index: number): Socket;
  /** The fast lane, for a host that has one: fills the row, or answers false when only `socketAt` can say all that there is. */
  rowAt?(index: number, row: SocketRow): boolean;
}
