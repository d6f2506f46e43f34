import assert from "node:assert/strict";
import { test } from "node:test";
import type { Socket } from "../socket.ts";
import { matchesFilter } from "./match-filter.ts";
import { parseFilter } from "./parse-filter.ts";
import { withUdpStates } from "./udp-states.ts";

const bound: Socket = { protocol: "udp", family: "ipv4", state: "BOUND", local: { address: "0.0.0.0", port: 53 } };

test("withUdpStates() lets ss's words for an unconnected UDP socket find it, and `not` exclude it", () => {
  for (const word of ["unconnected", "closed", "bound"]) {
    assert.equal(matchesFilter(withUdpStates(parseFilter(`state ${word} sport = :53`)), bound), true, word);
    assert.equal(matchesFilter(withUdpStates(parseFilter(`not ( state ${word} )`)), bound), false, word);
  }
  assert.equal(matchesFilter(withUdpStates(parseFilter("state established")), bound), false);
  assert.deepEqual(withUdpStates(parseFilter("sport = :53 or dport = :53")), parseFilter("sport = :53 or dport = :53"));
});
