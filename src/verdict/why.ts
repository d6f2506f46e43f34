/** The shape of `why`'s answer, as docs/cli.md promises it. */
import type { Attempt, OptionsBy } from "../tcp/bind-snapshot.ts";
import type { Incomplete, Protocol, Socket } from "../tcp/socket.ts";

export type BlockerRule =
  | "listener"
  | "time-wait"
  | "fin-wait-2"
  | "orphan"
  | "close-wait"
  | "bound"
  | "client"
  | "connection"
  | "unaccepted"
  | "privileged-port"
  | "address-not-local"
  | "scope-missing"
  | "device-not-found"
  | "address-family"
  | "refused"
  | "unseen";

export interface Blocker {
  readonly rule: BlockerRule;
  readonly socket?: Socket;
  /** How many alike are folded into this one. */
  readonly count: number;
  /** When the last of them ends by itself. */
  readonly freeInMs?: number;
  /** What is known of the socket's options, and from where; left out where nothing is. */
  readonly options?: { readonly reuseAddr?: boolean; readonly reusePort?: boolean; readonly by: OptionsBy };
  readonly text: string;
}

export interface Spared {
  readonly socket: Socket;
  readonly count: number;
  readonly text: string;
}

export interface Advice {
  readonly text: string;
  readonly command?: string;
  readonly costs: "nothing" | "data" | "downtime";
}

export interface Why {
  readonly endpoint: {
    readonly protocol: Protocol;
    readonly address: string;
    readonly port: number;
    readonly v6only: boolean;
    readonly interface?: string;
  };
  readonly bindable: boolean;
  readonly attempts: readonly Attempt[];
  readonly blockers: readonly Blocker[];
  /** Bindable as asked, but what a program that does not set SO_REUSEADDR would still run into. */
  readonly withoutReuseAddr?: readonly Blocker[];
  /** Bindable as asked, with SO_REUSEPORT; what a program that does not set it would run into, by the rules. */
  readonly withoutReusePort?: readonly Blocker[];
  /** Bindable, and these are bound beside it with SO_REUSEADDR: whoever listens first keeps the other from it. */
  readonly rivals?: readonly Spared[];
  readonly spared: readonly Spared[];
  /** Listeners on this port in other network namespaces: not in the way, but often the reason for the confusion. */
  readonly elsewhere: readonly {
    readonly netns: number;
    readonly names: readonly string[];
    readonly socket: Socket;
    readonly text: string;
  }[];
  readonly advice: readonly Advice[];
  readonly incomplete: readonly Incomplete[];
}
