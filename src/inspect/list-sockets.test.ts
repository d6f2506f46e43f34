import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "../../test/contracts/counting-host.ts";
import { parseFilter } from "../tcp/filter/parse-filter.ts";
import { bound, connection, createFakeHost, listener, program, timeWait, udp } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { countSockets, eachSocket, listSockets } from "./list-sockets.ts";
import type { CountKey, ListRequest } from "./list-sockets.ts";

const WORLD: FakeHostDescription = {
  processes: [
    program("nginx", { pid: 80, uid: 0, sockets: [listener({ port: 8080 }), bound({ port: 9999 })] }),
    program("node", {
      pid: 90,
      sockets: [
        connection({ local: "127.0.0.1:40001", remote: "127.0.0.1:8080" }),
        connection({ local: "127.0.0.1:40002", remote: "10.0.0.9:443", state: "CLOSE-WAIT" }),
        udp({ port: 53 }),
      ],
    }),
  ],
  sockets: [timeWait({ port: 8080 }), connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:40001" })],
};

function request(filter?: string, more: Partial<ListRequest> = {}): ListRequest {
  return {
    protocols: ["tcp"],
    owners: true,
    details: false,
    ...(filter === undefined ? {} : { filter: parseFilter(filter) }),
    ...more,
  };
}

async function list(asked: ListRequest, world: FakeHostDescription = WORLD) {
  const { host, calls } = counted(createFakeHost(world));
  const { sockets, incomplete } = await listSockets(host, asked);
  return {
    sockets,
    incomplete,
    calls,
    lines: sockets.map(
      ({ state, local, owners, ownerless }) => `${state} ${local.port} ${owners?.[0]?.command ?? ownerless ?? "-"}`,
    ),
  };
}

test("listSockets() shows all but bound-only sockets, each with its owner or the reason why it has none", async () => {
  assert.deepEqual((await list(request())).lines, [
    "LISTEN 8080 nginx",
    "ESTABLISHED 40001 node",
    "CLOSE-WAIT 40002 node",
    "TIME-WAIT 8080 kernel",
    "ESTABLISHED 8080 unaccepted",
  ]);
});

test("listSockets() shows bound-only sockets where the filter names them", async () => {
  assert.deepEqual((await list(request("state bound-inactive"))).lines, ["BOUND 9999 nginx"]);
});

test("listSockets() reads no process when owners are not wanted", async () => {
  const { lines, calls } = await list(request("sport = :8080", { owners: false }));
  assert.deepEqual(lines, ["LISTEN 8080 -", "TIME-WAIT 8080 -", "ESTABLISHED 8080 -"]);
  assert.ok(!calls.some((call) => call.startsWith("processes") || call.startsWith("socketFds")));
});

test("listSockets() filters by what only the owners tell, also when owners are not wanted", async () => {
  const lines = async (filter: string, owners = true) => (await list(request(filter, { owners }))).lines;
  assert.deepEqual(await lines("pid = 90"), ["ESTABLISHED 40001 node", "CLOSE-WAIT 40002 node"]);
  assert.deepEqual(await lines("command = nginx"), ["LISTEN 8080 nginx"]);
  assert.deepEqual(await lines("user = root"), ["LISTEN 8080 nginx"]);
  assert.deepEqual(await lines("pid = 90 and state close-wait", false), ["CLOSE-WAIT 40002 node"]);
  assert.deepEqual(await lines("not pid = 90 and sport = :8080"), [
    "LISTEN 8080 nginx",
    "TIME-WAIT 8080 kernel",
    "ESTABLISHED 8080 unaccepted",
  ]);
});

test("listSockets() knows a connection that waits to be accepted, though the filter hides its listener", async () => {
  assert.deepEqual((await list(request("state established and sport = :8080"))).lines, ["ESTABLISHED 8080 unaccepted"]);
  const other = { ...WORLD, sockets: [...(WORLD.sockets ?? []), listener({ port: 22 })] };
  const hidden = await list(request("( state established and sport = :8080 ) or sport = :22"), other);
  assert.ok(hidden.lines.includes("ESTABLISHED 8080 unaccepted"), hidden.lines.join());
});

test("listSockets() filters here what the source did not filter", async () => {
  const { lines, incomplete } = await list(request("state time-wait"), {
    ...WORLD,
    source: { kind: "procfs", why: "no FFI", hint: "install it" },
  });
  assert.deepEqual(lines, ["TIME-WAIT 8080 kernel"]);
  assert.deepEqual(incomplete, [
    {
      what: "cookies, devices, backlogs, bound-only sockets",
      why: "read from /proc/net, which does not show them: no FFI",
      hint: "install it",
    },
  ]);
});

test("listSockets() throws PM_NO_SOCKET_SOURCE where no sockets can be seen at all", async () => {
  const nothing = { source: { kind: "none", why: "no kernel" } } as const;
  await assert.rejects(list(request(), nothing), { code: "PM_NO_SOCKET_SOURCE", message: /no kernel/ });
});

test("listSockets() refuses a filter for marks without the right to see them", async () => {
  const asked = request("fwmark = 7");
  await assert.rejects(list(asked, { system: { uid: 1000 } }), { code: "PM_NEEDS_NET_ADMIN", errno: "EPERM" });
  assert.deepEqual((await list(asked)).lines, []);
});

test("listSockets() puts a path to a cgroup's number where it is asked to", async () => {
  const world = {
    sockets: [listener({ port: 1, cgroupId: 44 }), listener({ port: 2, cgroupId: 45 })],
    cgroups: { "/web": 44 },
  };
  const cgroups = async (asked: ListRequest) =>
    (await list(asked, world)).sockets.map(({ cgroup, cgroupId }) => [cgroup, cgroupId]);
  assert.deepEqual(await cgroups(request(undefined, { cgroupPaths: true })), [
    ["/web", 44],
    [undefined, 45],
  ]);
  assert.deepEqual(await cgroups(request()), [
    [undefined, 44],
    [undefined, 45],
  ]);
});

test("listSockets() shows details only where they are wanted", async () => {
  const world = { sockets: [connection({ local: "127.0.0.1:1", remote: "127.0.0.1:2", info: { rttUs: 40 } })] };
  assert.equal((await list(request(), world)).sockets[0]?.info, undefined);
  assert.deepEqual((await list(request(undefined, { details: true }), world)).sockets[0]?.info, { rttUs: 40 });
});

test("eachSocket() shows TCP, then UDP, where both are wanted", () => {
  const protocols: string[] = [];
  eachSocket(createFakeHost(WORLD), request(undefined, { protocols: ["tcp", "udp"] }), ({ protocol }) =>
    protocols.push(protocol),
  );
  assert.deepEqual(protocols, ["tcp", "tcp", "tcp", "tcp", "tcp", "udp"]);
});

test("eachSocket() stops when its signal is aborted", () => {
  const seen: number[] = [];
  const visit = (): void => void seen.push(1);
  assert.throws(() => eachSocket(createFakeHost(WORLD), request(), visit, AbortSignal.abort()), { name: "AbortError" });
  assert.deepEqual(seen, []);
});

const counts = async (by: CountKey, filter?: string) => {
  const { counts: found, total } = await countSockets(createFakeHost(WORLD), request(filter, { owners: false }), by);
  return { lines: found.map(({ key, count }) => `${key} ${count}`), total };
};

test("countSockets() counts by state, port, peer or process, the most first and then by name", async () => {
  assert.deepEqual(await counts("state"), {
    lines: ["ESTABLISHED 2", "CLOSE-WAIT 1", "LISTEN 1", "TIME-WAIT 1"],
    total: 5,
  });
  assert.deepEqual((await counts("port")).lines, ["8080 3", "40001 1", "40002 1"]);
  assert.deepEqual((await counts("peer")).lines, ["127.0.0.1 3", "10.0.0.9 1", "none 1"]);
  assert.deepEqual((await counts("process")).lines, ["node[90] 2", "(kernel) 1", "(unaccepted) 1", "nginx[80] 1"]);
});

test("countSockets() counts what the filter matches, owners or not", async () => {
  assert.deepEqual(await counts("state", "sport = :8080"), {
    lines: ["ESTABLISHED 1", "LISTEN 1", "TIME-WAIT 1"],
    total: 3,
  });
  assert.deepEqual((await counts("state", "pid = 90")).lines, ["CLOSE-WAIT 1", "ESTABLISHED 1"]);
  assert.deepEqual(await counts("port", "sport = :1"), { lines: [], total: 0 });
});

test("countSockets() by state filters here what the source did not filter", async () => {
  const host = createFakeHost({ ...WORLD, source: { kind: "procfs", why: "w", hint: "h" } });
  const { counts: found } = await countSockets(host, request("state listening", { owners: false }), "state");
  assert.deepEqual(found, [{ key: "LISTEN", count: 1 }]);
});
