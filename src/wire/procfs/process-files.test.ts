import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { commandName, parseCmdline } from "./cmdline.ts";
import { parseEnviron } from "./environ.ts";
import { parsePasswd } from "./passwd.ts";
import { parseProcessStat } from "./process-stat.ts";
import { CAP_NET_ADMIN, CAP_SYS_PTRACE, hasCapability, parseProcessStatus } from "./process-status.ts";

// `cat /proc/self/stat` on Linux 6.18; the second line's name was set with prctl(PR_SET_NAME) by hand.
const STAT =
  "16634 (cat) R 16632 16632 3300 0 -1 4194304 99 0 0 0 0 0 0 0 20 0 1 0 237634 3133440 359 18446744073709551615 94103913156608 " +
  "94103913176489 140731218694432 0 0 0 0 0 0 0 0 0 17 0 0 0 0 0 0 94103913192496 94103913194112 94104348651520 140731218696922 " +
  "140731218696942 140731218696942 140731218698219 0\n";
const ODD_STAT = STAT.replace("(cat)", "(a) (b R 1 2)");

test("parseProcessStat() reads the identity of a process", () => {
  assert.deepEqual(parseProcessStat(STAT), {
    pid: 16634,
    command: "cat",
    state: "R",
    parentPid: 16632,
    processGroup: 16632,
    sessionId: 3300,
    terminal: 0,
    startTicks: 237634,
  });
});

test("parseProcessStat() takes a name with parentheses, spaces and line breaks whole", () => {
  assert.deepEqual(parseProcessStat(ODD_STAT), {
    pid: 16634,
    command: "a) (b R 1 2",
    state: "R",
    parentPid: 16632,
    processGroup: 16632,
    sessionId: 3300,
    terminal: 0,
    startTicks: 237634,
  });
  assert.equal(parseProcessStat(STAT.replace("(cat)", "(a\n) x)"))?.command, "a\n) x");
});

test("parseProcessStat() tells nothing of a cut line rather than a shorter number", () => {
  const whole = parseProcessStat(STAT);
  for (let length = 0; length < STAT.length; length++) {
    const answer = parseProcessStat(STAT.slice(0, length));
    if (answer !== undefined) assert.deepEqual(answer, whole, `cut at ${length}`);
  }
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseProcessStat(text)));
});

test("parseProcessStatus() reads users and capabilities", () => {
  // /proc/self/status of a root shell in a sandbox without CAP_SYS_RESOURCE, Linux 6.18.
  const status = parseProcessStatus(
    "Name:\tcat\nUid:\t1000\t0\t0\t0\nGid:\t0\t0\t0\t0\nCapEff:\t000001fffeffffff\nSeccomp:\t0\n",
  );
  assert.deepEqual(status, { realUid: 1000, effectiveUid: 0, effectiveCapabilities: 0x1fffeffffffn });
  assert.equal(hasCapability(status, CAP_NET_ADMIN), true);
  assert.equal(hasCapability(status, CAP_SYS_PTRACE), true);
  assert.equal(hasCapability(status, 24), false);
  assert.equal(hasCapability(parseProcessStatus("CapEff:\t000001f"), CAP_NET_ADMIN), undefined);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => void parseProcessStatus(text)));
});

test("parseCmdline() splits at NULs, whether the last one is there or not", () => {
  assert.deepEqual(parseCmdline("node\0server.js\0"), ["node", "server.js"]);
  assert.deepEqual(parseCmdline("node\0server.js"), ["node", "server.js"]);
  assert.deepEqual(parseCmdline("sh\0-c\0\0"), ["sh", "-c", ""]);
  assert.deepEqual(parseCmdline("grep\0\0file\0"), ["grep", "", "file"]);
  assert.deepEqual(parseCmdline(""), []);
});

test("parseCmdline() leaves out what a rewritten title leaves behind", () => {
  assert.deepEqual(parseCmdline("nginx: worker process\0\0\0\0\0\0"), ["nginx: worker process"]);
});

test("parseCmdline() gives back any arguments but a title's padding", () => {
  const argument = fc.string({ unit: "grapheme" }).map((text) => text.replaceAll("\0", ""));
  fc.assert(
    fc.property(fc.array(argument, { minLength: 1 }), (args) => {
      const padded = args.length > 1 && args.slice(1).every((each) => each === "");
      assert.deepEqual(parseCmdline(`${args.join("\0")}\0`), padded ? args.slice(0, 1) : args);
    }),
  );
});

test("commandName() says what the 15 bytes of comm hide", () => {
  assert.equal(commandName("node", ["/usr/bin/node", "server.js"]), "node");
  assert.equal(commandName("postgres-export", ["/opt/postgres-exporter", "--x"]), "postgres-exporter");
  assert.equal(commandName("MainThread", ["/usr/bin/node", "server.js"]), "node");
  assert.equal(commandName("node-MainThread", ["my title here"]), "node");
  assert.equal(commandName("nginx", ["nginx: worker process"]), "nginx");
  assert.equal(commandName("kworker/0:1", []), "kworker/0:1");
  assert.equal(commandName("sh", ["/bin/"]), "sh");
});

test("parseEnviron() tells the names that are asked for, the first of each, and members of JSON", () => {
  const text = 'A=1\0B=x=y\0A=2\0=odd\0none\0pm2_env={"name":"api","pm_id":0,"env":{"SECRET":"s"},"ok":true}\0BAD={\0';
  const names = ["A", "B", "C", "none", "pm2_env.name", "pm2_env.pm_id", "pm2_env.env", "pm2_env.ok", "BAD.name"];
  assert.deepEqual(parseEnviron(text, names), { A: "1", B: "x=y", "pm2_env.name": "api", "pm2_env.pm_id": "0" });
  for (const name of ["toString", "pm2_env.toString", "pm2_env.__proto__", "A.length"])
    assert.deepEqual(parseEnviron(text, [name]), {}, name);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => void parseEnviron(any, names)));
});

test("parsePasswd() reads accounts and leaves out what is none", () => {
  // The first lines of Debian's /etc/passwd, and lines that NIS and people write.
  const text =
    "root:x:0:0:root:/root:/bin/bash\n# a comment\n+::::::\n\ndaemon:x:1:1::/usr/sbin:/x\nbad:x:-1:1:::\nbig:x:4294967296:1:::\ncut:x:12";
  assert.deepEqual(parsePasswd(text), [
    { name: "root", uid: 0, home: "/root" },
    { name: "daemon", uid: 1, home: "/usr/sbin" },
  ]);
  fc.assert(fc.property(fc.string({ unit: "binary" }), (any) => void parsePasswd(any)));
});
