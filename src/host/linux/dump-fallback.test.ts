import assert from "node:assert/strict";
import { test } from "node:test";
import type { Socket } from "../../tcp/socket.ts";
import type { DumpSummary, SocketDump } from "../host.ts";
import { dumpOrElse } from "./dump-fallback.ts";

const socket: Socket = { protocol: "tcp", family: "ipv4", state: "LISTEN", local: { address: "127.0.0.1", port: 1 } };

function dumpOf(sockets: readonly Socket[], failed: DumpSummary["failed"] = [], exactFilter = true): SocketDump {
  return {
    summary: { exactFilter, interrupted: false, malformed: 0, failed, blind: [] },
    *[Symbol.iterator]() {
      if (sockets.length > 0)
        yield {
          length: sockets.length,
          stateAt: (at: number) => sockets[at]!.state,
          socketAt: (at: number) => sockets[at]!,
        };
    },
  };
}

function read(dump: SocketDump): Socket[] {
  return [...dump].flatMap((batch) => Array.from({ length: batch.length }, (_, index) => batch.socketAt(index)));
}

test("dumpOrElse() reads the other source when nobody answers for any family", () => {
  const told: string[] = [];
  const silent = dumpOf(
    [],
    [
      { family: "ipv4", errno: "ENOENT" },
      { family: "ipv6", errno: "ENOENT" },
    ],
  );
  const dump = dumpOrElse(
    silent,
    () => dumpOf([socket], [], false),
    (errno) => told.push(errno),
  );
  assert.deepEqual(read(dump), [socket]);
  assert.deepEqual(told, ["ENOENT"]);
  assert.equal(dump.summary.exactFilter, false);
  assert.deepEqual(dump.summary.failed, []);
});

test("dumpOrElse() keeps the first source when only IPv6 is missing, when it answered, or when the failure is another", () => {
  const never = (): SocketDump => assert.fail("the other source was asked");
  assert.deepEqual(read(dumpOrElse(dumpOf([], [{ family: "ipv6", errno: "ENOENT" }]), never, assert.fail)), []);
  assert.deepEqual(read(dumpOrElse(dumpOf([socket], [{ family: "ipv4", errno: "ENOENT" }]), never, assert.fail)), [
    socket,
  ]);
  const refused = dumpOrElse(dumpOf([], [{ family: "ipv4", errno: "EPERM" }]), never, assert.fail);
  assert.deepEqual(read(refused), []);
  assert.deepEqual(refused.summary.failed, [{ family: "ipv4", errno: "EPERM" }]);
});
