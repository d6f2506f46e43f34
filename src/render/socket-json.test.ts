import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { SocketOptionName, TimerKind } from "../tcp/socket.ts";
import { createSocketRow, socketOfRow } from "../tcp/socket-row.ts";
import type { SocketRow } from "../tcp/socket-row.ts";
import { STATES } from "../tcp/states.ts";
import { ByteText } from "./byte-text.ts";
import { jsonText } from "./escape.ts";
import { SocketJson } from "./socket-json.ts";

const u32 = fc.oneof(fc.nat({ max: 10 }), fc.integer({ min: 0, max: 0xffffffff }));
const port = fc.nat({ max: 65_535 });
const address = fc.oneof(fc.ipV4(), fc.constantFrom("::1", "fe80::1", "::ffff:127.0.0.1"));
const timers: TimerKind[] = ["retransmit", "keepalive", "time-wait", "zero-window-probe", "delayed-ack"];
const options: SocketOptionName[][] = [[], ["is_icsk"], ["recverr", "bind_address_no_port"]];
const maybe = <T>(one: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(one, { nil: undefined });

const rows: fc.Arbitrary<SocketRow> = fc.record({
  protocol: fc.constantFrom("tcp", "udp"),
  family: fc.constantFrom("ipv4", "ipv6"),
  state: fc.constantFrom(...STATES.map(({ name }) => name)),
  localAddress: address,
  localPort: port,
  remoteAddress: maybe(address),
  remotePort: port,
  receiveQueue: u32,
  sendQueue: u32,
  timer: maybe(fc.constantFrom(...timers)),
  remainingMs: u32,
  retransmits: fc.nat({ max: 255 }),
  uid: maybe(u32),
  inode: u32,
  cookieHigh: u32,
  cookieLow: u32,
  netns: maybe(u32),
  shutdown: maybe(fc.nat({ max: 3 })),
  v6only: maybe(fc.boolean()),
  mark: maybe(u32),
  cgroupId: maybe(fc.maxSafeNat()),
  options: maybe(fc.constantFrom(...options)),
});

test("SocketJson.write() writes what JSON.stringify would", () => {
  fc.assert(
    fc.property(fc.array(rows, { maxLength: 8 }), (several) => {
      const json = new SocketJson();
      const bytes = new ByteText(16);
      for (const row of several) json.write(row, bytes);
      assert.equal(new TextDecoder().decode(bytes.written), several.map((row) => jsonText(socketOfRow(row))).join(""));
    }),
  );
});

test("SocketJson.write() remembers more addresses than it keeps", () => {
  const json = new SocketJson();
  const row = createSocketRow("tcp", 4026531840);
  for (let peer = 0; peer < 10_000; peer++) {
    row.remoteAddress = `10.0.${peer >> 8}.${peer & 255}`;
    const bytes = new ByteText(16);
    json.write(row, bytes);
    assert.equal(new TextDecoder().decode(bytes.written), jsonText(socketOfRow(row)));
  }
});

test("ByteText.text() takes any text", () => {
  fc.assert(
    fc.property(fc.array(fc.string({ unit: "grapheme" })), (texts) => {
      const bytes = new ByteText(1);
      for (const text of texts) bytes.text(text);
      assert.equal(new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.written), texts.join(""));
    }),
  );
});
