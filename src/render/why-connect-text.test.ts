import assert from "node:assert/strict";
import { test } from "node:test";
import { judgeConnect } from "../verdict/judge-connect.ts";
import type { ConnectSnapshot } from "../tcp/connect-snapshot.ts";
import { createStyle } from "./style.ts";
import { textWidth } from "./text-layout.ts";
import { renderWhyConnect } from "./why-connect-text.ts";

const range = { first: 40_000, last: 40_009 };
/** As much as can be said at once. */
const worst: ConnectSnapshot = {
  question: {
    remote: { address: "fd00:1111:2222:3333:4444:5555:6666:7777", port: 5432 },
    name: "db\u001b[31m.example",
    otherAddresses: ["10.0.0.5", "10.0.0.6"],
    address: "fd00::10",
    reuseAddr: false,
  },
  source: { address: "fd00::10" },
  inForce: { choice: "connect", range },
  ports: [
    ...(["TIME-WAIT", "FIN-WAIT-2"] as const).map((state, index) => ({
      port: 40_000 + index,
      toPeer: { state, endsInMs: 30_000 + 10_000 * index },
      explicit: false,
      doubtful: false,
      overlap: "yes" as const,
      listens: false,
    })),
    ...[2, 3, 4, 5, 6, 7, 8].map((index) => ({
      port: 40_000 + index,
      ...(index === 2 ? { toPeer: { state: "ESTABLISHED" as const } } : {}),
      explicit: index > 2,
      doubtful: false,
      overlap: "yes" as const,
      listens: false,
    })),
  ],
  binds: [],
  holders: [
    {
      socket: {
        protocol: "tcp",
        family: "ipv4",
        state: "LISTEN",
        local: { address: "0.0.0.0", port: 40_003 },
        owners: [{ pid: 7, fd: 3, command: "evil\u001b[2J" }],
      },
      ports: 6,
    },
  ],
  connectedHolders: [],
  peerHolders: [],
  settings: {
    kernelRelease: "6.18.0",
    localPortRange: range,
    reservedPorts: "40009",
    timeWaitReuse: 2,
    timeWaitReuseDelayMs: 1000,
    timestamps: false,
    localAddresses: [],
    rootPrefix: "sudo ip netns exec web ",
    asker: { uid: 1000, netns: "web" },
  },
  incomplete: [],
};

test("renderWhyConnect() fits one screen of 80 columns, but for commands, and lets nothing through to the terminal", () => {
  for (const verbose of [false, true]) {
    const text = renderWhyConnect(judgeConnect(worst), { style: createStyle(false), width: 80, verbose });
    const lines = text.trimEnd().split("\n");
    for (const line of lines.filter((one) => !one.trimStart().startsWith("$ ")))
      assert.ok(textWidth(line) <= 80, `${textWidth(line)}: ${line}`);
    if (!verbose) assert.ok(lines.length <= 40, `${lines.length} lines`);
    assert.doesNotMatch(text, /\u001b/);
    assert.match(text, /evil\\e\[2J/);
  }
});

test("renderWhyConnect() starts with the verdict in one sentence", () => {
  const view = { style: createStyle(false), width: 200, verbose: false };
  const first = (snapshot: ConnectSnapshot): string => renderWhyConnect(judgeConnect(snapshot), view).split("\n")[0]!;
  assert.match(first(worst), /^connect\(\) to .* fails: EADDRNOTAVAIL, none of 10 local ports is left$/);
  const free = { ...worst, ports: [], question: { remote: { address: "10.0.0.5", port: 80 }, reuseAddr: false } };
  assert.match(
    first({ ...free, source: { address: "10.0.0.9" } }),
    /to 10\.0\.0\.5:80 from 10\.0\.0\.9 gets a port: 9 of 10/,
  );
  const open = Array.from({ length: 9 }, (_, index) => ({ ...worst.ports[2]!, port: 40_000 + index, explicit: false }));
  const few = { ...worst, ports: open, settings: { ...worst.settings, reservedPorts: "" } };
  assert.match(first(few), /but not for long: 1 of 10/);
  const nothing = { ...worst, source: { errno: "ENETUNREACH", step: "connect" as const } };
  assert.match(first(nothing), /fails: ENETUNREACH$/);
  assert.match(
    renderWhyConnect(judgeConnect(nothing), view),
    /no route leads to fd00:1111:2222:3333:4444:5555:6666:7777 from fd00::10/,
  );
});
