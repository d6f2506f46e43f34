/** Timers of many connections that are begun together: one of Node's for all that ask for the same time in one turn. */

interface Group {
  readonly ms: number;
  readonly works: Set<() => void>;
  readonly timer: NodeJS.Timeout;
}

let open: Group | undefined;

/** Calls `work` once in `ms`; answers how to prevent that. */
export function afterMs(ms: number, work: () => void): () => void {
  const group = open?.ms === ms ? open : openGroup(ms);
  group.works.add(work);
  return () => {
    group.works.delete(work);
    if (group.works.size === 0 && group !== open) clearTimeout(group.timer);
  };
}

function openGroup(ms: number): Group {
  const works = new Set<() => void>();
  const timer = setTimeout(() => callAll(works), ms);
  const group = { ms, works, timer };
  open = group;
  // Whoever asks in the next turn waits from then on.
  queueMicrotask(() => {
    if (open === group) open = undefined;
    if (works.size === 0) clearTimeout(timer);
  });
  return group;
}

/** What one of them throws is for the program to hear of, and keeps none of the others waiting. */
function callAll(works: Set<() => void>): void {
  try {
    for (const one of works) {
      works.delete(one);
      one();
    }
  } finally {
    if (works.size > 0) setImmediate(callAll, works);
  }
}
