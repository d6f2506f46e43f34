import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, healthySnapshot, listenerFacts } from "../../../test/contracts/health-snapshots.ts";
import type { HealthSnapshot, ListenerFacts, ProcessPlace } from "../../tcp/health-snapshot.ts";
import type { Owner, Socket } from "../../tcp/socket.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { LISTENER_IN_PORT_RANGE } from "./listener-in-port-range.ts";
import { LISTENER_LEFT_BEHIND } from "./listener-left-behind.ts";
import { LISTENER_SHADOWED } from "./listener-shadowed.ts";
import { PORT_SPLIT } from "./port-split.ts";
import { REUSEPORT_MIXED } from "./reuseport-mixed.ts";

const NGINX: Owner = { pid: 10, fd: 6, command: "nginx", args: ["nginx"], user: "www-data", uid: 33, state: "S" };
const NOW = healthySnapshot().system.nowMs;
const HOUR_MS = 3_600_000;

function on(
  address: string,
  port: number,
  owner: Owner | readonly Owner[],
  changes: Partial<Socket> = {},
  place: Partial<ProcessPlace> = {},
): ListenerFacts {
  const owners = Array.isArray(owner) ? (owner as readonly Owner[]) : [owner as Owner];
  return listenerFacts(
    { address, port },
    { socket: { owners, ...changes }, processes: owners.map(({ pid }) => ({ pid, ...place })) },
  );
}

function findings(
  definition: FindingDefinition,
  listeners: readonly ListenerFacts[],
  changes: Partial<HealthSnapshot> = {},
): readonly Finding[] {
  return definition.find(healthySnapshot({ listeners, ...changes }));
}

test("listener-in-port-range tells all such listeners at once, with the merged list to reserve", () => {
  const healthy = healthySnapshot();
  const [finding, ...others] = findings(
    LISTENER_IN_PORT_RANGE,
    [
      on("0.0.0.0", 40_000, NODE),
      on("::", 40_001, NODE),
      on("::1", 40_001, NODE),
      on("0.0.0.0", 8080, NGINX),
      on("0.0.0.0", 50_000, NGINX),
    ],
    { rootPrefix: "sudo ", settings: { ...healthy.settings, "net.ipv4.ip_local_reserved_ports": "9000,40002" } },
  );
  assert.deepEqual(others, []);
  assert.equal(finding?.level, "info");
  assert.deepEqual(finding.evidence["ports"], [40_000, 40_001, 50_000]);
  assert.equal(
    finding.title,
    "outgoing connections may take the ports of node server.js on 40000, node server.js on 40001, nginx on 50000",
  );
  assert.equal(finding.advice[0]?.command, "sudo sysctl -w net.ipv4.ip_local_reserved_ports=9000,40000-40002,50000");
});

test("listener-in-port-range leaves out what is reserved, outside, or was chosen by the kernel", () => {
  const { settings } = healthySnapshot();
  const reserved = { settings: { ...settings, "net.ipv4.ip_local_reserved_ports": "40000-40010" } };
  assert.deepEqual(findings(LISTENER_IN_PORT_RANGE, [on("::", 40_005, NODE), on("::", 32_767, NODE)], reserved), []);
  assert.deepEqual(findings(LISTENER_IN_PORT_RANGE, [{ ...on("::", 40_005, NODE), autoBound: true }]), []);
  assert.deepEqual(findings(LISTENER_IN_PORT_RANGE, [on("::", 40_005, NODE)], { settings: {} }), []);
});

test("listener-shadowed names who takes connections from whom", () => {
  const [finding, ...others] = findings(LISTENER_SHADOWED, [on("0.0.0.0", 8080, NGINX), on("127.0.0.1", 8080, NODE)]);
  assert.deepEqual(others, []);
  assert.equal(finding?.level, "warning");
  assert.equal(finding.title, "node server.js takes connections to 127.0.0.1:8080 from nginx");
  assert.equal(finding.advice[0]?.command, "kill 812");
});

