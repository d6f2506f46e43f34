// What the running kernel sends, damaged: the recording of another kernel may not show what this one does.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LITTLE_ENDIAN } from "../../src/wire/netlink.ts";
import { MIN_DIAG_MESSAGE_BYTES } from "../../src/wire/inet-diag.ts";
import { dumpRaw } from "../fixtures/sock-diag/record.ts";
import { checkPartOf, checkSocket, readBack } from "../oracles/damage.ts";
import { populate } from "./population.ts";
import { story } from "./story.ts";

test(
  "messages of this kernel: read back whole, cut anywhere, changed anywhere",
  story(async (story) => {
    await populate(story);
    const messages = (["ipv4", "ipv6"] as const).flatMap((family) => dumpRaw("tcp", family).slice(0, -1));
    const { sockets, summary } = readBack("tcp", messages);
    assert.deepEqual([sockets.length, summary.malformed], [messages.length, 0]);
    for (const socket of sockets) checkSocket(socket);
    const place = fc.tuple(fc.constantFrom(...messages), fc.nat(), fc.integer({ min: 1, max: 255 }));
    fc.assert(
      fc.property(place, ([message, some, flip]) => {
        const damaged = message.slice();
        damaged[some % damaged.length]! ^= flip;
        for (const socket of readBack("tcp", [damaged]).sockets) checkSocket(socket);
        const [whole] = readBack("tcp", [message]).sockets;
        const length = MIN_DIAG_MESSAGE_BYTES + (some % (message.length - MIN_DIAG_MESSAGE_BYTES));
        const cut = message.slice(0, (length + 3) & ~3);
        new DataView(cut.buffer).setUint32(0, length, LITTLE_ENDIAN);
        checkPartOf(readBack("tcp", [cut]).sockets[0]!, whole!, `cut to ${length}`);
      }),
      { numRuns: 3000, includeErrorInReport: true },
    );
  }),
);
