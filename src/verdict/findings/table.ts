/** Every finding that `doctor` knows, in the order in which it tells them. */
import { ACCEPT_QUEUE_FULL } from "./accept-queue-full.ts";
import { ACCEPT_QUEUE_OVERFLOW } from "./accept-queue-overflow.ts";
import { BACKLOG_CAPPED } from "./backlog-capped.ts";
import { CLOSE_WAIT_PILE } from "./close-wait-pile.ts";
import { DESCRIPTORS_LOW } from "./descriptors-low.ts";
import { FILE_HANDLES_LOW } from "./file-handles-low.ts";
import { FIN_WAIT_2_HELD } from "./fin-wait-2-held.ts";
import type { FindingDefinition } from "./finding.ts";
import { HALF_OPEN } from "./half-open.ts";
import { KEEPALIVE_SLOW } from "./keepalive-slow.ts";
import { LISTENER_IN_PORT_RANGE } from "./listener-in-port-range.ts";
import { LISTENER_LEFT_BEHIND } from "./listener-left-behind.ts";
import { LISTENER_NEVER_ACCEPTS } from "./listener-never-accepts.ts";
import { LISTENER_SHADOWED } from "./listener-shadowed.ts";
import { LISTENER_STOPPED } from "./listener-stopped.ts";
import { LOCAL_PORTS_LOW } from "./local-ports-low.ts";
import { ORPHANS_LIMIT } from "./orphans-limit.ts";
import { ORPHANS_STUCK } from "./orphans-stuck.ts";
import { PORT_SPLIT } from "./port-split.ts";
import { REUSEPORT_MIXED } from "./reuseport-mixed.ts";
import { SYSCTL_GONE } from "./sysctl-gone.ts";
import { SYSCTL_HARMFUL } from "./sysctl-harmful.ts";
import { SYSCTL_NO_EFFECT } from "./sysctl-no-effect.ts";
import { SYSCTL_NOT_IN_FORCE } from "./sysctl-not-in-force.ts";
import { TIME_WAIT_LIMIT } from "./time-wait-limit.ts";
import { TIME_WAIT_PILE } from "./time-wait-pile.ts";

export const FINDINGS: readonly FindingDefinition[] = [
  LISTENER_STOPPED,
  ACCEPT_QUEUE_FULL,
  LISTENER_NEVER_ACCEPTS,
  DESCRIPTORS_LOW,
  FILE_HANDLES_LOW,
  LOCAL_PORTS_LOW,
  CLOSE_WAIT_PILE,
  FIN_WAIT_2_HELD,
  ORPHANS_LIMIT,
  ORPHANS_STUCK,
  ACCEPT_QUEUE_OVERFLOW,
  BACKLOG_CAPPED,
  TIME_WAIT_LIMIT,
  TIME_WAIT_PILE,
  HALF_OPEN,
  KEEPALIVE_SLOW,
  LISTENER_SHADOWED,
  REUSEPORT_MIXED,
  PORT_SPLIT,
  LISTENER_IN_PORT_RANGE,
  LISTENER_LEFT_BEHIND,
  SYSCTL_HARMFUL,
  SYSCTL_NO_EFFECT,
  SYSCTL_NOT_IN_FORCE,
  SYSCTL_GONE,
];