test("listener-shadowed knows which of two listeners the kernel prefers", () => {
  const dual = { v6only: false };
  const shadowed = (wide: ListenerFacts, narrow: ListenerFacts): string | undefined =>
    findings(LISTENER_SHADOWED, [wide, narrow])[0]?.title;
  assert.equal(
    shadowed(on("::", 80, NGINX, dual), on("10.0.0.1", 80, NODE)),
    "node server.js takes connections to 10.0.0.1:80 from nginx",
  );
  assert.equal(
    shadowed(on("::", 80, NGINX, dual), on("0.0.0.0", 80, NODE)),
    "node server.js takes IPv4 connections to port 80 from nginx",
  );
  assert.equal(
    shadowed(on("::", 80, NGINX, { v6only: true }), on("::1", 80, NODE)),
    "node server.js takes connections to [::1]:80 from nginx",
  );
  assert.equal(
    shadowed(on("::", 80, NGINX, { v6only: true }), on("0.0.0.0", 80, NODE)),
    undefined,
    "they share nothing",
  );
  assert.equal(shadowed(on("0.0.0.0", 80, NGINX), on("::1", 80, NODE)), undefined, "other family");
  assert.equal(shadowed(on("0.0.0.0", 80, NGINX), on("127.0.0.1", 81, NODE)), undefined, "other port");
  assert.equal(
    shadowed(on("0.0.0.0", 80, NGINX), on("127.0.0.1", 80, { ...NGINX, pid: 11 })),
    undefined,
    "same program",
  );
  assert.equal(shadowed(on("0.0.0.0", 80, NGINX), on("127.0.0.1", 80, [])), undefined, "nobody to be seen");
});

test("listener-shadowed warns where another user takes datagrams, and informs where it is the same", () => {
  const level = (uid: number): string | undefined => {
    const udp = { protocol: "udp", state: "BOUND" } as const;
    const udpSharers = [on("0.0.0.0", 53, NGINX, { ...udp, uid: 33 }), on("127.0.0.1", 53, NODE, { ...udp, uid })];
    const [finding] = findings(LISTENER_SHADOWED, [on("127.0.0.1", 53, NODE)], { udpSharers });
    assert.equal(finding?.title, "node server.js takes datagrams to 127.0.0.1:53 from nginx");
    return finding.level;
  };
  assert.deepEqual([level(1000), level(33)], ["warning", "info"]);
});

test("reuseport-mixed tells different programs on one endpoint, and not a master with its workers", () => {
  const [finding] = findings(REUSEPORT_MIXED, [on("0.0.0.0", 80, NGINX), on("0.0.0.0", 80, NODE)]);
  assert.equal(finding?.level, "warning");
  assert.match(finding.title, /^port 80 is shared by different programs: nginx and node server\.js$/);
  const workers = [
    on("0.0.0.0", 80, [NGINX, { ...NGINX, pid: 11 }]),
    on("0.0.0.0", 80, [NGINX, { ...NGINX, pid: 12 }]),
  ];
  assert.deepEqual(findings(REUSEPORT_MIXED, workers), []);
  assert.deepEqual(findings(REUSEPORT_MIXED, [on("0.0.0.0", 80, NGINX), on("127.0.0.1", 80, NODE)]), []);
});

test("reuseport-mixed takes two scripts of one interpreter for two programs, by the directory where the name is relative", () => {
  const other = { ...NODE, pid: 900 };
  const place = (directory: string): Partial<ProcessPlace> => ({ executable: "/usr/bin/node", directory });
  const two = (a: string, b: string): number =>
    findings(REUSEPORT_MIXED, [on("::", 80, NODE, {}, place(a)), on("::", 80, other, {}, place(b))]).length;
  assert.deepEqual([two("/srv/a", "/srv/b"), two("/srv/a", "/srv/a")], [1, 0]);
});

test("reuseport-mixed takes one name in two directories for a release that hands over, for as long as that takes", () => {
  const release = (pid: number, directory: string, agoMs: number): ListenerFacts =>
    on("::", 80, { ...NODE, pid }, {}, { executable: "/usr/bin/node", directory, startedAtMs: NOW - agoMs });
  const level = (agoMs: number): string | undefined =>
    findings(REUSEPORT_MIXED, [release(900, "/srv/1", HOUR_MS), release(901, "/srv/2", agoMs)])[0]?.level;
  assert.deepEqual([level(30_000), level(HOUR_MS / 2)], ["info", "warning"]);
});

