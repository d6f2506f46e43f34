// `portmortem drop` of connections that are being opened or closed: what it says that the two ends will see, and what they do see.
import assert from "node:assert/strict";
import { test } from "node:test";
import { playScenario } from "../../src/tcp/closing-play.ts";
import type { Scenario } from "../../src/tcp/closing-play.ts";
import type { Call, Move, Side } from "../../src/tcp/closing-simulation.ts";
import type { DropResult } from "../../src/tcp/drop-result.ts";
import { ClosingStage, SLOW_DEVICE } from "./closing-stage.ts";
import { IP } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const PORTS = { client: 20_901, server: 20_902 };
const client = (call: Call, loses?: Side): Move => ({ at: "client", call, ...(loses === undefined ? {} : { loses }) });
const server = (call: Call, loses?: Side): Move => ({ at: "server", call, ...(loses === undefined ? {} : { loses }) });

/** Plays the moves on real sockets, until the kernel shows the states that the model has then. */
async function play(s: Story, begins: Scenario["begins"], moves: readonly Move[]): Promise<ClosingStage> {
  const stage = new ClosingStage(s, { begins, moves }, PORTS);
  await stage.begin();
  for (const [at, move] of moves.entries()) {
    const after = playScenario({ begins, moves: moves.slice(0, at + 1) }).steps.at(-1);
    assert.ok(after !== undefined);
    await stage.make(move, after, undefined);
  }
  return stage;
}

/** Drops exactly one connection; answers what was said of it. */
async function dropOne(s: Story, filter: string, how: readonly string[] = []): Promise<string> {
  const { status, json } = await s.command<DropResult>(["drop", filter, "--yes", "--json", ...how]);
  const { matched, dropped, gone, failed, plan } = json;
  assert.deepEqual([status, matched, dropped, gone, failed], [0, 1, 1, 1, []]);
  return plan[0]?.text ?? "";
}

interface Ending {
  readonly state: string;
  readonly moves: readonly Move[];
  /** Whose end is dropped. */
  readonly at: Side;
  readonly how?: "reset";
  readonly says: RegExp;
  /** What its program reads, and then writes; left out where none holds it. */
  readonly own?: string;
  /** The same of the other end, as soon as packets arrive again; "waits": it is in FIN-WAIT-2 and stays there. */
  readonly peer: string;
}

/** The client's FIN is lost and the server's is not: the client is CLOSING, the server in FIN-WAIT-1. */
const TO_CLOSING = [client("shutdown()", "client"), server("shutdown()", "client")];

const ENDINGS: readonly Ending[] = [
  {
    state: "FIN-WAIT-2",
    moves: [client("shutdown()")],
    at: "client",
    says: /its program gets ECONNABORTED, and the peer gets EPIPE once it writes/,
    own: "ECONNABORTED EPIPE",
    peer: "EOF EPIPE",
  },
  {
    state: "FIN-WAIT-2, reset",
    moves: [client("shutdown()")],
    at: "client",
    how: "reset",
    says: /its program gets ECONNRESET, and the peer gets EPIPE once it writes/,
    own: "ECONNRESET EPIPE",
    peer: "EOF EPIPE",
  },
  {
    state: "CLOSE-WAIT",
    moves: [client("shutdown()")],
    at: "server",
    says: /its program gets ECONNABORTED once it writes, the peer ECONNRESET/,
    own: "EOF ECONNABORTED",
    peer: "ECONNRESET EPIPE",
  },
  {
    state: "CLOSING",
    moves: TO_CLOSING,
    at: "client",
    says: /reads the end of the stream.*lost, and the peer gets ECONNRESET once it sends its FIN again/,
    own: "EOF ECONNABORTED",
    peer: "ECONNRESET EPIPE",
  },
  {
    state: "CLOSING, reset",
    moves: TO_CLOSING,
    at: "client",
    how: "reset",
    says: /its program gets ECONNRESET.*lost, and the peer gets ECONNRESET once it sends its FIN again/,
    own: "ECONNRESET EPIPE",
    peer: "ECONNRESET EPIPE",
  },
  {
    state: "CLOSING without a descriptor",
    moves: [...TO_CLOSING, client("close()", "client")],
    at: "client",
    says: /no program here holds it.*lost, and the peer gets ECONNRESET once it sends its FIN again/,
    peer: "ECONNRESET EPIPE",
  },
  {
    state: "LAST-ACK",
    moves: [client("shutdown()"), server("shutdown()", "server")],
    at: "server",
    says: /reads the end of the stream.*lost, and the peer is not told: it waits for an end that does not come/,
    own: "EOF ECONNABORTED",
    peer: "waits",
  },
  {
    state: "LAST-ACK, reset",
    moves: [client("shutdown()"), server("shutdown()", "server")],
    at: "server",
    how: "reset",
    says: /its program gets ECONNRESET.*lost, and the peer is not told: it waits for an end that does not come/,
    own: "ECONNRESET EPIPE",
    peer: "waits",
  },
  {
    state: "LAST-ACK without a descriptor",
    moves: [client("shutdown()"), server("close()", "server")],
    at: "server",
    says: /no program here holds it.*lost, and the peer is not told: it waits for an end that does not come/,
    peer: "waits",
  },
];

