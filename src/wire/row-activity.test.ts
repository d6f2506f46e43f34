import assert from "node:assert/strict";
import { test } from "node:test";
import { recordedMessages } from "../../test/oracles/diag-messages.ts";
import { createSocketRow } from "../tcp/socket-row.ts";
import { AddressTexts } from "./address-texts.ts";
import { decodeRow, decodeSocket } from "./decode-socket.ts";
import { LITTLE_ENDIAN } from "./netlink.ts";
import { decodeActivity, decodeTcpInfo, tcpInfoStruct } from "./tcp-info.ts";

const SKIP = {
  skip: LITTLE_ENDIAN ? false : "probed: the byte order of this machine; the recording is of a little-endian one",
};

test(
  "decodeRow() fills the activity that is asked for with what tcp_info says, and nothing of the socket before",
  SKIP,
  () => {
    const row = createSocketRow("tcp");
    row.activity = { lastDataReceivedMs: undefined, lastAckReceivedMs: undefined };
    const context = { protocol: "tcp", texts: new AddressTexts(), interfaceName: () => undefined } as const;
    let told = 0;
    let untold = 0;
    for (const bytes of [...recordedMessages("tcp"), ...recordedMessages("tcp6")]) {
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      const end = view.getUint32(0, LITTLE_ENDIAN);
      decodeRow(view, 0, end, context.texts, row);
      const { info } = decodeSocket(view, 0, end, context);
      assert.deepEqual(
        { ...row.activity },
        { lastDataReceivedMs: info?.lastDataReceivedMs, lastAckReceivedMs: info?.lastAckReceivedMs },
      );
      if (info === undefined) untold++;
      else told++;
    }
    assert.ok(told > 3 && untold > 3, `${told} with tcp_info, ${untold} without`);
  },
);

test("decodeActivity() tells of a shorter struct what decodeTcpInfo() tells of it", () => {
  const bytes = new Uint8Array(tcpInfoStruct.sizeBytes).map((_, index) => index & 0x7f);
  const view = new DataView(bytes.buffer);
  for (let length = 0; length <= bytes.length; length++) {
    const activity = { lastDataReceivedMs: 1, lastAckReceivedMs: 1 } as Parameters<typeof decodeActivity>[0];
    decodeActivity(activity, view, 0, length);
    const { lastDataReceivedMs, lastAckReceivedMs } = decodeTcpInfo(view, 0, length);
    assert.deepEqual(activity, { lastDataReceivedMs, lastAckReceivedMs }, `of ${length} bytes`);
  }
});
