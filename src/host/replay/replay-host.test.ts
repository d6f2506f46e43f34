import assert from "node:assert/strict";
import { test } from "node:test";
import { listSockets } from "../../ask/list-sockets.ts";
import { why } from "../../ask/why.ts";
import type { WhyOptions } from "../../ask/why.ts";
import { ALL_STATES, maskOf } from "../../tcp/states.ts";
import { parseFilter } from "../../tcp/filter/parse-filter.ts";
import { bound, connection, createFakeHost, listener, program, timeWait } from "../../testing/testing.ts";
import type { FakeHostDescription } from "../../testing/testing.ts";
import { PortmortemError } from "../../base/errors.ts";
import type { DumpRequest, Host, NetnsRef } from "../host.ts";
import { parseRecording } from "./recording.ts";
import { createRecordingHost } from "./recording-host.ts";
import { createReplayHost } from "./replay-host.ts";

/** Asks through a recorder, and gives the host that answers from what it wrote down. */
async function record<T>(
  description: FakeHostDescription,
  ask: (host: Host) => T | Promise<T>,
  redact = false,
  change = (host: Host): Host => host,
): Promise<{ answer: T; replay: Host; text: string }> {
  const { host, namespaces } = createRecordingHost(change(createFakeHost(description)), { redact });
  const answer = await ask(host);
  const about = {
    portmortem: "0.1.0",
    recordedAt: "2025-01-01T12:00:00.000Z",
    command: ["why", "8080"],
    redacted: redact,
  };
  const text = JSON.stringify({ schema: "portmortem.recording/1", ...about, namespaces });
  return { answer, replay: createReplayHost(parseRecording(text, "x.json")), text };
}

const proxy = program("docker-proxy", {
  args: [
    "/usr/bin/docker-proxy",
    "-proto",
    "tcp",
    "-host-port",
    "8080",
    "-container-ip",
    "172.17.0.2",
    "-container-port",
    "80",
  ],
  sockets: [listener({ port: 8080, address: "0.0.0.0" })],
});
const inside = {
  names: ["web"],
  addresses: [{ address: "172.17.0.2", family: "ipv4", interface: "eth0", prefixLength: 16 } as const],
  processes: [
    program("nginx", {
      container: { runtime: "docker", id: "c0ffee", name: "web" },
      sockets: [listener({ port: 80 })],
    }),
  ],
};
const WORLDS: readonly (readonly [name: string, world: FakeHostDescription, options?: WhyOptions])[] = [
  ["a free port", {}],
  ["a listener", { processes: [program("node", { sockets: [listener({ port: 8080 })] })] }],
  ["what a crash left", { sockets: [timeWait({ port: 8080 }), timeWait({ port: 8080, peer: "10.0.0.1:9" })] }],
  [
    "a bound socket and visitors",
    {
      processes: [
        program("a", {
          sockets: [bound({ port: 8080 }), connection({ local: "127.0.0.1:5", remote: "127.0.0.1:8080" })],
        }),
      ],
    },
  ],
  ["docker-proxy and its container", { processes: [proxy], namespaces: [inside] }],
  ["a namespace that may not be entered", { namespaces: [{ ...inside, mayEnter: false }] }],
  [
    "an ordinary user",
    { system: { uid: 1000 }, processes: [program("x", { uid: 33, sockets: [listener({ port: 8080 })] })] },
  ],
  ["a bind that was not tried", { sockets: [timeWait({ port: 8080 })] }, { probe: false }],
];

for (const [name, world, options] of WORLDS)
  test(`a replay gives why()'s verdict of ${name}`, async () => {
    const { answer, replay } = await record(world, (host) => why(8080, { host, ...options }));
    assert.deepEqual(await why(8080, { host: replay, ...options }), answer);
  });

test("a replay gives the same listing", async () => {
  const world = { processes: [proxy], sockets: [timeWait({ port: 1 })] };
  const { answer, replay } = await record(world, (host) => listSockets({ host }));
  assert.deepEqual(await listSockets({ host: replay }), answer);
  assert.equal(replay.kind, "replay");
});