for (const { state, moves, at, how, says, own, peer } of ENDINGS)
  test(
    `what the ends see is what was said: ${state}`,
    story(
      async (s) => {
        const stage = await play(s, "established", moves);
        const other = at === "client" ? "server" : "client";
        const ways = how === undefined ? [] : ["--how", how];
        assert.match(await dropOne(s, `sport = :${PORTS[at]} and dport = :${PORTS[other]}`, ways), says);
        stage.heal();
        if (own !== undefined) assert.equal(await stage.reads(at), own);
        if (peer !== "waits") assert.equal(await stage.reads(other), peer);
        // With a descriptor it has no timer at all.
        else assert.equal((await s.socket(`state fin-wait-2 sport = :${PORTS[other]}`)).timer, undefined);
      },
      IP,
      SLOW_DEVICE,
    ),
  );

test(
  "FIN-WAIT-2 without a descriptor that is still a whole socket (tcp_fin_timeout over a minute): the peer writes in vain",
  story(async (s) => {
    s.system("sysctl", "-qw", "net.ipv4.tcp_fin_timeout=120");
    const stage = await play(s, "established", [client("close()")]);
    assert.match(await dropOne(s, `sport = :${PORTS.client}`), /no program here holds it.*EPIPE once it writes/);
    assert.equal(await stage.reads("server"), "EOF EPIPE");
  }),
);

test(
  "SYN-RECEIVED that waits for data: only --yes ends it; the client learns of it when it writes, and the listener serves on",
  story(async (s) => {
    const server = s.actor();
    const client = s.actor();
    const listener = await server.listen("127.0.0.1:20903", { deferAcceptSeconds: 60 });
    const fd = await client.connect("127.0.0.1:20903");
    const filter = "state syn-recv sport = :20903";
    await s.socket(filter);
    const refused = await s.command<{ error: { code: string } }>(["drop", filter, "--json"]);
    assert.deepEqual([refused.status, refused.json.error.code], [2, "PM_NEEDS_CONSENT"]);
    assert.match(await dropOne(s, filter), /before any program has seen it; the peer is not told/);
    assert.equal((await s.sockets("sport = :20903 and not state listening")).length, 0);
    await client.call("write", { fd, text: "x" });
    const read = await client.try("read", { fd });
    assert.equal("errno" in read && read.errno, "ECONNRESET");
    const again = await client.connect("127.0.0.1:20903");
    await client.call("write", { fd: again, text: "served" });
    assert.equal(await server.call("read", { fd: await server.accept(listener) }), "served");
  }),
);

test(
  "SYN-RECEIVED whose answer is lost: the client still asks, and is answered anew",
  story(
    async (s) => {
      const stage = await play(s, "listening", [client("connect()", "server")]);
      const filter = `state syn-recv sport = :${PORTS.server}`;
      assert.match(await dropOne(s, filter), /answered anew/);
      stage.heal();
      await s.socket(`state established sport = :${PORTS.client}`);
    },
    IP,
    SLOW_DEVICE,
  ),
);
