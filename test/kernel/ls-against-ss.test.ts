// The same sockets as ss, field by field, for random states and filters; judged by the kernel's program and by our own matcher.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";
import fc from "fast-check";
import { listSockets } from "../../src/ask/list-sockets.ts";
import type { Host } from "../../src/host/host.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import type { Socket } from "../../src/tcp/socket.ts";
import { tcpFilters, udpFilters } from "../oracles/ss-filters.ts";
import { asSs, parseSs } from "../oracles/ss-output.ts";
import type { SsSocket } from "../oracles/ss-output.ts";
import { SS } from "./needs.ts";
import { populate } from "./population.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const run = promisify(execFile);
const TCP_RUNS = 220;
const UDP_RUNS = 60;
const COMMAND_RUNS = 6;
/** A timer goes on between the two looks; ss shows whole seconds from ten on, and whole minutes from ten on. */
const TIMER_SLACK_MS = 3000;
const MINUTES_SLACK_MS = 62_000;

async function bySs(filter: string, udp: boolean): Promise<SsSocket[]> {
  const words = filter === "" ? [] : filter.split(" ");
  const { stdout } = await run("ss", [udp ? "-HOuaneo" : "-HOtaneo", ...words]);
  return parseSs(stdout, filter);
}

/** Never lets the kernel filter. */
function filteringHere(host: Host): Host {
  return new Proxy(host, {
    get(target, name) {
      if (name !== "dumpSockets") {
        const value: unknown = Reflect.get(target, name, target);
        return typeof value === "function" ? value.bind(target) : value;
      }
      return ({ filter: _filter, ...request }: Parameters<Host["dumpSockets"]>[0]) => {
        const dump = target.dumpSockets(request);
        return {
          get summary() {
            return { ...dump.summary, exactFilter: false };
          },
          [Symbol.iterator]: () => dump[Symbol.iterator](),
        };
      };
    },
  });
}

/** A socket can end between the two looks (a TIME-WAIT has its 60 s): what differs must differ again. */
async function compare(filter: string, udp: boolean): Promise<number> {
  for (let left = 2; ; left--) {
    try {
      return await compareOnce(filter, udp);
    } catch (error) {
      if (left === 0) throw error;
    }
  }
}

async function compareOnce(filter: string, udp: boolean): Promise<number> {
  const expected = await bySs(filter, udp);
  const host = createLinuxHost();
  for (const [how, judge] of [
    ["the kernel", host],
    ["our matcher", filteringHere(host)],
  ] as const) {
    const { sockets, incomplete } = await listSockets({ filter, udp, owners: false, host: judge });
    assert.deepEqual(incomplete, []);
    compareAll(sockets.map(asSs), expected, `${filter} (by ${how})`, udp);
  }
  return expected.length;
}

function compareAll(ours: readonly SsSocket[], theirs: readonly SsSocket[], about: string, udp: boolean): void {
  const byCookie = new Map(theirs.map((socket) => [socket.cookie, socket]));
  assert.equal(byCookie.size, theirs.length, "ss names a socket twice");
  const cookies = (list: readonly SsSocket[]): string[] =>
    list.map(({ cookie, state, local }) => `${cookie} ${state} ${local}`).sort();
  const state = (socket: SsSocket): string => (udp && socket.state === "BOUND" ? "CLOSED" : socket.state);
  assert.deepEqual(
    cookies(ours.map((one) => ({ ...one, state: state(one) }))),
    cookies(theirs.map((one) => ({ ...one, state: state(one) }))),
    about,
  );
  for (const socket of ours) {
    const other = byCookie.get(socket.cookie)!;
    const { timer, ...rest } = socket;
    const { timer: expectedTimer, ...expected } = other;
    assert.deepEqual(
      { ...rest, state: state(socket) },
      { ...expected, state: state(other), v6only: rest.v6only },
      about,
    );
    if (expected.v6only !== undefined && rest.v6only !== undefined) assert.equal(rest.v6only, expected.v6only, about);
    compareTimers(timer, expectedTimer, about);
  }
}

function compareTimers(ours: SsSocket["timer"], theirs: SsSocket["timer"], about: string): void {
  // Between the two looks a short one can run out: a delayed acknowledgement is sent, a keepalive takes its place.
  if (ours?.kind === "delayed-ack" || theirs?.kind === "delayed-ack") return;
  assert.equal(ours?.kind, theirs?.kind, about);
  if (ours === undefined || theirs === undefined || (ours.kind !== "time-wait" && ours.kind !== "keepalive")) return;
  const slack = theirs.ms > 10 * 60_000 ? MINUTES_SLACK_MS : TIMER_SLACK_MS;
  assert.ok(Math.abs(ours.ms - theirs.ms) <= slack, `${about}: timer ${ours.ms} against ${theirs.ms}`);
}

async function compareMany(filters: fc.Arbitrary<string>, runs: number, udp: boolean): Promise<void> {
  let found = 0;
  // Fails with the seed and the smallest filter that differs.
  await fc.assert(
    fc.asyncProperty(filters, async (filter) => {
      if ((await compare(filter, udp)) > 0) found++;
    }),
    { numRuns: runs, includeErrorInReport: true },
  );
  assert.ok(found > runs / 10, `only ${found} of ${runs} filters matched anything`);
}

async function compareCommand(story: Story, filters: fc.Arbitrary<string>): Promise<void> {
  for (const filter of fc.sample(filters, COMMAND_RUNS)) {
    const { json } = await story.command<{ sockets: Socket[] }>(["ls", "--no-owners", "--json", filter]);
    compareAll(json.sockets.map(asSs), await bySs(filter, false), filter, false);
    const { json: count } = await story.command<{ total: number }>(["ls", "--count", "--json", filter]);
    assert.equal(count.total, json.sockets.length, filter);
  }
}

test(
  "ls shows the sockets that ss shows, field by field, for random filters",
  story(async (story) => {
    await populate(story);
    const states = new Set((await bySs("state all", false)).map(({ state }) => state));
    for (const state of [
      "LISTEN",
      "SYN-SENT",
      "ESTABLISHED",
      "FIN-WAIT-1",
      "FIN-WAIT-2",
      "CLOSE-WAIT",
      "LAST-ACK",
      "TIME-WAIT",
    ])
      assert.ok(states.has(state), `nobody is in ${state}`);
    await compareMany(tcpFilters, TCP_RUNS, false);
    await compareMany(udpFilters, UDP_RUNS, true);
    await compareCommand(story, tcpFilters);
  }, SS),
);
