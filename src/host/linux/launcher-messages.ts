/**
 * What the keeper and a launcher say to each other over the launcher's descriptor 3: a length (u32, little-endian) and so many bytes of JSON.
 * Texts that go to execve(2) are bytes, not Unicode: they travel as Latin-1, a character a byte.
 */

/**
 * The launcher's descriptors, as the keeper lays them out: under a filter, the memory of the last call and notification descriptors of lives
 * that go on; then what the program gets.
 */
export const CONTROL_FD = 3;
export const LAST_CALL_FD = 4;

/** The command line's hidden first word, with which it is a launcher. */
export const LAUNCHER_WORD = "--portmortem-launcher";
/** The variable with which it is told, as "1", that it is not to be under a filter. The program does not get it. */
export const UNFILTERED = "PORTMORTEM_UNFILTERED";

export type FromLauncher =
  | {
      readonly kind: "ready";
      /** The launcher's own number of it; left out: no filter was asked for. */
      readonly notifyFd?: number;
      /** PR_SET_NO_NEW_PRIVS had to be set: programs it starts gain no rights by their set-user-ID bit. */
      readonly noNewPrivs: boolean;
      /** A signal cannot interrupt a call that was received (SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV, Linux 5.19). */
      readonly waitKillable?: boolean;
    }
  /** Nothing can be kept from here. */
  | { readonly kind: "unable"; readonly step: string; readonly errno: string }
  /** execve(2) refused; the launcher ends. */
  | { readonly kind: "failed"; readonly errno: string; readonly path: string };

/** What the launcher does when the gate opens. */
export interface LaunchOrder {
  /** Tried in this order, as a shell tries the folders of PATH. */
  readonly paths: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly string[];
  /** The process group to join: the keeper's own, so that a terminal's Ctrl-C reaches the program. */
  readonly processGroup: number;
  /** Descriptors that the program may have open, as it was before Node raised it; left out: as it is. */
  readonly softNofile?: number;
  /** The launcher's numbers of what the program gets as 3, 4, 5 … */
  readonly passed: readonly number[];
}

export function encodeFrame(message: FromLauncher | LaunchOrder): Uint8Array {
  const text = Buffer.from(JSON.stringify(message), "utf8");
  const frame = Buffer.allocUnsafe(4 + text.length);
  frame.writeUInt32LE(text.length, 0);
  text.copy(frame, 4);
  return frame;
}

/** Takes one whole message from the front of `bytes`, and says how many bytes it was; undefined: there is none yet. */
export function decodeFrame(bytes: Uint8Array): { readonly message: unknown; readonly length: number } | undefined {
  if (bytes.length < 4) return undefined;
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (bytes.length < 4 + length) return undefined;
  const text = Buffer.from(bytes.buffer, bytes.byteOffset + 4, length).toString("utf8");
  return { message: JSON.parse(text) as unknown, length: 4 + length };
}

/** Bytes with the zero at their end that the C library wants. */
export function bytesOf(latin1: string): Uint8Array {
  return Buffer.from(`${latin1}\0`, "latin1");
}

/** Text as it would be in an argument or a variable: UTF-8. */
export function latin1Of(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}
