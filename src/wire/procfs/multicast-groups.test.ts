import assert from "node:assert/strict";
import { test } from "node:test";
import { LITTLE_ENDIAN } from "../netlink.ts";
import { parseMulticastGroups } from "./multicast-groups.ts";

test("parseMulticastGroups() reads both files, and skips what is no line of theirs", { skip: !LITTLE_ENDIAN }, () => {
  const igmp = [
    "Idx\tDevice    : Count Querier\tGroup    Users Timer\tReporter",
    "1\tlo        :     1      V3",
    "\t\t\t\t010000E0     1 0:00000000\t\t0",
    "4\teth0      :     2      V3",
    "\t\t\t\tFB0000E0     1 0:00000000\t\t0",
    "\t\t\t\t01",
  ].join("\n");
  const igmp6 = ["1    lo              ff020000000000000000000000000001     1 0000000C 0", "2    x  ff02"].join("\n");
  assert.deepEqual(parseMulticastGroups(igmp, igmp6), {
    ipv4: [
      { group: Uint8Array.of(224, 0, 0, 1), ifindex: 1 },
      { group: Uint8Array.of(224, 0, 0, 251), ifindex: 4 },
    ],
    ipv6: [{ group: Uint8Array.of(0xff, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1), ifindex: 1 }],
  });
  assert.deepEqual(parseMulticastGroups("", ""), { ipv4: [], ipv6: [] });
});
