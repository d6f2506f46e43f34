/** Plays a scenario of src/tcp/closing-scenarios.ts with real sockets: the same script as the model, one call after the other. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import type { Play, Scenario } from "../../src/tcp/closing-play.ts";
import type { Call, Move, Side, Step, Taken, View } from "../../src/tcp/closing-simulation.ts";
import type { SocketState } from "../../src/tcp/states.ts";
import type { Actor } from "./actor.ts";
import { once } from "./needs.ts";
import type { Need } from "./needs.ts";
import type { Story } from "./story.ts";
import { until } from "./until.ts";

/** Two ends that are told apart by their ports, at addresses of their own. */
export interface Ports {
  readonly client: number;
  readonly server: number;
}

/** Tracing sees the whole machine: addresses that no other process uses, which runs the same tests or has these ports by chance. */
const NETWORK = `127.${1 + ((process.pid >> 8) % 254)}.${process.pid % 256}`;
export const ADDRESS = { client: `${NETWORK}.2`, server: `${NETWORK}.1` } as const;

/** What the kernel waits minutes for, in seconds: settings of the story's own network namespace. */
const SHORT_WAITS = {
  "FIN-WAIT-2 timer": ["net.ipv4.tcp_fin_timeout=2"],
  "retransmits unanswered": [
    "net.ipv4.tcp_retries2=2",
    "net.ipv4.tcp_orphan_retries=1",
    "net.ipv4.tcp_syn_retries=1",
    "net.ipv4.tcp_synack_retries=1",
  ],
  "keepalive unanswered": [
    "net.ipv4.tcp_keepalive_time=1",
    "net.ipv4.tcp_keepalive_intvl=1",
    "net.ipv4.tcp_keepalive_probes=1",
  ],
  "TIME-WAIT timer": [],
  retransmit: [],
} as const;

/** 500 bytes a second, 200 at once. */
const SLOWLY = "qdisc add dev lo root tbf rate 4kbit burst 200 latency 10s".split(" ");

/** One SYN, and then nothing for a minute. */
const ONE_PACKET = "qdisc add dev lo root tbf rate 8bit burst 100 latency 1000s".split(" ");

export const SLOW_DEVICE: Need = once(() => {
  const { status, stderr, error } = spawnSync("unshare", ["-n", "tc", ...SLOWLY], { encoding: "utf8" });
  return status === 0 ? undefined : `probed: tc ${SLOWLY.join(" ")}; ${error?.message ?? stderr.trim()}`;
});

export class ClosingStage {
  readonly #story: Story;
  readonly #ports: Ports;
  readonly #scenario: Scenario;
  readonly #actors: Record<Side, Actor>;
  readonly #alive: Record<Side, boolean> = { client: true, server: true };
  readonly #fds: Partial<Record<Side | "listener", number>> = {};
  #loses: Side | undefined;

  constructor(story: Story, scenario: Scenario, ports: Ports) {
    this.#story = story;
    this.#scenario = scenario;
    this.#ports = ports;
    this.#actors = { client: story.actor(), server: story.actor() };
  }

