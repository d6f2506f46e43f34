// Whatever is typed: a clear word on stderr, or one JSON document on stdout, the promised exit status, and never a stack trace.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, test } from "node:test";
import type { ErrorCode } from "../../src/base/errors.ts";
import { assertNoTrace, jsonOf, portmortem } from "./command.ts";

const folder = mkdtempSync(join(tmpdir(), "portmortem-bad-"));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, text: string): string {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
}

const newer = file("newer.json", JSON.stringify({ schema: "portmortem.recording/99", portmortem: "9.9.9" }));
const garbage = file("garbage.bin", "\u0000\u001b[31mnot a recording");
const foreign = file("foreign.json", '{"schema":"something/1"}');
const empty = file("empty.json", "");
const hollow = file("hollow.json", '{"schema":"portmortem.recording/1"}');
const asked = file("asked.json", '{"schema":"portmortem.recording/1","namespaces":{"home":{}},"command":["ls"]}');
const unasked = file("unasked.json", '{"schema":"portmortem.recording/1","namespaces":{"home":{}},"command":["ls"]}');

interface BadInput {
  readonly args: readonly string[];
  readonly status?: number;
  readonly code: ErrorCode;
  /** What the text for a person must say, the hint included. */
  readonly says: RegExp;
}

const inputs: readonly BadInput[] = [
  { args: ["why"], code: "PM_USAGE", says: /missing.*port/ },
  { args: ["why", "80", "--connect", "h:80"], code: "PM_USAGE", says: /two questions\n.*--from/ },
  { args: ["why", "--connect", "h:80", "--v6only"], code: "PM_USAGE", says: /--v6only does not go with --connect/ },
  { args: ["why", "--connect", "h:80", "--udp"], code: "PM_USAGE", says: /--udp does not go with --connect/ },
  { args: ["why", "80", "--from", "127.0.0.1"], code: "PM_USAGE", says: /--from goes with --connect/ },
  { args: ["why", "--connect", "127.0.0.1:80", "--reuse-addr"], code: "PM_USAGE", says: /--from ADDRESS:PORT/ },
  {
    args: ["why", "--connect", "[::1]:80", "--from", "127.0.0.1"],
    code: "PM_USAGE",
    says: /127.0.0.1 cannot connect to ::1/,
  },
  { args: ["why", "--connect", "db.example"], code: "PM_BAD_PORT", says: /no port\n.*\n.*\n.*db\.example:PORT/ },
  { args: ["why", "--connect", ":80"], code: "PM_BAD_ADDRESS", says: /no host/ },
  { args: ["why", "--connect", "db.example:0"], code: "PM_BAD_PORT", says: /db\.example:0\n {13}\^/ },
  { args: ["why", "--connect", "127.0.0.1:80", "--from", "eth0"], code: "PM_BAD_ADDRESS", says: /10\.0\.0\.9/ },
  { args: ["why", "--connect", "127.0.0.1:80", "--from", ":9-8"], code: "PM_BAD_PORT", says: /write :8-9/ },
  { args: ["why", "1", "2"], code: "PM_USAGE", says: /too many arguments/ },
  { args: ["whyy", "80"], code: "PM_USAGE", says: /no command "whyy"\n {2}did you mean why\?/ },
  { args: ["help", "lss"], code: "PM_USAGE", says: /no command "lss"\n {2}did you mean ls\?/ },
  { args: ["whyy", "--help"], code: "PM_USAGE", says: /no command "whyy"/ },
  { args: ["8080"], code: "PM_USAGE", says: /did you mean portmortem why 8080\?/ },
  { args: ["frobnicate"], code: "PM_USAGE", says: /the commands: why, ls, .*drop, wait/ },
  { args: ["why", "80", "--jsn"], code: "PM_USAGE", says: /unknown option '--jsn'\n {2}did you mean --json\?/ },
  { args: ["ls", "--lisening"], code: "PM_USAGE", says: /did you mean --listening\?/ },
  { args: ["--quiet", "why", "80"], code: "PM_USAGE", says: /--quiet stands before the command\n.*why --quiet/ },
  { args: ["ls", "--by", "port"], code: "PM_USAGE", says: /--by goes with --count/ },
  { args: ["ls", "--count", "--by", "colour"], code: "PM_USAGE", says: /colour.*state, port, peer, process/ },
  { args: ["ls", "--sort", "colour"], code: "PM_USAGE", says: /colour/ },
  { args: ["ls", "--color", "sometimes"], code: "PM_USAGE", says: /auto, always, never/ },
  { args: ["ls", "--redact"], code: "PM_USAGE", says: /--redact goes with --record/ },
  { args: ["ls", "--record", join(folder, "x"), "--replay", newer], code: "PM_USAGE", says: /do not go together/ },

  { args: ["doctor", "80"], code: "PM_USAGE", says: /too many arguments/ },
  { args: ["doctr"], code: "PM_USAGE", says: /did you mean doctor\?/ },
  {
    args: ["doctor", "--only", "no-such-finding-at-all"],
    code: "PM_USAGE",
    says: /no finding "no-such-finding-at-all"/,
  },
  { args: ["doctor", "--only", ","], code: "PM_USAGE", says: /--only .* code/ },
  { args: ["doctor", "--level", "bad"], code: "PM_USAGE", says: /bad.*info, warning, critical/ },
  { args: ["doctor", "--watch", "soon"], code: "PM_USAGE", says: /"soon" is none\n.*--watch 10/ },
  { args: ["doctor", "--watch", "0"], code: "PM_USAGE", says: /more than 0 seconds/ },
  { args: ["doctor", "--watch", "99999999999"], code: "PM_USAGE", says: /a day at most/ },
  { args: ["doctor", "--watch"], code: "PM_USAGE", says: /--watch <seconds>/ },
  { args: ["drop"], code: "PM_USAGE", says: /missing.*filter/ },
  { args: ["drop", "", "--yes"], code: "PM_FILTER_TOO_WIDE", says: /needs a filter/ },
  { args: ["drop", "state bogus"], code: "PM_BAD_FILTER", says: /bogus/ },
  { args: ["drop", "sport = :1", "--how", "gently"], code: "PM_USAGE", says: /destroy, shutdown, reset/ },
  { args: ["drop", "sport = :1", "--limit", "many"], code: "PM_USAGE", says: /--limit "many"/ },
  { args: ["drop", "sport = :1", "--replay", asked], code: "PM_REPLAY_READ_ONLY", says: /leave --replay out/ },
  { args: ["free"], code: "PM_USAGE", says: /missing.*port/ },
  { args: ["free", "0"], code: "PM_BAD_PORT", says: /port 0/ },
  { args: ["free", "80", "090"], code: "PM_BAD_PORT", says: /write 90/ },
  { args: ["free", "80", "--grace", "soon"], code: "PM_USAGE", says: /--grace "soon"[^]*500ms/ },
  { args: ["free", "80", "--wait=-1"], code: "PM_USAGE", says: /--wait "-1"/ },
  { args: ["free", "80", "--forse"], code: "PM_USAGE", says: /did you mean --force\?/ },
  { args: ["free", "80", "--netns", "nowhere", "--yes"], code: "PM_NETNS_NOT_FOUND", says: /"nowhere"/ },
  { args: ["free", "80", "--user", "nobody-such"], code: "PM_UNKNOWN_USER", says: /no user nobody-such/ },
  { args: ["free", "80", "--replay", asked], code: "PM_REPLAY_READ_ONLY", says: /recording/ },
  { args: ["fre", "80"], code: "PM_USAGE", says: /did you mean free\?/ },
  { args: ["wait", "80", "--replay", asked], code: "PM_REPLAY_READ_ONLY", says: /recording/ },
  { args: ["wait", "80", "--timeout", "soon"], code: "PM_USAGE", says: /--timeout "soon"[^]*500ms/ },
  { args: ["wait"], code: "PM_USAGE", says: /missing.*port/ },

  { args: ["why", "70000"], code: "PM_BAD_PORT", says: /70000\n {2}\^\n.*1 to 65535/ },
  { args: ["why", "0"], code: "PM_BAD_PORT", says: /port 0/ },
  { args: ["why", "-5"], code: "PM_BAD_PORT", says: /"-5" is not a port/ },
  { args: ["why", ":"], code: "PM_BAD_PORT", says: /has no port/ },
  { args: ["why", ""], code: "PM_BAD_PORT", says: /empty/ },
  { args: ["why", "080"], code: "PM_BAD_PORT", says: /write 80/ },
  { args: ["why", "127.0.0.1"], code: "PM_BAD_PORT", says: /address without a port/ },
  { args: ["why", "1.2.3:80"], code: "PM_BAD_ADDRESS", says: /not an IPv4 address/ },
  { args: ["why", "example.org:80"], code: "PM_BAD_ADDRESS", says: /names are not looked up/ },
  { args: ["why", "[::1:80"], code: "PM_BAD_ADDRESS", says: /no closing bracket/ },
  { args: ["why", "::1:80"], code: "PM_AMBIGUOUS_ADDRESS", says: /two ways\n.*\n +\^\n.*\[::1\]:80/ },
  { args: ["why", "80\u001b[31m\n"], code: "PM_BAD_PORT", says: /80\\e\[31m\\n/ },

  { args: ["explain", "tiem-wait"], code: "PM_UNKNOWN_WORD", says: /"tiem-wait"\n {2}did you mean time-wait\?/ },
  { args: ["explain", "SO_REUSEADR"], code: "PM_UNKNOWN_WORD", says: /did you mean SO_REUSEADDR\?/ },
  { args: ["explain", "frob", "nicate"], code: "PM_UNKNOWN_WORD", says: /"frob nicate"\n {2}portmortem explain lists/ },
  { args: ["explain", "x\u001b[31m"], code: "PM_UNKNOWN_WORD", says: /x\\/ },
  { args: ["explain", "a".repeat(100_000)], code: "PM_UNKNOWN_WORD", says: /no page/ },
  { args: ["explain", "time-wait", "--netns", "web"], code: "PM_USAGE", says: /asks no machine/ },
  { args: ["explain", "time-wait", "--record", join(folder, "x")], code: "PM_USAGE", says: /asks no machine/ },

  { args: ["ls", "state bogus"], code: "PM_BAD_FILTER", says: /state bogus\n {8}\^/ },
  { args: ["ls", "state", "bogus"], code: "PM_BAD_FILTER", says: /state bogus\n {8}\^/ },
  { args: ["ls", "state time-wiat"], code: "PM_BAD_FILTER", says: /did you mean time-wait\?/ },
  { args: ["ls", "sport = :99999"], code: "PM_BAD_FILTER", says: /sport = :99999\n {11}\^/ },
  { args: ["ls", "( sport = :80"], code: "PM_BAD_FILTER", says: /never closed/ },
  { args: ["ls", "(".repeat(100_000)], code: "PM_BAD_FILTER", says: /longer than/ },
  { args: ["ls", "(".repeat(5000)], code: "PM_BAD_FILTER", says: /nested/ },
  { args: ["ls", "sport = :80 and"], code: "PM_BAD_FILTER", says: /expected a condition, found the end/ },

  { args: ["ls", "--replay", join(folder, "none")], code: "PM_REPLAY_UNREADABLE", says: /cannot be read: ENOENT/ },
  { args: ["ls", "--replay", folder], code: "PM_REPLAY_UNREADABLE", says: /cannot be read: EISDIR/ },
  { args: ["ls", "--replay", "/dev/zero"], code: "PM_REPLAY_UNREADABLE", says: /is a device/ },
  { args: ["ls", "--replay", garbage], code: "PM_REPLAY_INVALID", says: /it is not JSON/ },
  { args: ["ls", "--replay", empty], code: "PM_REPLAY_INVALID", says: /it is not JSON/ },
  { args: ["ls", "--replay", foreign], code: "PM_REPLAY_INVALID", says: /it does not say/ },
  { args: ["ls", "--replay", hollow], code: "PM_REPLAY_INVALID", says: /it holds no answers/ },
  { args: ["ls", "--replay", newer], code: "PM_REPLAY_NEWER", says: /version 99.*\n.*9\.9\.9/ },
  { args: ["ls", "--replay", unasked], code: "PM_REPLAY_MISSING", says: /another question/ },
  { args: ["ls", "--record", "/no/such/dir/x"], code: "PM_RECORD_UNWRITABLE", says: /cannot be written: ENOENT/ },

  { args: ["why", "80", "--netns", "nowhere"], code: "PM_NETNS_NOT_FOUND", says: /"nowhere"/ },
  { args: ["why", "80", "--netns", "999999999"], code: "PM_NETNS_NOT_FOUND", says: /no process has the pid 999999999/ },
  { args: ["ls", "--netns", "/no/such/netns"], code: "PM_NETNS_NOT_FOUND", says: /\/no\/such\/netns/ },
  { args: ["ls", "--netns", "/proc/self/ns/mnt"], code: "PM_NETNS_NOT_FOUND", says: /not a network namespace/ },
  { args: ["why", "80", "--user", "nobody-such"], code: "PM_UNKNOWN_USER", says: /no user nobody-such/ },
  { args: ["why", "80", "--device", "nope0"], code: "PM_UNKNOWN_DEVICE", says: /no network device nope0.*\n.*lo/ },
];

describe("bad input", () => {
  for (const { args, status = 2, code, says } of inputs) {
    const title = `portmortem ${args.join(" ")}`.replace(folder, "…").slice(0, 70);

    test(`${JSON.stringify(title)} says ${code} on stderr`, () => {
      const outcome = portmortem(args);
      assert.equal(outcome.status, status, outcome.stderr);
      assert.equal(outcome.stdout, "");
      assert.match(outcome.stderr, /^portmortem: /);
      assert.match(outcome.stderr, says);
      assert.doesNotMatch(outcome.stderr, /[\u0000-\u0009\u000b-\u001f]/);
      assertNoTrace(outcome);
    });

    test(`${JSON.stringify(title)} --json says ${code} on stdout`, () => {
      const outcome = portmortem([...args, "--json"]);
      assert.equal(outcome.status, status);
      assert.equal(outcome.stderr, "");
      const { schema, error } = jsonOf(outcome) as { schema: string; error: Record<string, unknown> };
      assert.equal(schema, "portmortem.error/1");
      assert.equal(error["code"], code);
      assert.equal(typeof error["message"], "string");
      for (const key of Object.keys(error)) assert.ok(["code", "message", "hint", "errno"].includes(key), key);
      assertNoTrace(outcome);
    });
  }
});

test("--json after -- is no option, so the error is text", () => {
  const outcome = portmortem(["why", "70000", "--", "--json"]);
  assert.equal(outcome.status, 2);
  assert.equal(outcome.stdout, "");
  assert.match(outcome.stderr, /too many arguments/);
});

test("a recording that was begun is there after a failure too", () => {
  const path = join(folder, "failed.json");
  assert.equal(portmortem(["why", "80", "--user", "nobody-such", "--record", path]).status, 2);
  const again = portmortem(["why", "80", "--user", "nobody-such", "--replay", path]);
  assert.equal(again.status, 2);
  assert.match(again.stderr, /no user nobody-such/);
});

test("a name that does not exist is bad usage; one that no name server could be asked for is not", () => {
  const outcome = portmortem(["why", "--connect", "no-such-host.invalid:80", "--json"]);
  const { error } = jsonOf(outcome) as { error: { code: ErrorCode; message: string } };
  assert.match(error.message, /no-such-host\.invalid.*:/);
  // Without a network nobody can say whether it exists.
  assert.ok(["2 PM_UNKNOWN_HOST", "4 PM_NAME_LOOKUP"].includes(`${outcome.status} ${error.code}`), outcome.stdout);
});