test("a replay of another namespace's question answers from that namespace", async () => {
  const { answer, replay } = await record({ namespaces: [inside] }, (host) => why(80, { host, netns: "web" }));
  assert.deepEqual(await why(80, { host: replay, netns: "web" }), answer);
  assert.equal(answer.blockers[0]?.rule, "listener");
});

test("a replay raises the errors that were raised", async () => {
  const { replay } = await record({ namespaces: [{ names: ["web"], mayEnter: false }] }, (host) => {
    for (const name of ["web", "nowhere"]) assert.throws(() => host.enter({ name }));
  });
  assert.throws(() => replay.enter({ name: "web" }), {
    code: "PM_NETNS_FORBIDDEN",
    errno: "EPERM",
    hint: /CAP_SYS_ADMIN/,
  });
  assert.throws(() => replay.enter({ name: "nowhere" }), { code: "PM_NETNS_NOT_FOUND" });
});

/** The same host, but for one method. */
function otherwise(host: Host, method: keyof Host, answer: (...args: never[]) => unknown): Host {
  return new Proxy(host, {
    get: (target, name) => (name === method ? answer : Reflect.get(target, name, target).bind?.(target)),
  });
}

for (const method of ["socketSource", "netns", "dumpSockets"] as const)
  test(`a replay of a look into a namespace that ended at ${method}() says what was said`, async () => {
    const ended = (): never => {
      throw new PortmortemError("PM_NETNS_NOT_FOUND", "the network namespace has ended: ENOENT", { errno: "ENOENT" });
    };
    const lateEnd = () => ({ summary: { exactFilter: true, failed: [], blind: [] }, [Symbol.iterator]: ended });
    const world = { processes: [program("node", { sockets: [listener({ port: 8080 })] })], namespaces: [inside] };
    for (const end of method === "dumpSockets" ? [ended, lateEnd] : [ended]) {
      const { answer, replay } = await record(
        world,
        (host) => why(8080, { host }),
        false,
        (host) => otherwise(host, "enter", (netns: NetnsRef) => otherwise(host.enter(netns), method, end)),
      );
      assert.deepEqual(await why(8080, { host: replay }), answer);
      assert.equal(answer.blockers[0]?.rule, "listener");
    }
  });

test("a replay gives the answers to one question in the order in which they came", async () => {
  const answers = ["a", "a", undefined, "b"];
  const asked = (host: Host) => Array.from({ length: 5 }, () => host.sysctl("net.ipv4.tcp_tw_reuse"));
  let at = 0;
  const { answer, replay, text } = await record({}, asked, false, (host) =>
    otherwise(host, "sysctl", () => answers[Math.min(at++, 3)]),
  );
  assert.deepEqual(answer, ["a", "a", undefined, "b", "b"]);
  assert.deepEqual(asked(replay), answer);
  assert.equal(replay.sysctl("net.ipv4.tcp_tw_reuse"), "b", "the last one stays");
  assert.deepEqual(Object.keys(JSON.parse(text).namespaces.home.sysctl), [
    '["net.ipv4.tcp_tw_reuse"]',
    '["net.ipv4.tcp_tw_reuse"]#3',
    '["net.ipv4.tcp_tw_reuse"]#4',
  ]);
});

test("a replay tells of a process that ended while it was looked at", async () => {
  const { answer, replay } = await record(
    {
      processes: [program("a", { pid: 7 })],
    },
    (host) => [host.process(7)?.command, host.process(7)?.command],
    false,
    (host) => {
      let asked = 0;
      return otherwise(host, "process", (pid: number) => (asked++ === 0 ? host.process(pid) : undefined));
    },
  );
  assert.deepEqual(answer, ["a", undefined]);
  assert.deepEqual([replay.process(7)?.command, replay.process(7)?.command], answer);
});

