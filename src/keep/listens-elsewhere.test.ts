import assert from "node:assert/strict";
import { test } from "node:test";
import type { SocketPlace } from "../host/keeping.ts";
import { ListensElsewhere } from "./listens-elsewhere.ts";
import { wantedPorts } from "./wanted-ports.ts";

const LOCAL_PORTS = { from: 32_768, to: 60_999 };
const at = (port: number): SocketPlace =>
  ({ protocol: "tcp", family: "ipv4", address: "127.0.0.1", port }) as SocketPlace;
const named = wantedPorts([{ port: 80 }], LOCAL_PORTS);

test("told once, of each place once, when nothing is kept for two looks", () => {
  const elsewhere = new ListensElsewhere(named);
  assert.equal(elsewhere.look(false), undefined, "it listens on nothing");
  for (const port of [81, 82, 81]) elsewhere.heard(at(port));
  assert.equal(elsewhere.look(false), undefined, "it may be on its way");
  assert.deepEqual(elsewhere.look(false), { kind: "elsewhere", places: [at(81), at(82)], named: [{ port: 80 }] });
  elsewhere.heard(at(83));
  assert.deepEqual([elsewhere.look(false), elsewhere.look(false)], [undefined, undefined]);
});

test("not told where what was named is kept, however late, or nothing was named", () => {
  const both = new ListensElsewhere(named);
  both.heard(at(81));
  assert.equal(both.look(false), undefined);
  assert.deepEqual([both.look(true), both.look(false), both.look(false)], [undefined, undefined, undefined]);
  const wanted = new ListensElsewhere(named);
  wanted.heard(at(80));
  const any = new ListensElsewhere(wantedPorts([], LOCAL_PORTS));
  any.heard(at(81));
  for (const one of [wanted, any]) assert.deepEqual([one.look(false), one.look(false)], [undefined, undefined]);
});
