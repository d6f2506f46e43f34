import assert from "node:assert/strict";
import { test } from "node:test";
import { held, judge, ownerless } from "../../test/contracts/bind-snapshots.ts";
import type { Attempt, PortHolder } from "../tcp/bind-snapshot.ts";
import { bound, connection, listener, timeWait } from "../testing/testing.ts";
import { inferOptions } from "./infer-options.ts";

const SETTINGS = { kernelRelease: "6.18.0", localAddresses: [], interfaces: [], rootPrefix: "", asker: { uid: 0 } };

function infer(holders: readonly PortHolder[], results?: readonly [withReuse: string, without: string]) {
  const probed: Attempt[] = (results ?? []).map((result, index) => ({
    reuseAddr: index === 0,
    reusePort: false,
    result,
    by: "probe",
  }));
  const question = {
    protocol: "tcp",
    address: "::",
    port: 8080,
    v6only: false,
    reuseAddr: true,
    reusePort: false,
  } as const;
  return inferOptions({
    question,
    probed,
    holders,
    connectedTo: [],
    elsewhere: [],
    settings: SETTINGS,
    incomplete: [],
  }).map(({ reuseAddr, reusePort, optionsBy }) => [reuseAddr, reusePort, optionsBy]);
}

const LEFT = ownerless(timeWait({ port: 8080 }));
const LISTENER = listener({ port: 8080, reuseAddr: true });
const WAITING = ownerless(connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:5000" }), {
  ownerless: "unaccepted",
});
const NOTHING = [undefined, undefined, undefined];

test("inferOptions() gives what overlaps a listener without SO_REUSEPORT the listener's SO_REUSEADDR", () => {
  for (const reuseAddr of [true, false]) {
    const [, left] = infer([held({ ...LISTENER, reuseAddr }), LEFT]);
    assert.deepEqual(left, [reuseAddr, undefined, "inherited"]);
  }
  assert.deepEqual(
    infer([held({ ...LISTENER, reusePort: true }), LEFT])[1],
    NOTHING,
    "it can have come by SO_REUSEPORT",
  );
  const apart = held(listener({ port: 8080, address: "127.0.0.9", reuseAddr: true }));
  assert.deepEqual(infer([apart, LEFT])[1], NOTHING, "another address");
});

test("inferOptions() gives a connection that waits both options of the only listener", () => {
  assert.deepEqual(infer([held({ ...LISTENER, reusePort: true }), WAITING])[1], [true, true, "inherited"]);
  const two = [held({ ...LISTENER, reusePort: true }), held({ ...LISTENER, reusePort: true })];
  assert.deepEqual(infer([...two, WAITING])[2], NOTHING, "whose is it?");
});

test("inferOptions() knows that two listeners on one address have SO_REUSEPORT", () => {
  const hidden = ownerless(LISTENER, { inode: 5 });
  assert.deepEqual(infer([hidden, hidden]), [
    [undefined, true, "inferred"],
    [undefined, true, "inferred"],
  ]);
  assert.deepEqual(infer([hidden]), [NOTHING]);
});

test("inferOptions() reads real binds: allowed with SO_REUSEADDR all have it, refused the only one in question lacks it", () => {
  assert.deepEqual(infer([LEFT, LEFT], ["ok", "EADDRINUSE"]), [
    [true, undefined, "probe"],
    [true, undefined, "probe"],
  ]);
  assert.deepEqual(infer([LEFT], ["EADDRINUSE", "EADDRINUSE"]), [[false, undefined, "probe"]]);
  assert.deepEqual(infer([LEFT, LEFT], ["EADDRINUSE", "EADDRINUSE"]), [NOTHING, NOTHING], "one of the two, or both");
  assert.deepEqual(infer([LEFT], ["EACCES", "EACCES"]), [NOTHING]);
});

test("judgeBind() says where a blocker's options are known from", () => {
  const { blockers } = judge([LEFT], { results: ["EADDRINUSE", "EADDRINUSE"] });
  assert.deepEqual(blockers[0]?.options, { reuseAddr: false, by: "probe" });
  assert.equal(judge([LEFT, LEFT], { results: ["EADDRINUSE", "EADDRINUSE"] }).blockers[0]?.options, undefined);
});

test("judgeBind() names who can listen first, where SO_REUSEADDR lets two be bound", () => {
  const rival = held(bound({ port: 8080, reuseAddr: true }));
  const { bindable, attempts, rivals } = judge([rival], { results: ["ok", "EADDRINUSE"] });
  assert.deepEqual([bindable, attempts[0]?.listen, attempts[1]?.listen], [true, "ok", undefined]);
  assert.match(rivals?.[0]?.text ?? "", /held by node \(pid 812\): of the two, the one that listens first/);
  assert.equal(judge([LEFT], { results: ["ok", "EADDRINUSE"] }).rivals, undefined);
});
