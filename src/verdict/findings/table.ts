/** Every finding that `doctor` knows, in the order in which it tells them. */
import type { FindingDefinition } from "./finding.ts";

export const FINDINGS: readonly FindingDefinition[] = [];
