import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { createServer, connect } from "node:net";
import type { AddressInfo } from "node:net";
import { createSocket } from "node:dgram";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Socket } from "../../tcp/socket.ts";
import { ALL_STATES, maskOf } from "../../tcp/states.ts";
import type { DumpRequest } from "../host.ts";
import { dumpProcNet } from "./proc-net-sockets.ts";

const OWN = "/proc/thread-self/net";

function all(request: DumpRequest, directory = OWN) {
  const sockets: Socket[] = [];
  const dump = dumpProcNet(directory, request);
  for (const batch of dump) for (let index = 0; index < batch.length; index++) sockets.push(batch.socketAt(index));
  return { sockets, summary: dump.summary };
}

function inodeOf(handle: unknown): number {
  const { fd } = (handle as Record<"_handle", { readonly fd: number }>)["_handle"];
  return Number(/\d+/.exec(readlinkSync(`/proc/self/fd/${fd}`))?.[0]);
}

test("dumpProcNet() shows this process' own listener, client and server side", async () => {
  const accepted: import("node:net").Socket[] = [];
  const server = createServer((socket) => accepted.push(socket)).listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  const client = connect(port, "127.0.0.1");
  try {
    await Promise.all([once(client, "connect"), once(server, "connection")]);
    const here = all({ protocol: "tcp", states: ALL_STATES, localPort: port });
    const listener = here.sockets.find((each) => each.state === "LISTEN");
    assert.deepEqual(listener, {
      protocol: "tcp",
      family: "ipv4",
      state: "LISTEN",
      local: { address: "127.0.0.1", port },
      queues: { accepting: 0 },
      uid: process.geteuid!(),
      inode: inodeOf(server),
    });
    const served = here.sockets.find((each) => each.state === "ESTABLISHED");
    assert.deepEqual(served?.remote, { address: "127.0.0.1", port: client.localPort });
    assert.equal(served?.inode, inodeOf(accepted[0]));
    const there = all({ protocol: "tcp", states: maskOf("ESTABLISHED"), families: ["ipv4"], remotePort: port });
    assert.deepEqual(
      there.sockets.map((each) => each.inode),
      [inodeOf(client)],
    );
    assert.deepEqual(there.summary, { exactFilter: true, interrupted: false, malformed: 0, failed: [], blind: [] });
    assert.deepEqual(all({ protocol: "tcp", states: ALL_STATES, localPort: port, families: ["ipv6"] }).sockets, []);
  } finally {
    client.destroy();
    for (const socket of accepted) socket.destroy();
    server.close();
  }
});

test("dumpProcNet() shows a connection that nobody has accepted, without an inode", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    // While the child runs and ends, this process' event loop stands still and cannot accept.
    const script = `require("node:net").connect(${port}, "127.0.0.1", () => process.exit())`;
    assert.equal(spawnSync(process.execPath, ["-e", script]).status, 0);
    const { sockets } = all({ protocol: "tcp", states: maskOf("LISTEN", "CLOSE-WAIT"), localPort: port });
    assert.deepEqual(
      sockets.map(({ state, queues, inode }) => ({ state, queues, inode })),
      [
        { state: "LISTEN", queues: { accepting: 1 }, inode: inodeOf(server) },
        { state: "CLOSE-WAIT", queues: { receiveBytes: 1, sendBytes: 0 }, inode: undefined }, // the FIN counts as a byte
      ],
    );
  } finally {
    server.close();
  }
});

test("dumpProcNet() shows UDP sockets, and is not blind for bound ones there", async () => {
  const socket = createSocket("udp4");
  socket.bind(0, "127.0.0.1");
  await once(socket, "listening");
  try {
    const { port } = socket.address();
    const { sockets, summary } = all({ protocol: "udp", states: ALL_STATES, localPort: port });
    assert.deepEqual(
      sockets.map((each) => [each.state, each.local]),
      [["BOUND", { address: "127.0.0.1", port }]],
    );
    assert.deepEqual(summary.blind, []);
  } finally {
    socket.close();
  }
});

test("dumpProcNet() says what it cannot do", () => {
  assert.deepEqual(dumpProcNet(OWN, { protocol: "tcp", states: ALL_STATES }).summary.blind, ["BOUND"]);
  assert.deepEqual(dumpProcNet(OWN, { protocol: "tcp", states: maskOf("LISTEN") }).summary.blind, []);
  assert.deepEqual(all({ protocol: "tcp", states: ALL_STATES }, "/proc/1073741823/net").summary.failed, [
    { family: "ipv4", errno: "ENOENT" },
    { family: "ipv6", errno: "ENOENT" },
  ]);
});

test("dumpProcNet() reads a large table whole, batch by batch, and counts what is damaged", () => {
  const directory = mkdtempSync(join(tmpdir(), "pm-net-"));
  try {
    const header = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
    const port = (index: number): string => (index % 65_536).toString(16).toUpperCase().padStart(4, "0");
    const rows = Array.from(
      { length: 5000 },
      (_, index) =>
        `${`${String(index).padStart(4)}: 0100007F:${port(index)} 0200007F:0050 06 00000000:00000000 03:00000100 00000000     0        0 0 3 ${index}`.padEnd(149)}\n`,
    );
    rows.splice(2500, 0, "garbage\n", `${"x".repeat(200_000)}\n`);
    writeFileSync(join(directory, "tcp"), `${header}${rows.join("")}9999: 0100007F:0001 02`);
    const { sockets, summary } = all({ protocol: "tcp", states: ALL_STATES }, directory);
    assert.equal(new Set(sockets.map((each) => each.local.port)).size, 5000);
    assert.equal(sockets.length, 5000);
    assert.ok(summary.malformed >= 3, `garbage, a monstrous line and a cut one: ${summary.malformed}`);
    assert.deepEqual(summary.failed, [{ family: "ipv6", errno: "ENOENT" }], "no IPv6 in this tree");
  } finally {
    rmSync(directory, { recursive: true });
  }
});

test("dumpProcNet() can be left early and iterated again", async () => {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    const { port } = server.address() as AddressInfo;
    const dump = dumpProcNet(OWN, { protocol: "tcp", states: maskOf("LISTEN"), localPort: port });
    for (const batch of dump) {
      assert.equal(batch.stateAt(0), "LISTEN");
      break;
    }
    assert.equal([...dump].length, 1);
  } finally {
    server.close();
  }
});
