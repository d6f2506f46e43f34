/**
 * The stories of a connection's end, as scripts. `explain` draws its ladders from them, and test/kernel/closing-scenarios.test.ts plays each with real
 * sockets.
 */
import type { Scenario } from "./closing-play.ts";

export const SCENARIOS = {
  handshake: {
    begins: "listening",
    moves: [
      { at: "client", call: "connect()" },
      { at: "server", call: "accept()" },
    ],
  },
  refused: { begins: "nothing", moves: [{ at: "client", call: "connect()" }] },
  "syn-unanswered": {
    begins: "listening",
    moves: [
      { network: "down" },
      { at: "client", call: "connect()" },
      { at: "client", timer: "retransmits unanswered", text: "about 2 min" },
    ],
  },
  "client-closes-first": {
    begins: "established",
    moves: [
      { at: "client", call: "close()" },
      { at: "server", call: "close()" },
      { at: "client", timer: "TIME-WAIT timer", text: "60 s" },
    ],
  },
  "server-closes-first": {
    begins: "established",
    moves: [
      { at: "server", call: "close()" },
      { at: "client", call: "close()" },
      { at: "server", timer: "TIME-WAIT timer", text: "60 s" },
    ],
  },
  "both-close": { begins: "established", moves: [{ both: "close()" }] },
  "half-close": {
    begins: "established",
    moves: [
      { at: "client", call: "shutdown()" },
      { at: "server", call: "write()" },
      { at: "client", call: "read()" },
      { at: "server", call: "close()" },
    ],
  },
  "unread-data": {
    begins: "established",
    moves: [
      { at: "client", call: "write()" },
      { at: "server", call: "close()" },
    ],
  },
  "linger-zero": {
    begins: "established",
    options: { lingersNot: ["server"] },
    moves: [{ at: "server", call: "close()" }],
  },
  "server-killed": {
    begins: "established",
    moves: [
      { at: "server", call: "kill -9" },
      { at: "client", call: "close()" },
    ],
  },
  "server-killed-client-late": {
    begins: "established",
    moves: [
      { at: "server", call: "kill -9" },
      { at: "server", timer: "FIN-WAIT-2 timer", text: "60 s" },
      { at: "client", call: "close()" },
    ],
  },
  "client-killed": {
    begins: "established",
    moves: [
      { at: "client", call: "kill -9" },
      { at: "server", call: "close()" },
    ],
  },
  "never-closed": {
    begins: "established",
    moves: [
      { at: "client", call: "close()" },
      { at: "client", timer: "FIN-WAIT-2 timer", text: "60 s" },
    ],
  },
  "data-after-close": {
    begins: "established",
    moves: [
      { at: "client", call: "close()" },
      { at: "server", call: "write()" },
    ],
  },
  "listener-closes": { begins: "queued", moves: [{ at: "server", call: "close()" }] },
  destroyed: { begins: "established", moves: [{ at: "server", call: "SOCK_DESTROY" }] },
  "last-ack-lost": {
    begins: "established",
    moves: [
      { at: "client", call: "close()" },
      { at: "server", call: "close()", loses: "client" },
      { at: "server", timer: "retransmit", text: "0.2 s, again" },
    ],
  },
  "port-used-again": {
    begins: "listening",
    moves: [
      { at: "client", call: "connect()" },
      { at: "server", call: "accept()" },
      { at: "server", call: "close()" },
      { at: "client", call: "close()" },
      { at: "client", call: "connect()" },
    ],
  },
  "peer-gone-writing": {
    begins: "established",
    moves: [
      { network: "down" },
      { at: "client", call: "write()" },
      { at: "client", timer: "retransmits unanswered", text: "about 15 min" },
    ],
  },
  "peer-gone-idle": {
    begins: "established",
    moves: [{ network: "down" }, { at: "client", timer: "keepalive unanswered", text: "over 2 h" }],
  },
  "peer-restarted": {
    begins: "established",
    moves: [
      { at: "server", call: "power cut" },
      { at: "client", call: "write()" },
    ],
  },
  "orphan-unanswered": {
    begins: "established",
    moves: [
      { network: "down" },
      { at: "client", call: "kill -9" },
      { at: "client", timer: "retransmits unanswered", text: "about 100 s" },
    ],
  },
} as const satisfies Record<string, Scenario>;

export type ScenarioName = keyof typeof SCENARIOS;
