/** Since when SOCK_DESTROY can be trusted with what no program holds (docs/kernel/sock-destroy.md). */

/** TIME-WAIT, and the FIN-WAIT-2 that the kernel keeps in the same way: af9784d007d8. */
export const TIME_WAIT_SINCE = [6, 0] as const;
/** Orphans: bac76cf89816, before which it could leave them for ever. */
export const ORPHANS_SINCE = [6, 11] as const;
