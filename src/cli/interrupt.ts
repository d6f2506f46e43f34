/** Ctrl-C, a polite end and a terminal that went away, while something is being done: it is stopped in order, and what was done is said. */

/** In the kernel's order of numbers. */
const SIGNALS = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 } as const;

export interface Interrupt {
  readonly signal: AbortSignal;
  /** 128 and the number of the signal that came first; undefined: none came. */
  readonly status: () => number | undefined;
  /** From now on a signal ends the program as ever. */
  readonly release: () => void;
}

/** From now on the signals are heard. */
export function hearInterrupts(): Interrupt {
  const controller = new AbortController();
  let status: number | undefined;
  const hear = (name: NodeJS.Signals): void => {
    status ??= 128 + SIGNALS[name as keyof typeof SIGNALS];
    controller.abort();
  };
  const names = Object.keys(SIGNALS) as (keyof typeof SIGNALS)[];
  for (const name of names) process.on(name, hear);
  return {
    signal: controller.signal,
    status: () => status,
    release: () => {
      for (const name of names) process.off(name, hear);
    },
  };
}