test("reuseport-mixed looks behind the options of an interpreter, and takes code on the command line as it is", () => {
  const two = (...args: readonly (readonly string[])[]): number =>
    findings(
      REUSEPORT_MIXED,
      args.map((words, at) => on("::", 80, { ...NODE, pid: 900 + at, args: ["node", ...words] })),
    ).length;
  assert.equal(two(["-r", "tsx", "/srv/a.ts"], ["-r", "tsx", "/srv/b.ts"]), 1);
  assert.equal(two(["--inspect", "/srv/a.ts"], ["/srv/a.ts"]), 0);
  assert.equal(two(["-e", "one()"], ["-e", "two()"]), 1);
  assert.equal(two(["…", "--port", "1"], ["…", "--port", "2"]), 0, "a recording without arguments");
  const [finding] = findings(REUSEPORT_MIXED, [
    on("::", 80, { ...NODE, args: ["node", "-e", "one()"] }),
    on("::", 80, { ...NODE, pid: 900, args: ["node", "--import", "tsx", "/srv/b.ts"] }),
  ]);
  assert.equal(finding?.title, "port 80 is shared by different programs: node and node b.ts");
});

test("reuseport-mixed is information while an old version hands over, and a warning when it stays", () => {
  const group = (startedAgoMs: number): ListenerFacts[] => [
    on(
      "::",
      80,
      { ...NGINX, pid: 1 },
      {},
      { executable: "/usr/sbin/nginx", executableGone: true, startedAtMs: NOW - HOUR_MS },
    ),
    on(
      "::",
      80,
      { ...NGINX, pid: 2 },
      {},
      { executable: "/usr/sbin/nginx", executableGone: false, startedAtMs: NOW - startedAgoMs },
    ),
  ];
  assert.deepEqual(
    [30_000, HOUR_MS / 2].map((ago) => findings(REUSEPORT_MIXED, group(ago))[0]?.level),
    ["info", "warning"],
  );
});

test("port-split tells two programs behind localhost", () => {
  const [finding, ...others] = findings(PORT_SPLIT, [
    on("127.0.0.1", 5173, NODE),
    on("::1", 5173, { ...NGINX, command: "ssh" }),
  ]);
  assert.deepEqual(others, []);
  assert.equal(finding?.level, "warning");
  assert.equal(finding.title, "port 5173 is node server.js by IPv4 and ssh by IPv6");
  assert.deepEqual(
    finding.advice.slice(1, 3).map(({ command }) => command),
    ["portmortem free 127.0.0.1:5173", "portmortem free '[::1]:5173'"],
  );
});

test("port-split has nothing to say of one program, of other addresses, of devices and of one socket for both", () => {
  const pairs: readonly (readonly [ListenerFacts, ListenerFacts])[] = [
    [on("127.0.0.1", 80, NGINX), on("::1", 80, { ...NGINX, pid: 11 })],
    [on("127.0.0.53", 80, NGINX), on("::1", 80, NODE)],
    [on("0.0.0.0", 80, NGINX), on("fe80::1", 80, NODE)],
    [on("0.0.0.0", 80, NGINX), on("::", 80, NODE, { v6only: false })],
    [on("0.0.0.0", 80, NGINX), on("::1", 81, NODE)],
    [on("0.0.0.0", 80, NGINX, { local: { address: "0.0.0.0", port: 80, interface: "eth0" } }), on("::1", 80, NODE)],
    [on("0.0.0.0", 80, NGINX), on("::1", 80, [])],
  ];
  for (const [four, six] of pairs) assert.deepEqual(findings(PORT_SPLIT, [four, six]), []);
  assert.equal(findings(PORT_SPLIT, [on("0.0.0.0", 80, NGINX), on("::", 80, NODE, { v6only: true })]).length, 1);
});

const ABANDONED: Partial<ProcessPlace> = {
  parentPid: 1,
  adopted: true,
  sessionLeaderGone: true,
  terminal: "gone",
  directory: "/home/alice/shop",
  sourceTree: "/home/alice/shop",
  startedAtMs: NOW - 5 * HOUR_MS,
};

