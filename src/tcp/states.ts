/**
 * THE table of TCP states: RFC 9293 section 3.3.2's names, the kernel's numbers (include/net/tcp_states.h) and the spellings that ss
 * takes. No other file may spell a state in another way.
 *
 * `BOUND` is ours: a socket that holds a port and neither listens nor is connected. The kernel reports it as TCP_CLOSE and selects
 * it with bit 13 of idiag_states (TCP_BOUND_INACTIVE, since 6.8). A connected UDP socket is ESTABLISHED, an unconnected one BOUND.
 */
export const STATES = [
  { name: "ESTABLISHED", kernel: 1, ss: "established", also: ["estab"], short: "ESTAB" },
  { name: "SYN-SENT", kernel: 2, ss: "syn-sent", also: [], short: "SYN-SENT" },
  { name: "SYN-RECEIVED", kernel: 3, ss: "syn-recv", also: ["syn-received", "syn-rcv"], short: "SYN-RECV" },
  { name: "FIN-WAIT-1", kernel: 4, ss: "fin-wait-1", also: ["fin-wait1"], short: "FIN-WAIT-1" },
  { name: "FIN-WAIT-2", kernel: 5, ss: "fin-wait-2", also: ["fin-wait2"], short: "FIN-WAIT-2" },
  { name: "TIME-WAIT", kernel: 6, ss: "time-wait", also: ["timewait"], short: "TIME-WAIT" },
  { name: "CLOSED", kernel: 7, ss: "closed", also: ["unconnected", "unconn", "close"], short: "UNCONN" },
  { name: "CLOSE-WAIT", kernel: 8, ss: "close-wait", also: ["closewait"], short: "CLOSE-WAIT" },
  { name: "LAST-ACK", kernel: 9, ss: "last-ack", also: ["lastack"], short: "LAST-ACK" },
  { name: "LISTEN", kernel: 10, ss: "listening", also: ["listen"], short: "LISTEN" },
  { name: "CLOSING", kernel: 11, ss: "closing", also: [], short: "CLOSING" },
  { name: "BOUND", kernel: 13, ss: "bound-inactive", also: ["bound"], short: "UNCONN" },
] as const;

export type SocketState = (typeof STATES)[number]["name"];

/** A set of states as the kernel's bits: bit n is the state with the kernel's number n (idiag_states). */
export type StateMask = number;

const BY_KERNEL: (SocketState | undefined)[] = [];
const KERNEL_BY_NAME = new Map<string, number>();
for (const state of STATES) {
  BY_KERNEL[state.kernel] = state.name;
  KERNEL_BY_NAME.set(state.name, state.kernel);
}
BY_KERNEL[12] = "SYN-RECEIVED"; // TCP_NEW_SYN_RECV: a request socket

/** The state with the kernel's number; undefined for a number that no kernel known to us uses. */
export function stateOfKernel(kernel: number): SocketState | undefined {
  return BY_KERNEL[kernel];
}

export function kernelOfState(state: SocketState): number {
  return KERNEL_BY_NAME.get(state) ?? 0;
}

export function maskOf(...states: SocketState[]): StateMask {
  let mask = 0;
  for (const state of states) mask |= 1 << kernelOfState(state);
  return mask;
}

/** Does the set hold this state? */
export function maskHas(mask: StateMask, state: SocketState): boolean {
  return (mask & (1 << kernelOfState(state))) !== 0;
}

/** Every state, bound-only sockets included. */
export const ALL_STATES: StateMask = maskOf(...STATES.map((state) => state.name));

const connected = ALL_STATES & ~maskOf("LISTEN", "CLOSED", "BOUND");

/** The state groups of ss (man ss, STATE-FILTER). `all` leaves bound-only sockets out, as ss does. */
export const STATE_GROUPS: Readonly<Record<string, StateMask>> = {
  all: ALL_STATES & ~maskOf("BOUND"),
  connected,
  synchronized: connected & ~maskOf("SYN-SENT"),
  bucket: maskOf("SYN-RECEIVED", "TIME-WAIT"),
  big: ALL_STATES & ~maskOf("SYN-RECEIVED", "TIME-WAIT", "BOUND"),
};

/** States of one word: RFC 9293's name or any of ss's spellings, in any case; undefined for a word that names none. */
export function maskOfWord(word: string): StateMask | undefined {
  const wanted = word.toLowerCase();
  for (const state of STATES) {
    if (
      state.name.toLowerCase() === wanted ||
      state.ss === wanted ||
      (state.also as readonly string[]).includes(wanted)
    ) {
      return 1 << state.kernel;
    }
  }
  return Object.hasOwn(STATE_GROUPS, wanted) ? STATE_GROUPS[wanted] : undefined;
}

/** Every word that names a state or a group, for suggestions and help. */
export function stateWords(): string[] {
  return [...STATES.flatMap((state) => [state.ss, ...state.also]), ...Object.keys(STATE_GROUPS)];
}
