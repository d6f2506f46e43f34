/** Every finding that `doctor` knows, in the order in which it tells them. */
import type { FindingDefinition } from "./finding.ts";
import { LISTENER_IN_PORT_RANGE } from "./listener-in-port-range.ts";
import { LISTENER_LEFT_BEHIND } from "./listener-left-behind.ts";
import { LISTENER_SHADOWED } from "./listener-shadowed.ts";
import { PORT_SPLIT } from "./port-split.ts";
import { REUSEPORT_MIXED } from "./reuseport-mixed.ts";
import { SYSCTL_GONE } from "./sysctl-gone.ts";
import { SYSCTL_HARMFUL } from "./sysctl-harmful.ts";
import { SYSCTL_NO_EFFECT } from "./sysctl-no-effect.ts";
import { SYSCTL_NOT_IN_FORCE } from "./sysctl-not-in-force.ts";

export const FINDINGS: readonly FindingDefinition[] = [
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