test("listener-left-behind names a development server that outlived its terminal, with every hint and all its ports", () => {
  const [finding, ...others] = findings(LISTENER_LEFT_BEHIND, [
    on("::", 5173, NODE, {}, ABANDONED),
    on("::", 24_678, NODE, {}, ABANDONED),
  ]);
  assert.deepEqual(others, []);
  assert.equal(finding?.level, "info");
  assert.equal(finding.title, "node server.js on ports 5173, 24678 may have been left behind");
  assert.deepEqual(finding.evidence["hints"], [
    "its terminal was closed",
    "the process that started it has ended",
    "the leader of its session has ended",
    "it runs from the source tree /home/alice/shop",
  ]);
  assert.equal(finding.evidence["ageMs"], 5 * HOUR_MS);
  assert.equal(finding.advice[0]?.command, "portmortem free 5173 24678");
});

test("listener-left-behind needs a starter that is gone, and more than one hint", () => {
  const named = (place: Partial<ProcessPlace>, owner: Partial<Owner> = {}): boolean =>
    findings(LISTENER_LEFT_BEHIND, [on("::", 5173, { ...NODE, ...owner }, {}, { ...ABANDONED, ...place })]).length ===
    1;
  const { sourceTree: _, ...daemon } = { ...ABANDONED, directory: "/" };
  assert.equal(named({}), true);
  assert.equal(named({ adopted: false, sessionLeaderGone: false }), false, "its shell still runs");
  assert.equal(named({ adopted: false }), true, "npm is gone, and left a shell between");
  assert.equal(named({ terminal: "controlling" }), false, "somebody sits at it");
  assert.equal(named({ terminal: "none" }), true, "started by a tool, hours ago");
  assert.equal(named({ terminal: "none", startedAtMs: NOW - 60_000 }), false, "started by a tool, just now");
  assert.equal(named({}, { unit: "shop.service" }), false, "a service");
  assert.equal(named({}, { unit: "session-4.scope" }), true, "started by hand");
  assert.equal(named({}, { unit: "user@1000.service" }), true, "started by hand");
  assert.equal(named({}, { container: { runtime: "docker", id: "ab12" } }), false, "a container");
  assert.equal(findings(LISTENER_LEFT_BEHIND, [on("::", 80, NGINX, {}, daemon)]).length, 0, "a daemon");
  assert.equal(findings(LISTENER_LEFT_BEHIND, [on("::", 80, NGINX, {}, { ...daemon, directoryGone: true })]).length, 1);
});

test("listener-left-behind looks at those who started the others, and at all of them", () => {
  const worker = { ...NODE, pid: 813 };
  const listener = (masterPlace: Partial<ProcessPlace>): ListenerFacts =>
    listenerFacts(
      { address: "::", port: 5173 },
      {
        socket: { owners: [NODE, worker] },
        processes: [
          { pid: NODE.pid, ...masterPlace },
          { pid: worker.pid, ...ABANDONED, parentPid: NODE.pid, adopted: false, sessionLeaderGone: false },
        ],
      },
    );
  assert.deepEqual(
    findings(LISTENER_LEFT_BEHIND, [listener(ABANDONED)]).map(({ evidence }) => evidence["pid"]),
    [NODE.pid],
  );
  assert.deepEqual(
    findings(LISTENER_LEFT_BEHIND, [listener({ ...ABANDONED, adopted: false, sessionLeaderGone: false })]),
    [],
  );
});

test("listener-left-behind says nothing where one of two who started by themselves was not left behind", () => {
  const listener = listenerFacts(
    { address: "::", port: 5173 },
    {
      socket: { owners: [NODE, { ...NODE, pid: 813 }] },
      processes: [
        { pid: NODE.pid, ...ABANDONED },
        { pid: 813, ...ABANDONED, parentPid: 400, adopted: false, sessionLeaderGone: false },
      ],
    },
  );
  assert.deepEqual(findings(LISTENER_LEFT_BEHIND, [listener]), []);
});

test("the findings about listeners have nothing to say where nobody may be seen", () => {
  const hidden = [on("0.0.0.0", 80, [], { ownerless: "no-permission" }), on("127.0.0.1", 80, []), on("::1", 80, [])];
  for (const definition of [LISTENER_SHADOWED, REUSEPORT_MIXED, PORT_SPLIT, LISTENER_LEFT_BEHIND])
    assert.deepEqual(findings(definition, hidden), [], definition.code);
});
