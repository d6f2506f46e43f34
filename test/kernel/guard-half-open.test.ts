// Peers that are gone without a word, on the other side of a cable: found within the time that the guard states, whoever we are to them.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { GuardBound, GuardOptions } from "../../src/graceful/graceful.ts";
import { clientEnd, type End, portOf, serverEnd, type Kind } from "./guarded-ends.ts";
import { IP, NFT, type Need } from "./needs.ts";
import { story, type Story } from "./story.ts";
import { until } from "./until.ts";

const KINDS: readonly Kind[] = ["net", "tls", "http", "h2c", "h2"];
/** For a machine that has other things to do; not a measure of ours. */
const SLACK_MS = 3000;

interface Configuration {
  readonly name: string;
  readonly options: (kind: Kind) => GuardOptions;
  /** Which of the stated times is to hold. */
  readonly bound: Exclude<keyof GuardBound, "why">;
  /** Data is written right after the cut. */
  readonly writes?: true;
  readonly found: readonly ("kernel" | "heartbeat" | "idleTimeout")[];
  readonly kinds?: readonly Kind[];
  /** It cuts healthy peers too. */
  readonly cutsIdle?: true;
}

const keepAlive = { idleMs: 1000, intervalMs: 1000, probes: 2 };
const beat = (kind: Kind, everyMs: number, timeoutMs: number): GuardOptions => ({
  heartbeat: {
    everyMs,
    timeoutMs,
    ...(kind === "net" || kind === "tls" ? { send: (socket) => socket.write("beat") } : {}),
  },
});

const CONFIGURATIONS: readonly Configuration[] = [
  { name: "keepAlive", options: () => ({ keepAlive }), bound: "quietMs", found: ["kernel"] },
  {
    name: "keepAlive and userTimeoutMs, with data in flight",
    options: () => ({ keepAlive, userTimeoutMs: 1500 }),
    bound: "unacknowledgedMs",
    writes: true,
    found: ["kernel"],
  },
  {
    name: "heartbeat",
    // The healthy peer has that time too, on whatever machine.
    options: (kind) => beat(kind, 1000, 2500),
    bound: "ms",
    found: ["heartbeat"],
    kinds: ["net", "tls", "h2c", "h2"],
  },
  {
    name: "idleTimeoutMs",
    options: () => ({ idleTimeoutMs: 1500 }),
    bound: "ms",
    found: ["idleTimeout"],
    cutsIdle: true,
  },
  {
    name: "all of them, with data in flight",
    options: (kind) => ({ keepAlive, userTimeoutMs: 4000, idleTimeoutMs: 2500, ...beat(kind, 900, 500) }),
    bound: "ms",
    writes: true,
    found: ["kernel", "heartbeat", "idleTimeout"],
    cutsIdle: true,
  },
];

interface Scene extends Configuration {
  readonly end: End;
}

/** Each configuration with each kind, at both ends, with a peer at `there`. `program` starts one. */
async function scenes(
  s: Story,
  wanted: readonly Configuration[],
  here: string,
  there: string,
  peer: (...args: string[]) => { line(): Promise<string> },
): Promise<Scene[]> {
  const ports = JSON.parse(await peer("serve", there).line()) as Record<Kind, number>;
  const pairs = wanted.flatMap((one) => (one.kinds ?? KINDS).map((kind) => [one, kind] as const));
  const servers = await Promise.all(
    pairs.map(async ([one, kind]) => ({ one, kind, server: await serverEnd(kind, here, one.options(kind)) })),
  );
  for (const { server } of servers) s.atEnd(() => server[0].stop());
  const list = servers.map(({ one, kind, server }) => ({ kind, port: portOf(server[1]), isHeld: one.writes === true }));
  const clients = pairs.map(async ([one, kind]) => {
    const end = await clientEnd(kind, there, ports[kind], one.options(kind));
    s.atEnd(() => end.stop());
    return { ...one, end };
  });
  assert.equal(await peer("connect", here, JSON.stringify(list)).line(), "ready");
  return [...servers.map(({ one, server }) => ({ ...one, end: server[0] })), ...(await Promise.all(clients))];
}