  /** Brings both ends to where the scenario begins. */
  async begin(): Promise<void> {
    const { begins, options, moves } = this.#scenario;
    for (const move of moves)
      if ("timer" in move) for (const setting of SHORT_WAITS[move.timer]) this.#story.system("sysctl", "-qw", setting);
    if (begins === "nothing") return;
    const lingers = options?.lingersNot?.includes("server") === true ? { linger: 0 } : {};
    this.#fds.listener = await this.#actors.server.listen(`${ADDRESS.server}:${this.#ports.server}`, {
      reuseAddr: true,
      ...lingers,
    });
    if (begins === "listening") return;
    await this.#connect(true);
    if (begins !== "established") return;
    await this.#call("server", "accept()");
    // A machine that starts again has nobody who listens.
    if (moves.some((move) => "call" in move && move.call === "power cut"))
      await this.#actors.server.close(this.#fds.listener);
  }

  /** Makes a move and waits until the kernel shows the states that the model has after it. */
  async make(move: Move, after: Step, next: Move | undefined): Promise<void> {
    await this.#do(move);
    // What was lost is sent again at any moment from now, unless it gets lost again.
    if (next !== undefined && "timer" in next && next.timer === "retransmit" && this.#loses === undefined) return;
    for (const side of ["client", "server"] as const) await this.#shows(side, after[side]);
  }

  /** What the program gets that was waiting: end of file, or an error. */
  async notices(side: Side, remark: string): Promise<void> {
    const fd = this.#fds[side];
    if (!this.#alive[side] || fd === undefined) return;
    const read = await this.#actors[side].try("read", { fd });
    // Where the other end has closed, reading is at its end, and writing tells.
    const answer =
      remark === "EOF" || "errno" in read ? read : await this.#actors[side].try("write", { fd, text: "x" });
    assert.equal("errno" in answer ? answer.errno : answer.value === "" ? "EOF" : answer.value, remark);
  }

  /** What a program reads, and what it gets when it then writes: "EOF ok", or the names of errors. */
  async reads(side: Side): Promise<string> {
    const fd = this.#fds[side] ?? -1;
    const read = await this.#actors[side].try("read", { fd });
    const written = await this.#actors[side].try("write", { fd, text: "x" });
    const got = "errno" in read ? read.errno : read.value === "" ? "EOF" : read.value;
    return `${got} ${"errno" in written ? written.errno : "ok"}`;
  }

  /** From now on nothing is lost. */
  heal(): void {
    this.#lose(undefined);
  }

  async #do(move: Move): Promise<void> {
    if ("network" in move) this.#story.system("ip", "link", "set", "lo", move.network);
    else if ("both" in move) {
      await this.#slowDown();
      await this.#call("client", move.both);
      await this.#call("server", move.both);
    } else if ("call" in move) {
      this.#lose(move.loses);
      await this.#call(move.at, move.call);
    } else if (move.timer === "retransmit") this.#lose(undefined);
  }

  /** From here on a packet stays on its way for a tenth of a second, so that two can cross. */
  async #slowDown(): Promise<void> {
    this.#story.system("tc", ...SLOWLY);
    // The first packet passes at once, and takes what may.
    const fd = await this.#actors.client.call("socket", { family: "ipv4", type: "dgram" });
    await this.#actors.client.call("connect", { fd, to: "127.0.0.1:9" });
    await this.#actors.client.call("write", { fd, text: "x".repeat(150) });
  }

  /**
   * What one end sends goes nowhere: its address has to be asked about before the table of local addresses is. A listener would not even keep a request
   * whose answer has no route, so there the device lets one packet through and keeps the next.
   */
  #lose(side: Side | undefined): void {
    if (side === this.#loses) return;
    const rule = (action: "add" | "del", ...words: string[]) => this.#story.system("ip", "rule", action, ...words);
    const byDevice = this.#scenario.begins === "listening";
    if (byDevice)
      this.#story.system("tc", ...(side === undefined ? ["qdisc", "del", "dev", "lo", "root"] : ONE_PACKET));
    else if (side === undefined) {
      rule("add", "pref", "0", "lookup", "local");
      rule("del", "pref", "20");
      rule("del", "pref", "10");
    } else {
      rule("add", "pref", "10", "from", ADDRESS[side], "blackhole");
      rule("add", "pref", "20", "lookup", "local");
      rule("del", "pref", "0");
    }
    this.#loses = side;
  }

  async #call(side: Side, call: Call): Promise<void> {
    const actor = this.#actors[side];
    const fd = this.#fds[side];
    switch (call) {
      case "bind()":
        this.#fds[side === "client" ? "client" : "listener"] = await actor.bound(
          `${ADDRESS[side]}:${this.#ports[side]}`,
        );
        return;
      case "listen()":
        await actor.call("listen", { fd: this.#fds.listener ?? -1, backlog: 5 });
        return;
      case "connect()":
        return this.#connect(false);
      case "accept()":
        this.#fds.server = await actor.accept(this.#fds.listener ?? -1);
        return;
      case "kill -9":
        this.#alive[side] = false;
        return actor.kill();
      case "SOCK_DESTROY":
        return this.#destroy(side);
      case "power cut":
        this.#story.system("ip", "link", "set", "lo", "down");
        await actor.kill();
        this.#destroy(side);
        this.#story.system("ip", "link", "set", "lo", "up");
        this.#actors[side] = this.#story.actor();
        delete this.#fds[side];
        return;
      case "write()":
        await actor.call("write", { fd: fd ?? -1, text: "x" });
        return;
      case "read()":
        await actor.call("read", { fd: fd ?? -1 });
        return;
      case "shutdown()":
        await actor.call("shutdown", { fd: fd ?? -1 });
        return;
      case "close()":
        // The end that waits in the queue has no descriptor: it is the listener that closes.
        await actor.close(fd ?? this.#fds.listener ?? -1);
        delete this.#fds[side];
        return;
    }
  }

  /** Where nobody may answer, it is not waited for. */
  async #connect(waits: boolean): Promise<void> {
    const { moves, options } = this.#scenario;
    const bound = this.#fds.client;
    const fd =
      bound ??
      (await this.#actors.client.call("socket", {
        family: "ipv4",
        nonBlocking: !waits,
        ...(options?.lingersNot?.includes("client") === true ? { linger: 0 } : {}),
        ...(moves.some((move) => "timer" in move && move.timer === "keepalive unanswered") ? { keepAlive: true } : {}),
      }));
    this.#fds.client = fd;
    if (bound === undefined)
      await this.#actors.client.call("bind", { fd, to: `${ADDRESS.client}:${this.#ports.client}` });
    await this.#actors.client.try("connect", { fd, to: `${ADDRESS.server}:${this.#ports.server}` });
  }

  #destroy(side: Side): void {
    this.#story.system("ss", "-K", "-t", "state", "connected", this.#filter(side));
  }

  #filter(side: Side): string {
    const other = side === "client" ? "server" : "client";
    return `sport = :${this.#ports[side]} and dport = :${this.#ports[other]}`;
  }

  async #shows(side: Side, { state, held }: View): Promise<void> {
    // The listener is not an end of this connection.
    const alone = state === "LISTEN" ? "listening" : state === "BOUND" ? "bound-inactive" : undefined;
    const filter = alone === undefined ? this.#filter(side) : `sport = :${this.#ports[side]} and state ${alone}`;
    let seen = "";
    await until(`${side} is ${state}, held by ${held ?? "nobody"}; it was ${seen}`, async () => {
      const sockets = await this.#story.sockets(filter);
      seen = sockets
        .map((socket) => `${socket.state} ${socket.inode === undefined ? "without" : "with"} a descriptor`)
        .join(", ");
      return seen === (state === "CLOSED" ? "" : `${state} ${held === "program" ? "with" : "without"} a descriptor`);
    }).catch((error: unknown) => {
      throw new Error(
        `${side} is ${seen === "" ? "gone" : seen}, and should be ${state}, held by ${held ?? "nobody"}`,
        { cause: error },
      );
    });
  }
}

