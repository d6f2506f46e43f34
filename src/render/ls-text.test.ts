import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { hostileText, randomSocket } from "../../test/contracts/random-sockets.ts";
import { bound, connection, listener, shownSocket, timeWait } from "../testing/builders.ts";
import type { Socket } from "../tcp/socket.ts";
import { renderCounts, renderIncomplete, renderSockets, sortSockets } from "./ls-text.ts";
import type { LsView } from "./ls-text.ts";
import { SORT_KEYS } from "./sort-keys.ts";
import { createStyle } from "./style.ts";
import type { Style } from "./style.ts";
import { textWidth } from "./text-layout.ts";

const PLAIN = createStyle(false);
const VIEW: LsView = { style: PLAIN, owners: true, udp: false, info: false };

const SOCKETS: readonly Socket[] = [
  { ...shownSocket(listener({ port: 8080 })), owners: [{ pid: 812, fd: 3, command: "node" }] },
  {
    ...shownSocket(connection({ local: "127.0.0.1:8080", remote: "10.0.0.9:5000" })),
    owners: [],
    ownerless: "unaccepted",
  },
  { ...shownSocket(timeWait({ port: 8080, remainingMs: 46_001 })), owners: [], ownerless: "kernel" },
];

test("renderSockets() lays sockets out under titles, and cuts nothing on a pipe", () => {
  assert.equal(
    renderSockets(SOCKETS, VIEW),
    [
      "STATE        LOCAL           REMOTE           QUEUE  TIMER  PROCESS",
      "LISTEN       *:8080                           0/511         node[812]",
      "ESTABLISHED  127.0.0.1:8080  10.0.0.9:5000                  (unaccepted)",
      "TIME-WAIT    127.0.0.1:8080  127.0.0.1:50000         47 s   -",
      "",
    ].join("\n"),
  );
});

test("renderSockets() has no process column when owners were not looked for, and a protocol with UDP", () => {
  const [titles] = renderSockets(SOCKETS, { ...VIEW, owners: false, udp: true }).split("\n");
  assert.equal(titles, "PROTO  STATE        LOCAL           REMOTE           QUEUE  TIMER");
});

test("renderSockets() says that nothing matches", () => assert.equal(renderSockets([], VIEW), "no sockets match\n"));

test("renderSockets() shows under each socket what the kernel told of it, and only that", () => {
  const socket: Socket = {
    ...SOCKETS[1]!,
    info: { rttUs: 1500, unackedSegments: 0, congestionWindow: 10 },
    congestion: "cub\u001bic",
  };
  const text = renderSockets([socket], { ...VIEW, info: true });
  assert.match(text, /\n {4}cc cub\\eic, rtt 1\.5 ms, cwnd 10\n$/);
});

test("renderSockets() fits any terminal from 40 columns on, and lets nothing act on it", () => {
  fc.assert(
    fc.property(
      fc.array(randomSocket({ protocol: "tcp" }), { minLength: 1, maxLength: 5 }),
      fc.constantFrom(40, 80, 200),
      (sockets, width) => {
        const text = renderSockets(sockets, { ...VIEW, width });
        assert.doesNotMatch(text.replaceAll("\n", ""), /[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
        const lines = text.trimEnd().split("\n");
        assert.equal(lines.length, sockets.length + 1);
        for (const line of lines) assert.ok(textWidth(line) <= width, `${textWidth(line)} of ${width}: ${line}`);
      },
    ),
    { numRuns: 300 },
  );
});

test("sortSockets() gives the same order to the same sockets, however they come", () => {
  const sorted = fc.array(randomSocket({ protocol: "tcp" }), { maxLength: 6 }).map((sockets) => sockets);
  fc.assert(
    fc.property(sorted, fc.constantFrom(...SORT_KEYS), (sockets, key) => {
      const visible = (list: Socket[]) =>
        sortSockets(list, key).map(({ state, local, remote }) => [
          state,
          local.port,
          local.address,
          remote?.address,
          remote?.port,
        ]);
      if (key === "none") assert.deepEqual(sortSockets([...sockets], key), sockets);
      else if (key !== "process" && key !== "queue" && key !== "timer")
        assert.deepEqual(visible([...sockets]), visible([...sockets].reverse()));
      assert.equal(sortSockets([...sockets], key).length, sockets.length);
    }),
  );
});

test("sortSockets() sorts by what is asked for", () => {
  const queued = (receiveBytes: number) =>
    shownSocket(connection({ local: "127.0.0.1:1", remote: "127.0.0.1:2", queues: { receiveBytes, sendBytes: 0 } }));
  const queues = sortSockets([queued(1), queued(9), queued(5)], "queue").map(({ queues: one }) => one);
  assert.deepEqual(
    queues.map((one) => (one !== undefined && "receiveBytes" in one ? one.receiveBytes : -1)),
    [9, 5, 1],
  );
  const ending = [30, 10, 20].map((seconds) => shownSocket(timeWait({ port: 1, remainingMs: seconds * 1000 })));
  const lasting = shownSocket(bound({ port: 1 }));
  const left = sortSockets([lasting, ...ending], "timer").map(({ timer }) => timer?.remainingMs);
  assert.deepEqual(left, [10_000, 20_000, 30_000, undefined]);
  assert.deepEqual(
    sortSockets([...SOCKETS].reverse(), "state").map(({ state }) => state),
    ["LISTEN", "ESTABLISHED", "TIME-WAIT"],
  );
  assert.deepEqual(
    sortSockets([...SOCKETS], "process").map(({ state }) => state),
    ["ESTABLISHED", "TIME-WAIT", "LISTEN"],
  );
});

test("renderCounts() aligns counts, with their total last", () => {
  const counts = [
    { key: "TIME-WAIT", count: 81_055 },
    { key: "e\u001bvil", count: 2 },
  ];
  assert.equal(renderCounts(counts, 81_057, PLAIN), "TIME-WAIT  81 055\ne\\evil          2\ntotal      81 057\n");
  assert.equal(renderCounts([], 0, PLAIN), "no sockets match\n");
});

test("renderIncomplete() says what was not seen, why, and what would help, one line each", () => {
  const seen = renderIncomplete(
    [
      { what: "a", why: "b", hint: "c" },
      { what: "d\n", why: "e" },
    ],
    PLAIN,
  );
  assert.equal(seen, "not seen: a: b; c\nnot seen: d\\n: e\n");
  fc.assert(
    fc.property(hostileText, (text) => {
      assert.doesNotMatch(renderIncomplete([{ what: text, why: text }], PLAIN).slice(0, -1), /\p{Cc}/u);
    }),
  );
});

test("createStyle() writes no code without colour, and undoes each with it", () => {
  const colours = ({ bold, dim, good, bad, warn, accent }: Style) => [bold, dim, good, bad, warn, accent];
  for (const style of colours(PLAIN)) assert.equal(style("x"), "x");
  for (const style of colours(createStyle(true))) assert.match(style("x"), /^\u001b\[\d+mx\u001b\[\d+m$/);
});