test("a replay says what it does not hold, and what it was made for", async () => {
  const { replay } = await record({}, (host) => host.system());
  const missing = {
    code: "PM_REPLAY_MISSING",
    hint: "portmortem 0.1.0 made it on 2025-01-01T12:00:00.000Z with: why 8080",
  };
  assert.throws(() => replay.sysctl("net.ipv4.tcp_tw_reuse"), {
    ...missing,
    message: /sysctl about "net\.ipv4\.tcp_tw_reuse"/,
  });
  assert.throws(() => replay.dumpSockets({ protocol: "tcp", states: ALL_STATES }), missing);
  assert.throws(() => replay.enter({ pid: 7 }), missing);
  await assert.rejects(replay.containerName({ runtime: "docker", id: "x" }), missing);
  for (const name of ["constructor", "__proto__", "toString"]) assert.throws(() => replay.userId(name), missing);
});

test("a replay tells an answer of nothing from no answer", async () => {
  const { replay } = await record({}, (host) => host.sysctl("no.such"));
  assert.equal(replay.sysctl("no.such"), undefined);
  assert.throws(() => replay.sysctl("no.other"), { code: "PM_REPLAY_MISSING" });
});

test("a replay answers a narrower dump from a recorded wider one, and says that it did not filter", async () => {
  const world = {
    processes: [program("a", { sockets: [listener({ port: 80 }), listener({ port: 81, address: "127.0.0.1" })] })],
  };
  const { replay } = await record(world, (host) =>
    Array.from(host.dumpSockets({ protocol: "tcp", states: ALL_STATES })),
  );
  const ports = (request: Partial<DumpRequest>) => {
    const dump = replay.dumpSockets({ protocol: "tcp", states: ALL_STATES, ...request });
    return [
      dump.summary.exactFilter,
      ...[...dump].flatMap((batch) => Array.from({ length: batch.length }, (_, at) => batch.socketAt(at).local.port)),
    ];
  };
  assert.deepEqual(ports({ localPort: 80 }), [true, 80]);
  assert.deepEqual(ports({ families: ["ipv4"] }), [true, 81]);
  assert.deepEqual(ports({ states: maskOf("TIME-WAIT") }), [true]);
  assert.deepEqual(ports({ filter: parseFilter("sport = :81") }), [false, 80, 81]);
  for (const wider of [{ details: true }, { protocol: "udp" as const }])
    assert.throws(() => replay.dumpSockets({ protocol: "tcp", states: ALL_STATES, ...wider }), {
      code: "PM_REPLAY_MISSING",
    });
});

test("a replay answers no dump of more states than were recorded", async () => {
  const listening = { protocol: "tcp", states: maskOf("LISTEN") } as const;
  const { replay } = await record({}, (host) => Array.from(host.dumpSockets(listening)));
  assert.equal([...replay.dumpSockets(listening)].length, 0);
  assert.throws(() => replay.dumpSockets({ ...listening, states: ALL_STATES }), { code: "PM_REPLAY_MISSING" });
});

test("a recording host changes no answer", async () => {
  const world = {
    processes: [program("mysql", { pid: 5, args: ["mysql", "--password=hunter2"], sockets: [listener({ port: 1 })] })],
  };
  const { answer } = await record(world, (host) => host.process(5), true);
  assert.deepEqual(answer?.args, ["mysql", "--password=hunter2"]);
});

test("a recording holds no secret of a command line, and with redact no argument", async () => {
  const world = {
    processes: [
      program("app", {
        args: ["app", "--token", "s3cr3t", "--verbose", "customer-42"],
        sockets: [listener({ port: 8080 })],
      }),
    ],
  };
  const plain = await record(world, (host) => why(8080, { host }));
  assert.ok(!plain.text.includes("s3cr3t") && plain.text.includes("customer-42"));
  const redacted = await record(world, (host) => why(8080, { host }), true);
  assert.ok(!redacted.text.includes("s3cr3t") && !redacted.text.includes("customer-42"));
});

test("a redacted recording keeps docker-proxy's verdict", async () => {
  const world = { processes: [proxy], namespaces: [inside] };
  const { answer, replay } = await record(world, (host) => why(8080, { host }), true);
  const again = await why(8080, { host: replay });
  assert.match(again.elsewhere[0]?.text ?? "", /docker-proxy here forwards to it$/);
  assert.deepEqual(
    again.elsewhere.map(({ text }) => text),
    answer.elsewhere.map(({ text }) => text),
  );
  assert.deepEqual(again.advice, answer.advice);
});
