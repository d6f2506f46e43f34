/** What `run` says beside the program's own words: a line for each thing that somebody may want to know. */
import { durationText } from "../base/duration.ts";
import type { KeepNews } from "../keep/keep-news.ts";
import type { KeeperEnd } from "../keep/keeper-events.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import { escapeText } from "./escape.ts";

/** What keep() tells, and the command itself. */
export type RunNews =
  | KeepNews
  /** It cannot be listed, nor stopped by name. */
  | { readonly kind: "no-record"; readonly why: string }
  /** What a service manager asks for and cannot have. */
  | { readonly kind: "service-manager"; readonly why: string }
  | { readonly kind: "done"; readonly because: KeeperEnd["because"] };

interface Place {
  readonly protocol: string;
  readonly address: string;
  readonly port: number;
}

export class RunText {
  readonly #command: string;
  readonly #isVerbose: boolean;
  /** By life: during a hand-over there are two, and one that goes into the background goes on under another pid. */
  readonly #startedAtMs = new Map<number, number>();
  /** Since when nobody is there; undefined: somebody is. */
  #downSinceMs: number | undefined;
  #isFirst = true;
  #toldWaitingMs = 0;
  #hasNoNewPrivs = false;
  /** Something listened, or nobody can tell. */
  #mayHaveClients = false;

  /** `command`: what it is called in what is said. */
  constructor(command: string, isVerbose: boolean) {
    this.#command = escapeText(command);
    this.#isVerbose = isVerbose;
  }

  /** Undefined: nothing worth a line. */
  line(news: RunNews, nowMs: number): string | undefined {
    const name = this.#command;
    switch (news.kind) {
      case "cleared":
      case "taking":
        return `port ${news.port}: ${escapeText(news.text)}`;
      case "mode":
        this.#mayHaveClients ||= news.mode !== "adopt";
        return news.instead.length === 0 && !this.#isVerbose
          ? undefined
          : [`mode ${news.mode}`, ...news.instead.map(({ mode, why }) => `  not ${mode}: ${escapeText(why)}`)].join(
              "\n",
            );
      case "started":
        return this.#started(news, nowMs);
      case "kept":
        this.#mayHaveClients = true;
        return this.#isVerbose ? `${nameOf(news.place)} is kept` : undefined;
      case "returned":
        return `${nameOf(news.place)} is ${name}'s again (pid ${news.pid})${this.#afterWaiting(news.connections, nowMs)}`;
      case "daemonized":
        return `${name} went into the background, as pid ${news.pid}`;
      case "ended":
        return this.#ended(news, nowMs);
      case "restarting":
        return news.delayMs === 0 ? undefined : `${name} is started again in ${durationText(news.delayMs)}`;
      case "given-up":
        return `${name} is not started again: ${news.restarts} ${news.restarts === 1 ? "restart" : "restarts"} within ${durationText(news.periodMs)} are enough`;
      case "waiting":
        return this.#waiting(news.downMs, news.connections);
      case "refusing":
        return news.because === "hold" ? this.#refusing() : undefined;
      case "killing":
        return `${name} (pid ${news.pid}) has not ended in its grace and is killed`;
      case "reloading":
        return `a new ${name} is started beside pid ${news.pid}`;
      case "reloaded":
        if (news.result === "handed-over")
          return `pid ${news.pid} has taken over from pid ${news.from}, which is told to end`;
        return news.result === "failed" ? `no hand-over: ${escapeText(news.why)}` : undefined;
      case "released":
        return this.#released(news.place, news.because);
      case "elsewhere": {
        const named = news.named.map(({ address, port }) =>
          address === undefined ? `${port}` : formatEndpoint({ address, port }),
        );
        return `${name} listens on ${news.places.map(nameOf).join(", ")}: not kept, for --port says ${named.join(", ")}`;
      }
      case "path-cleared":
        return `${escapeText(news.path)} was left by a dead program and is removed`;
      case "cannot-keep":
        return `pid ${news.pid} cannot be kept: ${news.step}: ${news.errno}`;
      case "port-taken":
        return `${escapeText(news.text)}; waiting for it`;
      case "no-record":
        return `run --list will not show this: ${escapeText(news.why)}`;
      case "service-manager":
        return escapeText(news.why);
      case "listening":
        this.#downSinceMs = undefined;
        return undefined;
      case "done":
      case "stopping":
      case "bound":
      case "ready":
        return undefined;
    }
  }