const nameOf = ({ name, end }: Scene): string => `${end.name}, ${name}`;

/** What happens to a socket that waits in an http agent's pool is told to nobody: freeSocketOnReadGuard() of newer Nodes destroys it. */
const isClosedSilently = ({ name }: End): boolean =>
  name === "client of http" && Number.parseInt(process.versions.node, 10) >= 22;

async function isFoundInTime({ bound, found, end }: Scene, boundMs: number | undefined, cutAt: number): Promise<void> {
  assert.ok(boundMs !== undefined, "the time is stated");
  const leftMs = Math.max(0, cutAt + boundMs + SLACK_MS - performance.now());
  const { errors } = await until(`the end, ${bound} ${boundMs}`, () => end.ending, leftMs);
  const report = await end.guard.report();
  if (isClosedSilently(end) && found[0] === "kernel") return;
  const means = found.filter((one) => report.found[one] > 0);
  assert.equal(
    report.found.kernel + report.found.heartbeat + report.found.idleTimeout,
    1,
    `found once: ${errors.map(String).join()}`,
  );
  assert.equal(means.length, 1, `found by one of ${found.join()}: ${JSON.stringify(report.found)}, ${String(errors)}`);
  const reasons = errors.map((error) => {
    const { code, cause } = error as NodeJS.ErrnoException;
    return means[0] === "kernel" ? (cause as NodeJS.ErrnoException | undefined)?.code : code;
  });
  assert.ok(reasons.includes(means[0] === "idleTimeout" ? "PM_PEER_IDLE" : "PM_PEER_LOST"), String(errors));
}

const CUTS: readonly [
  name: string,
  cut: (s: Story, peer: (...args: string[]) => void) => void,
  needs: readonly Need[],
][] = [
  ["its cable is pulled", (_, there) => there("ip", "link", "set", "pm1", "down"), []],
  ["our cable is pulled", (s) => s.system("ip", "link", "set", "pm0", "down"), []],
  ["a rule drops what it gets", (_, there) => drop(there, "input"), [NFT]],
];

function drop(run: (...args: string[]) => void, hook: string): void {
  run("nft", "add table ip cut");
  run("nft", `add chain ip cut every { type filter hook ${hook} priority 0; policy drop; }`);
}

for (const [name, cut, needs] of CUTS)
  test(
    `guard() finds a peer that is gone when ${name}, in the stated time, and cuts no healthy one`,
    story(
      async (s) => {
        const { actor, here, there } = s.actorAcross();
        const elsewhere = ["nsenter", `--net=/proc/${actor.pid}/ns/net`];
        const lost = await scenes(s, CONFIGURATIONS, here, there, (...args) =>
          s.program("half-open-peer", args, { under: elsewhere }),
        );
        const unhurt = CONFIGURATIONS.filter(({ cutsIdle }) => cutsIdle !== true);
        const healthy = await scenes(s, unhurt, "127.0.0.1", "127.0.0.1", (...args) =>
          s.program("half-open-peer", args),
        );
        const stated = await Promise.all(lost.map(async ({ end }) => (await end.guard.report()).bound));
        cut(s, (...args) => s.system("nsenter", ...elsewhere.slice(1), ...args));
        const cutAt = performance.now();
        for (const { writes, end } of lost) if (writes === true) end.say();
        const results = await Promise.allSettled(
          lost.map((scene, at) => isFoundInTime(scene, stated[at]?.[scene.bound], cutAt)),
        );
        const failures = results.flatMap((result, at) =>
          result.status === "rejected" ? [`${nameOf(lost[at]!)}: ${String(result.reason)}`] : [],
        );
        assert.deepEqual(failures, []);
        for (const scene of healthy) {
          assert.equal(scene.end.ending, undefined, `healthy: ${nameOf(scene)}`);
          const { connections, found } = await scene.end.guard.report();
          assert.deepEqual(
            { connections, found },
            { connections: 1, found: { kernel: 0, heartbeat: 0, idleTimeout: 0 } },
          );
        }
      },
      IP,
      ...needs,
    ),
  );