/** A change of state as the tracepoint shows it. */
export type Change = readonly [from: SocketState, to: SocketState];

/**
 * What the tracepoint shows of an end's transitions. It sees whole sockets only: a request (SYN-RECEIVED in the queue) becomes one when the handshake is
 * done (tcp_check_req), and what turns into a TIME-WAIT, or into a FIN-WAIT-2 that nobody holds, is closed for it (tcp_time_wait). BOUND is TCP_CLOSE.
 */
export function changesSeen(taken: Play["taken"][Side]): Change[] {
  const seen: Change[] = [];
  let whole = true;
  for (const one of taken) {
    if (one.to === "SYN-RECEIVED" && one.held === "queue") whole = false;
    else if (one.from === "SYN-RECEIVED" && !whole && one.to === "ESTABLISHED") {
      whole = true;
      seen.push(["LISTEN", "SYN-RECEIVED"], ["SYN-RECEIVED", "ESTABLISHED"]);
    } else if (whole) {
      const [from, to] = [seenAs(one.from), seenAs(one.to)];
      if (from !== to) seen.push([from, to]);
      whole = !isRecord(one);
      if (!whole && to !== "CLOSED") seen.push([to, "CLOSED"]);
    }
    if (one.to === "CLOSED") whole = true;
  }
  return seen;
}

function isRecord({ to, held }: Taken): boolean {
  return to === "TIME-WAIT" || (to === "FIN-WAIT-2" && held === "nobody");
}

function seenAs(state: SocketState): SocketState {
  return state === "BOUND" || state === "TIME-WAIT" ? "CLOSED" : state;
}
