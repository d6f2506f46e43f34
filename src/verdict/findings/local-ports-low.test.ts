import assert from "node:assert/strict";
import { test } from "node:test";
import { healthyLook, healthySnapshot, listenerFacts } from "../../../test/contracts/health-snapshots.ts";
import type { DestinationUse } from "../../tcp/health-snapshot.ts";
import { LOCAL_PORTS_LOW } from "./local-ports-low.ts";

const AT = Date.UTC(2025, 0, 1, 12);
const DEFAULTS = healthySnapshot().settings;
/** A thousand ports. */
const SMALL = { ...DEFAULTS, "net.ipv4.ip_local_port_range": "40000 40999" };

interface Asked {
  readonly use?: Partial<DestinationUse>;
  readonly settings?: Readonly<Record<string, string>>;
  /** Of the same destination, five seconds before. */
  readonly before?: Partial<DestinationUse>;
  readonly listening?: readonly number[];
}

function judge({ use = {}, settings = {}, before, listening = [] }: Asked) {
  const whole: DestinationUse = {
    localAddress: "10.0.0.1",
    remote: { address: "10.0.0.9", port: 5432 },
    open: 0,
    timeWait: 0,
    ...use,
  };
  return LOCAL_PORTS_LOW.find(
    healthySnapshot({
      settings: { ...SMALL, ...settings },
      now: healthyLook({ atMs: AT, destinations: [whole] }),
      ...(before === undefined
        ? {}
        : { before: healthyLook({ atMs: AT - 5000, destinations: [{ ...whole, ...before }] }) }),
      listeners: listening.map((port) => listenerFacts({ address: "0.0.0.0", port })),
    }),
  );
}

test("local-ports-low warns when four fifths are taken, and says which rate leads there", () => {
  const [found] = judge({ use: { open: 200, timeWait: 600 } });
  assert.equal(found?.level, "warning");
  assert.equal(found.title, "local ports to 10.0.0.9:5432: 800 of 1 000 taken");
  assert.deepEqual(found.evidence, {
    remote: { address: "10.0.0.9", port: 5432 },
    localAddress: "10.0.0.1",
    portsUsable: 1000,
    portsTaken: 800,
    open: 200,
    timeWait: 600,
    timeWaitIsReused: false,
    closedPerSecond: 10,
    sustainablePerSecond: 16.7,
  });
  assert.deepEqual(
    found.advice.map(({ command }) => command),
    [
      undefined,
      "sysctl -w net.ipv4.tcp_tw_reuse=1",
      "portmortem drop 'state time-wait src 10.0.0.1 dst 10.0.0.9 dport = :5432'",
      'sysctl -w net.ipv4.ip_local_port_range="10240 65535"',
      undefined,
    ],
  );
  assert.deepEqual(judge({ use: { open: 200, timeWait: 599 } }), []);
});

test("local-ports-low is critical when connect() fails", () => {
  const [found] = judge({ use: { timeWait: 1000 } });
  assert.equal(found?.level, "critical");
  assert.match(found.text, /\. connect\(\) fails with EADDRNOTAVAIL/);
  const [nearly] = judge({ use: { timeWait: 995 } });
  assert.equal(nearly?.level, "critical");
  assert.match(nearly.text, /When the last are taken, connect\(\) fails/, "one that is free is found, too");
});

test("local-ports-low leaves out TIME-WAIT that connect() takes again", () => {
  const loopback = { localAddress: "127.0.0.1", remote: { address: "127.0.0.1", port: 5432 }, timeWait: 1000 };
  const settings = (mode: string, timestamps = "1") => ({
    "net.ipv4.tcp_tw_reuse": mode,
    "net.ipv4.tcp_timestamps": timestamps,
  });
  assert.deepEqual(judge({ use: loopback, settings: settings("2") }), []);
  assert.deepEqual(judge({ use: { timeWait: 1000 }, settings: settings("1") }), []);
  const mapped = { ...loopback, localAddress: "::ffff:127.0.0.1", remote: { address: "::ffff:127.0.0.1", port: 5432 } };
  assert.deepEqual(judge({ use: mapped, settings: settings("2") }), []);
  assert.equal(judge({ use: loopback, settings: settings("0") }).length, 1);
  assert.equal(judge({ use: loopback, settings: settings("1", "0") }).length, 1);
  assert.equal(judge({ use: { timeWait: 1000 }, settings: settings("2") }).length, 1);
});

test("local-ports-low counts neither reserved ports nor those of listeners as usable", () => {
  const [found] = judge({
    use: { open: 450 },
    settings: { "net.ipv4.ip_local_reserved_ports": "39990-40489,40999" },
    listening: [40_490, 40_491, 40_999, 80],
  });
  assert.equal(found?.evidence["portsUsable"], 1000 - 490 - 1 - 2);
});

test("local-ports-low warns early when two looks show that they end within the hour", () => {
  const [found] = judge({ use: { timeWait: 500 }, before: { timeWait: 400 } });
  assert.equal(found?.level, "warning");
  assert.equal(found.evidence["grownPerSecond"], 20);
  assert.equal(found.evidence["endsInMs"], 25_000);
  assert.match(found.text, /20 more are taken each second: the rest lasts 25 s\.$/);
  assert.deepEqual(judge({ use: { timeWait: 500 }, before: { timeWait: 500 } }), []);
  assert.deepEqual(judge({ use: { timeWait: 499 }, before: { timeWait: 100 } }), []);
});

test("local-ports-low says nothing where the range was not told", () => {
  const { "net.ipv4.ip_local_port_range": _range, ...settings } = DEFAULTS;
  const destinations = [
    { localAddress: "10.0.0.1", remote: { address: "10.0.0.9", port: 1 }, open: 60_000, timeWait: 0 },
  ];
  assert.deepEqual(LOCAL_PORTS_LOW.find(healthySnapshot({ settings, now: healthyLook({ destinations }) })), []);
});
