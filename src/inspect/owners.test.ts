import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "../../test/contracts/counting-host.ts";
import type { Host } from "../host/host.ts";
import { connection, createFakeHost, listener, program } from "../testing/testing.ts";
import type { FakeHostDescription, FakeSocket } from "../testing/testing.ts";
import { findOwners } from "./owners.ts";
import type { WantedSocket } from "./owners.ts";

const WANTED = 101;
const wanted: FakeSocket = listener({ port: 8080, inode: WANTED });

function scan(
  description: FakeHostDescription,
  inodes: readonly WantedSocket[],
  inPassing: readonly WantedSocket[] = [],
) {
  const { host, calls } = counted(createFakeHost(description));
  const found = findOwners(host, inodes, inPassing);
  return { found, reads: calls.filter((call) => call.startsWith("socketFds")), calls };
}

/** A server with so many descriptors that the first pass does not see them all. */
const busy = (pid: number, more: Parameters<typeof program>[1] = {}) =>
  program("busy", { pid, otherFds: 5000, ...more });

test("findOwners() asks for nothing when nothing is wanted", () => {
  assert.deepEqual(scan({ processes: [program("a")] }, []).calls, []);
});

test("findOwners() finds all the processes that share a listener on a low descriptor", () => {
  const { found } = scan(
    { processes: [1, 2, 3].map((pid) => program("nginx", { pid, sockets: pid === 3 ? [] : [wanted] })) },
    [{ inode: WANTED }],
  );
  assert.deepEqual(found.holdings.get(WANTED), [
    { pid: 1, fd: 3 },
    { pid: 2, fd: 3 },
  ]);
});

test("findOwners() reads no whole table once the low descriptors have told all", () => {
  const processes = [busy(1), busy(2, { fds: { 7: wanted } }), busy(3)];
  const { found, reads } = scan({ processes }, [{ inode: WANTED }]);
  assert.deepEqual(found.holdings.get(WANTED), [{ pid: 2, fd: 7 }]);
  assert.deepEqual(reads.toSorted(), ["socketFds 1 32", "socketFds 2 32", "socketFds 3 32"]);
  assert.equal(found.processesRead, 3);
});

test("findOwners() stops reading whole tables when nothing is wanted any more", () => {
  const processes = [1, 2, 3, 4].map((pid) =>
    busy(pid, { otherFds: 5000 + pid, ...(pid === 2 ? { fds: { 900: wanted } } : {}) }),
  );
  const { found, reads } = scan({ processes }, [{ inode: WANTED }]);
  assert.deepEqual(found.holdings.get(WANTED), [{ pid: 2, fd: 900 }]);
  assert.deepEqual(reads.slice(4), ["socketFds 1", "socketFds 2"], "after the four low reads");
});

test("findOwners() does not read a table again that the first pass has seen whole", () => {
  const processes = [program("small", { pid: 1 }), busy(2, { fds: { 900: wanted } })];
  const { reads } = scan({ processes }, [{ inode: WANTED }]);
  assert.deepEqual(reads, ["socketFds 1 32", "socketFds 2 32", "socketFds 2"]);
});

/** Which process' whole table is read first. */
function firstWhole(processes: FakeHostDescription["processes"] & {}, socket: WantedSocket): string | undefined {
  const { reads } = scan({ processes }, [socket]);
  return reads.find((call) => /^socketFds \d+$/.test(call));
}

test("findOwners() reads the socket's user's processes first", () => {
  const processes = [busy(1, { uid: 0 }), busy(2, { uid: 33, otherFds: 9000 }), busy(3, { uid: 0 })];
  assert.equal(firstWhole(processes, { inode: WANTED, uid: 33 }), "socketFds 2");
});

test("findOwners() reads the processes of the socket's cgroup before those of its user", () => {
  const processes = [busy(1, { uid: 33, cgroup: "/other" }), busy(2, { uid: 0, cgroup: "/web", otherFds: 9000 })];
  assert.equal(firstWhole(processes, { inode: WANTED, uid: 33, cgroup: "/web" }), "socketFds 2");
  assert.equal(firstWhole(processes, { inode: WANTED, uid: 33, cgroup: "/" }), "socketFds 1", "the root tells nothing");
});

test("findOwners() reads small tables before big ones, when nothing else tells them apart", () => {
  assert.equal(firstWhole([busy(1, { otherFds: 9000 }), busy(2, { otherFds: 100 })], { inode: WANTED }), "socketFds 2");
});

test("findOwners() reads the processes of other network namespaces last, and only when it must", () => {
  const description = (inside: boolean): FakeHostDescription => ({
    processes: [busy(1, inside ? { fds: { 900: wanted } } : {})],
    namespaces: [{ processes: [busy(2, inside ? {} : { fds: { 900: wanted } })] }],
  });
  const here = scan(description(true), [{ inode: WANTED }]);
  assert.ok(!here.reads.some((call) => call.startsWith("socketFds 2")), here.reads.join());
  const there = scan(description(false), [{ inode: WANTED }]);
  assert.deepEqual(there.found.holdings.get(WANTED), [{ pid: 2, fd: 900 }]);
  assert.deepEqual(there.reads.slice(0, 2), ["socketFds 1 32", "socketFds 1"]);
});

