import assert from "node:assert/strict";
import { test } from "node:test";
import type { SysctlAudit } from "../verdict/audit-sysctls.ts";
import type { Finding } from "../verdict/findings/finding.ts";
import { renderDoctor } from "./doctor-text.ts";
import { createStyle } from "./style.ts";

const looked = { sockets: 60_021, listeners: 12, processes: 300 };
const plain = { style: createStyle(false), width: 80, verbose: false };
const EVIDENCE = `  count 900, oldest 3 min 20 s, per second 0.12, stopped yes, peers address
  10.0.0.7 port 5432 count 800; address 10.0.0.8 count 50; address 10.0.0.9
  count 40 and 1 more
`;

const FINDING: Finding = {
  code: "close-wait",
  level: "warning",
  title: "node[812] does not close 900 connections",
  text: "Their peers have closed, and only node can free them: each keeps a descriptor and a port until it calls close() or ends.",
  evidence: {
    count: 900,
    oldestMs: 200_000,
    perSecond: 0.123_45,
    stopped: true,
    peers: [
      { address: "10.0.0.7", port: 5432, count: 800 },
      { address: "10.0.0.8", count: 50 },
      { address: "10.0.0.9", count: 40 },
      { address: "10.0.0.10", count: 10 },
    ],
  },
  advice: [
    {
      text: "Restart it",
      command: "kill -TERM 812 # a command is never wrapped, however long it is: it is pasted",
      costs: "downtime",
    },
  ],
};

test("renderDoctor() tells a healthy machine what was looked at", () => {
  assert.equal(
    renderDoctor({ findings: [], hidden: 0, sysctls: [], looked }, plain),
    "Nothing is wrong. Looked at 60 021 sockets, 12 listeners among them, and 300\nprocesses.\n",
  );
  assert.match(
    renderDoctor({ findings: [], hidden: 0, sysctls: [], looked: { sockets: 1, listeners: 1, processes: 1 } }, plain),
    /Looked at 1 socket, 1 listener among them, and 1 process\./,
  );
});

test("renderDoctor() shows the finding and what to do, with --verbose its evidence too, and fits the terminal but for the command", () => {
  const shown = (evidence: string): string => `warning  node[812] does not close 900 connections [close-wait]
  Their peers have closed, and only node can free them: each keeps a descriptor
  and a port until it calls close() or ends.
${evidence}  · Restart it (downtime)
      $ kill -TERM 812 # a command is never wrapped, however long it is: it is pasted

1 warning. Looked at 60 021 sockets, 12 listeners among them, and 300 processes.
More: portmortem explain close-wait
`;
  assert.equal(renderDoctor({ findings: [FINDING], hidden: 0, sysctls: [], looked }, plain), shown(""));
  assert.equal(
    renderDoctor({ findings: [FINDING], hidden: 0, sysctls: [], looked }, { ...plain, verbose: true }),
    shown(EVIDENCE),
  );
});

test("renderDoctor() shows the audit of the settings with --verbose only, each with what it really does", () => {
  const sysctls: SysctlAudit[] = [
    {
      name: "net.ipv4.tcp_fin_timeout",
      value: "15",
      defaultValue: "60",
      does: "How long a closed connection waits in FIN-WAIT-2.",
      judgement: { verdict: "no-effect", why: "it does not shorten TIME-WAIT" },
    },
    { name: "net.ipv4.tcp_tw_recycle", does: "Gone.", judgement: { verdict: "absent" } },
    { name: "net.core.somaxconn", value: "4096", does: "Caps backlogs.", judgement: { verdict: "default" } },
  ];
  const text = renderDoctor({ findings: [], hidden: 0, sysctls, looked }, { ...plain, verbose: true });
  assert.match(text, /net\.ipv4\.tcp_fin_timeout = 15 {2}it does not shorten TIME-WAIT\n {6}How long/);
  assert.match(text, /tcp_tw_recycle {2}not on this kernel/);
  assert.match(text, /somaxconn = 4096 {2}the kernel's own value\n/);
  assert.ok(text.split("\n").every((line) => line.length <= 80));
  assert.doesNotMatch(renderDoctor({ findings: [], hidden: 0, sysctls, looked }, plain), /sysctl|net\./);
});

test("renderDoctor() sums up what was found", () => {
  const at = (level: Finding["level"]): Finding => ({ ...FINDING, level });
  const sum = (...findings: Finding[]): string =>
    renderDoctor({ findings, hidden: 0, sysctls: [], looked }, plain).split("\n\n").at(-1) ?? "";
  assert.match(
    sum(at("critical"), at("warning"), at("warning"), at("info")),
    /^1 critical, 2 warnings, 1 to know\. Looked/,
  );
  assert.match(sum(at("info"), at("info")), /^Nothing is wrong, 2 to know\. Looked/);
});

test("renderDoctor() does not say that nothing is wrong where not everything was asked for", () => {
  const none = { findings: [], sysctls: [], looked };
  assert.match(
    renderDoctor({ ...none, hidden: 3 }, plain),
    /^No warning of those asked for, 3 below the level asked for\. Looked/,
  );
  assert.match(
    renderDoctor({ ...none, hidden: 0 }, { ...plain, some: true }),
    /^No warning of those asked for\. Looked/,
  );
});

test("renderDoctor() lets no name act on the terminal", () => {
  const title = "\u001b]0;x\u0007evil";
  const text = renderDoctor(
    { findings: [{ ...FINDING, title, text: title, evidence: { title } }], hidden: 0, sysctls: [], looked },
    { ...plain, verbose: true },
  );
  assert.ok(!text.includes("\u001b"));
});
