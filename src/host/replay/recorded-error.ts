/** An error that a host raised, as an answer in a recording. */
import { ERRORS, PortmortemError } from "../../base/errors.ts";
import type { ErrorCode } from "../../base/errors.ts";

export interface RecordedError {
  readonly error: { readonly code: string; readonly message: string; readonly hint?: string; readonly errno?: string };
}

/** No answer has a field of this name. */
export function isRecordedError(answer: unknown): answer is RecordedError {
  if (typeof answer !== "object" || answer === null || !("error" in answer)) return false;
  const { error } = answer;
  if (typeof error !== "object" || error === null) return false;
  const { code, message, hint = "", errno = "" } = error as Readonly<Record<string, unknown>>;
  return [code, message, hint, errno].every((text) => typeof text === "string");
}

export function recordedError({ code, message, hint, errno }: PortmortemError): RecordedError {
  return {
    error: { code, message, ...(hint === undefined ? {} : { hint }), ...(errno === undefined ? {} : { errno }) },
  };
}

/** The error that was raised then. */
export function errorOf({ error: { code, message, hint, errno } }: RecordedError): PortmortemError {
  const known = Object.hasOwn(ERRORS, code) ? (code as ErrorCode) : "PM_REPLAY_INVALID";
  return new PortmortemError(known, message, {
    ...(hint === undefined ? {} : { hint }),
    ...(errno === undefined ? {} : { errno }),
  });
}