test("findOwners() asks the others for the same descriptor, where a high one was inherited", () => {
  const processes = [1, 2, 3].map((pid) => busy(pid, { otherFds: 5000 + pid, fds: pid < 3 ? { 900: wanted } : {} }));
  const { found, reads, calls } = scan({ processes }, [{ inode: WANTED }]);
  assert.deepEqual(found.holdings.get(WANTED), [
    { pid: 1, fd: 900 },
    { pid: 2, fd: 900 },
  ]);
  assert.deepEqual(reads.slice(3), ["socketFds 1"], "one whole table, not three");
  assert.deepEqual(
    calls.filter((call) => call.startsWith("socketInode")),
    ["socketInode 2 900", "socketInode 3 900"],
  );
});

test("findOwners() notes what turns up on the way, and does not search for it", () => {
  const passing = connection({ local: "127.0.0.1:1", remote: "127.0.0.1:2", inode: 7 });
  const hidden = connection({ local: "127.0.0.1:3", remote: "127.0.0.1:4", inode: 8 });
  const processes = [busy(1, { fds: { 5: wanted, 6: passing } }), busy(2, { fds: { 900: hidden } })];
  const { found, reads } = scan({ processes }, [{ inode: WANTED }], [{ inode: 7 }, { inode: 8 }]);
  assert.deepEqual([...found.holdings.keys()], [WANTED, 7]);
  assert.deepEqual(reads.toSorted(), ["socketFds 1 32", "socketFds 2 32"], "no whole table for what is not a must");
});

test("findOwners() keeps account of the processes that it may not read, once each", () => {
  const processes = [busy(1, { uid: 0 }), busy(2, { uid: 33 }), busy(3, { uid: 33 })];
  const { found, reads } = scan({ system: { uid: 33 }, processes }, [{ inode: WANTED }]);
  assert.deepEqual(
    found.denied.map(({ pid }) => pid),
    [1],
  );
  assert.ok(!reads.includes("socketFds 1"), "it is not tried again");
  assert.equal(found.holdings.size, 0);
});

test("findOwners() passes over a process that ended meanwhile", () => {
  const real = createFakeHost({ processes: [program("a", { pid: 1 }), program("b", { pid: 2, sockets: [wanted] })] });
  const gone: Host = Object.create(real, {
    ...Object.fromEntries(
      ["netns", "socketInode", "process"].map((name) => [name, { value: Reflect.get(real, name).bind(real) }]),
    ),
    processes: { value: () => [{ pid: 77 }, ...real.processes()] },
    socketFds: { value: (pid: number, below?: number) => real.socketFds(pid, below) },
  });
  const found = findOwners(gone, [{ inode: WANTED }]);
  assert.deepEqual(found.holdings.get(WANTED), [{ pid: 2, fd: 3 }]);
  assert.deepEqual(found.denied, [], "gone is not denied");
});

test("findOwners() leaves processes without descriptors alone", () => {
  const { reads } = scan({ processes: [program("kthread", { pid: 1, otherFds: 0 })] }, [{ inode: WANTED }]);
  assert.deepEqual(reads, []);
});

/** So many that not all the low descriptors of everybody are looked at. */
const crowd = (from: number): ReturnType<typeof program>[] =>
  Array.from({ length: 200 }, (_, index) => busy(from + index, { parentPid: 7 }));

test("findOwners() looks only at the holder's relatives for further sharers, where there are hundreds of processes", () => {
  const processes = [
    busy(7, { fds: { 20: wanted } }),
    busy(8, { parentPid: 7, fds: { 3: wanted } }),
    busy(9, { parentPid: 8, fds: { 21: wanted } }),
    ...crowd(1000).map((process) => ({ ...process, parentPid: 6 })),
  ];
  const { found, reads } = scan({ processes }, [{ inode: WANTED }]);
  assert.deepEqual(
    found.holdings.get(WANTED)?.map(({ pid }) => pid),
    [8, 7, 9],
  );
  assert.deepEqual(
    reads.filter((call) => call.endsWith(" 32 8")),
    ["socketFds 8 32 8", "socketFds 7 32 8", "socketFds 9 32 8"],
  );
});

test("findOwners() goes on to the relatives of a holder that it found among relatives", () => {
  const processes = [
    busy(7, { fds: { 20: wanted } }),
    busy(8, { parentPid: 7, fds: { 3: wanted } }),
    busy(9, { parentPid: 7, fds: { 21: wanted } }),
    ...crowd(1000).map((process) => ({ ...process, parentPid: 6 })),
  ];
  const { found } = scan({ processes }, [{ inode: WANTED }]);
  assert.deepEqual(
    found.holdings
      .get(WANTED)
      ?.map(({ pid }) => pid)
      .toSorted(),
    [7, 8, 9],
  );
});

test("findOwners() looks at all low descriptors of hundreds of processes while something is missing", () => {
  const { found, reads } = scan({ processes: [...crowd(1000), busy(2, { fds: { 20: wanted } })] }, [{ inode: WANTED }]);
  assert.deepEqual(found.holdings.get(WANTED), [{ pid: 2, fd: 20 }]);
  assert.equal(reads.filter((call) => call.endsWith(" 32 8")).length, 201);
  assert.ok(!reads.some((call) => /^socketFds \d+$/.test(call)), "and at no whole table");
});
