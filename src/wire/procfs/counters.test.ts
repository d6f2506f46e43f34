import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseProtocolCounters, parseSocketStatistics } from "./counters.ts";

// /proc/net/snmp, netstat and sockstat of Linux 6.18; TcpExt is cut to a few columns, and two of its numbers were made large by hand.
const SNMP =
  "Ip: Forwarding DefaultTTL\nIp: 2 64\n" +
  "Tcp: RtoAlgorithm RtoMin RtoMax MaxConn ActiveOpens PassiveOpens AttemptFails EstabResets CurrEstab InSegs OutSegs RetransSegs\n" +
  "Tcp: 1 200 120000 -1 2154 2122 12 76 2 172905 172890 31\nUdp: InDatagrams NoPorts\nUdp: 4 0\n";
const NETSTAT =
  "TcpExt: SyncookiesSent ListenOverflows ListenDrops TCPTimeWaitOverflow TCPAutoCorking\n" +
  "TcpExt: 0 7 9007199254740991 18446744073709551615 3\nIpExt: InNoRoutes\nIpExt: 0\n";
const SOCKSTAT =
  "sockets: used 180\nTCP: inuse 5 orphan 2 tw 7 alloc 9 mem 3\nUDP: inuse 1 mem 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n";

test("parseProtocolCounters() reads TCP's counters, MaxConn's -1 among them", () => {
  assert.deepEqual(parseProtocolCounters(SNMP), {
    "Tcp.RtoAlgorithm": 1,
    "Tcp.RtoMin": 200,
    "Tcp.RtoMax": 120_000,
    "Tcp.MaxConn": -1,
    "Tcp.ActiveOpens": 2154,
    "Tcp.PassiveOpens": 2122,
    "Tcp.AttemptFails": 12,
    "Tcp.EstabResets": 76,
    "Tcp.CurrEstab": 2,
    "Tcp.InSegs": 172_905,
    "Tcp.OutSegs": 172_890,
    "Tcp.RetransSegs": 31,
  });
});

test("parseProtocolCounters() leaves out a number that is too large to be exact, and nothing else", () => {
  assert.deepEqual(parseProtocolCounters(NETSTAT), {
    "TcpExt.SyncookiesSent": 0,
    "TcpExt.ListenOverflows": 7,
    "TcpExt.ListenDrops": Number.MAX_SAFE_INTEGER,
    "TcpExt.TCPAutoCorking": 3,
  });
});

test("parseProtocolCounters() tells nothing of a group whose lines do not match", () => {
  assert.deepEqual(parseProtocolCounters("Tcp: A B\nTcp: 1\n"), {});
  assert.deepEqual(parseProtocolCounters("Tcp: A\nUdp: 1\nTcpExt: B\nTcpExt: 2\n"), { "TcpExt.B": 2 });
  assert.deepEqual(parseProtocolCounters("Tcp: A B\nTcp: x 2\n"), { "Tcp.B": 2 });
});

test("parseSocketStatistics() reads the pairs of the lines about TCP", () => {
  assert.deepEqual(parseSocketStatistics(SOCKSTAT, "sockstat"), {
    "sockstat.sockets.used": 180,
    "sockstat.TCP.inuse": 5,
    "sockstat.TCP.orphan": 2,
    "sockstat.TCP.tw": 7,
    "sockstat.TCP.alloc": 9,
    "sockstat.TCP.mem": 3,
  });
  assert.deepEqual(parseSocketStatistics("TCP6: inuse 4\nUDP6: inuse 1\n", "sockstat6"), { "sockstat6.TCP6.inuse": 4 });
});

test("files that are cut tell the truth about what is left of them", () => {
  for (const text of [SNMP, NETSTAT]) {
    const whole = parseProtocolCounters(text);
    for (let length = 0; length < text.length; length++)
      for (const [name, value] of Object.entries(parseProtocolCounters(text.slice(0, length))))
        assert.equal(value, whole[name], `${name}, cut at ${length}`);
  }
  const whole = parseSocketStatistics(SOCKSTAT, "sockstat");
  for (let length = 0; length < SOCKSTAT.length; length++)
    for (const [name, value] of Object.entries(parseSocketStatistics(SOCKSTAT.slice(0, length), "sockstat")))
      assert.equal(value, whole[name], `${name}, cut at ${length}`);
});

test("texts that are none of the kernel's are passed over", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (text) => {
      for (const counters of [
        parseProtocolCounters(`Tcp: ${text}\nTcp: 1\n${text}`),
        parseSocketStatistics(`TCP: ${text}\n`, "sockstat"),
      ])
        for (const value of Object.values(counters)) assert.ok(Number.isSafeInteger(value));
    }),
  );
});
