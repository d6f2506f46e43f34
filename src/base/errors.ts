/**
 * The one table of failures. Codes are public API: they are matched by callers, documented in docs/errors.md (a test holds the
 * two together) and never given a second meaning. `category` decides the exit status, in cli/exit-status.ts only.
 */
export const ERRORS = {
  PM_USAGE: { category: "usage" },
  PM_BAD_PORT: { category: "usage" },
  PM_BAD_ADDRESS: { category: "usage" },
  PM_AMBIGUOUS_ADDRESS: { category: "usage" },
  PM_BAD_FILTER: { category: "usage" },
  PM_UNKNOWN_HOST: { category: "usage" },
  PM_NAME_LOOKUP: { category: "system" },
  PM_UNKNOWN_WORD: { category: "usage" },
  PM_UNKNOWN_USER: { category: "usage" },
  PM_UNKNOWN_DEVICE: { category: "usage" },
  PM_NETNS_NOT_FOUND: { category: "usage" },
  PM_NETNS_FORBIDDEN: { category: "right" },
  PM_NEEDS_NET_ADMIN: { category: "right" },
  PM_FILTER_TOO_WIDE: { category: "usage" },
  PM_NO_CONNECTION: { category: "usage" },
  PM_NEEDS_CONSENT: { category: "usage" },
  PM_PORT_TAKEN: { category: "no" },
  PM_CANNOT_KEEP: { category: "system" },
  PM_CANNOT_RUN: { category: "usage" },
  PM_REPLAY_READ_ONLY: { category: "usage" },
  PM_REPLAY_UNREADABLE: { category: "usage" },
  PM_REPLAY_INVALID: { category: "usage" },
  PM_REPLAY_NEWER: { category: "usage" },
  PM_REPLAY_MISSING: { category: "usage" },
  PM_RECORD_UNWRITABLE: { category: "usage" },
  PM_RUN_NAME_TAKEN: { category: "usage" },
  PM_RUN_RECORD: { category: "system" },
  PM_NO_SOCKET_SOURCE: { category: "system" },
  PM_NO_SOCK_DIAG: { category: "system" },
  PM_UNKNOWABLE_FILTER: { category: "system" },
  PM_NO_NATIVE: { category: "system" },
  PM_PEER_LOST: { category: "system" },
  PM_PEER_IDLE: { category: "system" },
  PM_PLATFORM: { category: "system" },
  PM_CONNECT_REFUSED: { category: "system" },
  PM_CONNECT_TIMEOUT: { category: "system" },
  PM_CONNECT_FAILED: { category: "system" },
  PM_NO_LOCAL_PORT: { category: "system" },
  PM_LOCAL_PORT_FORBIDDEN: { category: "right" },
  PM_LOCAL_ADDRESS: { category: "usage" },
  PM_SHADOWED: { category: "system" },
  PM_LISTEN_REFUSED: { category: "system" },
  PM_NO_REUSEPORT: { category: "system" },
  PM_OUTPUT: { category: "system" },
  PM_DEFECT: { category: "defect" },
} as const satisfies Record<string, { category: ErrorCategory }>;

export type ErrorCategory = "no" | "usage" | "right" | "system" | "defect";
export type ErrorCode = keyof typeof ERRORS;

/** Codes that were public once; they must never come back with another meaning. */
export const RETIRED_ERRORS: readonly string[] = [];

const BRAND = Symbol.for("portmortem.error");

export interface ErrorDetails {
  /** What to do next, one line. */
  readonly hint?: string;
  /** The kernel's answer, by name ("EPERM"). */
  readonly errno?: string;
  readonly cause?: unknown;
  /** Where in the input the mistake is (0-based, in UTF-16 units), for a caret under the place. */
  readonly input?: { readonly text: string; readonly at: number };
}

/** Every failure that portmortem raises on purpose. `code` is stable; `message` says what was tried and what was answered. */
export class PortmortemError extends Error {
  override readonly name = "PortmortemError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly errno: string | undefined;
  readonly input: { readonly text: string; readonly at: number } | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
    this.errno = details.errno;
    this.input = details.input;
    Object.defineProperty(this, BRAND, { value: true });
  }

  get category(): ErrorCategory {
    return ERRORS[this.code].category;
  }
}

/** True for a PortmortemError of any loaded copy of this package. */
export function isPortmortemError(value: unknown): value is PortmortemError {
  return typeof value === "object" && value !== null && (value as Record<symbol, unknown>)[BRAND] === true;
}
