import assert from "node:assert/strict";
import { test } from "node:test";
import { mayPass, refusal } from "./connect-refusal.ts";

const failed = (code: string, syscall?: string): Error => Object.assign(new Error(`says ${code}`), { code, syscall });

test("refusal() tells what the kernel, the resolver and TLS said apart", () => {
  const cases = [
    ["ECONNREFUSED", "connect", "PM_CONNECT_REFUSED", true],
    ["ETIMEDOUT", "connect", "PM_CONNECT_TIMEOUT", true],
    ["EADDRNOTAVAIL", "connect", "PM_NO_LOCAL_PORT", true],
    ["EADDRINUSE", "connect", "PM_NO_LOCAL_PORT", true],
    ["EADDRINUSE", "bind", "PM_NO_LOCAL_PORT", true],
    ["EADDRNOTAVAIL", "bind", "PM_LOCAL_ADDRESS", false],
    ["EACCES", "bind", "PM_LOCAL_PORT_FORBIDDEN", false],
    ["EACCES", "connect", "PM_CONNECT_FAILED", true],
    ["ENOTFOUND", "getaddrinfo", "PM_UNKNOWN_HOST", false],
    ["EAI_AGAIN", "getaddrinfo", "PM_NAME_LOOKUP", true],
    ["ENETUNREACH", "connect", "PM_CONNECT_FAILED", true],
  ] as const;
  for (const [errno, syscall, code, passes] of cases) {
    const cause = failed(errno, syscall);
    const error = refusal(cause, "db:5432");
    assert.deepEqual([error.code, error.errno, mayPass(error)], [code, errno, passes], `${errno} of ${syscall}`);
    assert.equal(error.cause, cause);
    assert.equal(error.message, `db:5432: says ${errno}`);
  }
});

test("refusal() has no errno of what is no errno", () => {
  for (const code of ["DEPTH_ZERO_SELF_SIGNED_CERT", "ERR_TLS_CERT_ALTNAME_INVALID"]) {
    const error = refusal(failed(code), "db:5432");
    assert.deepEqual([error.code, error.errno, mayPass(error)], ["PM_CONNECT_FAILED", undefined, false]);
  }
});

test("refusal() takes the last of several addresses", () => {
  const both = new AggregateError([failed("EADDRNOTAVAIL", "connect"), failed("ECONNREFUSED", "connect")]);
  assert.equal(refusal(both, "localhost:1").code, "PM_CONNECT_REFUSED");
});
