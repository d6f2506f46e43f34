/** What keep() tells: what its keeper does, and what comes before. */
import type { KeepMode } from "./keep-options.ts";
import type { KeeperEvent } from "./keeper-events.ts";

/** What happens, each with its event's other fields: `keeper.on("started", ({ pid }) => …)`. */
export type KeeperEvents = {
  readonly [K in KeepNews["kind"]]: [NewsOf<KeepNews, K>];
} & {
  /** Each of them. */
  readonly event: [KeepNews];
};

type NewsOf<News, K> = News extends { readonly kind: infer Kinds } ? (K extends Kinds ? News : never) : never;

export type KeepNews =
  | KeeperEvent
  /** How it is kept, and why not in a better way. */
  | { readonly kind: "mode"; readonly mode: KeepMode; readonly instead: readonly ModeRefusal[] }
  /** Something was in the way of a port before the start, and is not any more. */
  | { readonly kind: "cleared"; readonly port: number; readonly text: string }
  /** Whoever has the port was asked to end, and is waited for. */
  | { readonly kind: "taking"; readonly port: number; readonly text: string }
  /** stop() was called, or the program is to end for good. */
  | { readonly kind: "stopping" }
  /** Something alive is in the way of a restart, and is waited for. */
  | { readonly kind: "port-taken"; readonly text: string };

export interface ModeRefusal {
  readonly mode: KeepMode;
  readonly why: string;
}
