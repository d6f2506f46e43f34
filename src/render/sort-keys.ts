/** What `ls` can sort by. */
export const SORT_KEYS = ["state", "port", "local", "peer", "process", "queue", "timer", "none"] as const;
export type SortKey = (typeof SORT_KEYS)[number];