  #started(
    { pid, life, noNewPrivs, bits }: Extract<KeepNews, { readonly kind: "started" }>,
    nowMs: number,
  ): string | undefined {
    this.#startedAtMs.set(life, nowMs);
    const lines: string[] = [];
    if (this.#isVerbose || !this.#isFirst) lines.push(`${this.#command} is started, as pid ${pid}`);
    if (bits === 32) lines.push(`${this.#command} is a 32-bit program: it runs, and is not kept`);
    if (noNewPrivs && !this.#hasNoNewPrivs && this.#isVerbose)
      lines.push("without root, PR_SET_NO_NEW_PRIVS is set: set-user-ID programs that it starts gain no rights");
    this.#hasNoNewPrivs = noNewPrivs;
    this.#isFirst = false;
    return lines.length === 0 ? undefined : lines.join("\n");
  }

  #ended({ pid, life, end, asked }: Extract<KeepNews, { readonly kind: "ended" }>, nowMs: number): string | undefined {
    const livedMs = nowMs - (this.#startedAtMs.get(life) ?? nowMs);
    this.#startedAtMs.delete(life);
    this.#toldWaitingMs = 0;
    if (this.#startedAtMs.size === 0) this.#downSinceMs = nowMs;
    if (asked && !this.#isVerbose) return undefined;
    return `${this.#command} (pid ${pid}) ${endText(end)} after ${elapsedText(livedMs)}`;
  }

  #afterWaiting(connections: number | undefined, nowMs: number): string {
    if (this.#downSinceMs === undefined) return "";
    const after = ` after ${elapsedText(nowMs - this.#downSinceMs)}`;
    return connections === undefined || connections === 0 ? after : `${after}; ${waited(connections)}`;
  }

  /** After a second, and then each time when it is down twice as long. */
  #waiting(downMs: number, connections: number | undefined): string | undefined {
    if (!this.#mayHaveClients || downMs < Math.max(1000, 2 * this.#toldWaitingMs)) return undefined;
    this.#toldWaitingMs = downMs;
    const queue =
      connections === undefined ? "nobody is taken in" : `${connections} ${plural(connections)} in the queue`;
    return `down for ${elapsedText(downMs)}, ${queue}`;
  }

  #refusing(): string {
    return this.#downSinceMs === undefined
      ? `${this.#command} does not use all that was kept: who connects to the rest is refused`
      : "it takes too long: who connects from now on is refused";
  }

  #released(place: Place, because: string): string | undefined {
    const name = nameOf(place);
    if (because === "closed") return this.#isVerbose ? `${name} was closed by ${this.#command}` : undefined;
    if (because === "unclaimed") return `${name} is let go: ${this.#command} does not use it any more`;
    if (because === "watched") return `${name}: ${this.#command} watched its socket before the bind; it got its own`;
    return undefined;
  }
}

/** Of time that has passed: the nearest second, where durationText() says the next one. */
function elapsedText(ms: number): string {
  return durationText(ms < 1000 ? Math.round(ms) : Math.round(ms / 1000) * 1000);
}

function endText(end: { readonly status: number } | { readonly signal: string }): string {
  if ("signal" in end) return `was ended by ${end.signal}`;
  return end.status === 0 ? "ended" : `ended with status ${end.status}`;
}

function waited(connections: number): string {
  return connections === 1 ? "1 connection waited" : `${connections} connections waited`;
}

function plural(connections: number): string {
  return connections === 1 ? "connection waits" : "connections wait";
}

function nameOf({ protocol, address, port }: Place): string {
  return `${formatEndpoint({ address, port })}${protocol === "udp" ? "/udp" : ""}`;
}
