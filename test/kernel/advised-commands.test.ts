// The commands that `why` prints, typed as they are: each does what it says, the bind works then, and who was not in the way still lives.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Why } from "../../src/verdict/why.ts";
import type { Actor } from "./actor.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";
import { setSysctl } from "./sysctls.ts";
import { typed } from "./typed.ts";
import { until } from "./until.ts";

/** A server that closes first and is gone: its port is in TIME-WAIT. */
async function leaveTimeWait(s: Story, to: string, options: { readonly reuseAddr?: boolean } = {}): Promise<void> {
  const server = s.actor();
  const listener = await server.listen(to, options);
  const client = s.actor();
  const fd = await client.connect(to);
  await server.close(await server.accept(listener));
  await server.close(listener);
  await client.close(fd);
  await s.socket(`state time-wait sport = :${to.slice(to.lastIndexOf(":") + 1)}`);
}

/** A client that is connected TO the port, and somebody with another port of that kind: nobody is to touch them. */
async function innocents(s: Story): Promise<() => Promise<void>> {
  const server = s.actor();
  const listener = await server.listen("127.0.0.9:48100");
  const client = s.actor();
  const fd = await client.connect("127.0.0.9:48100");
  const accepted = await server.accept(listener);
  return async () => {
    await client.call("write", { fd, text: "still here" });
    assert.equal(await server.call("read", { fd: accepted }), "still here");
  };
}

type Advised = Pick<Why["advice"][number], "command" | "costs">;

/** What is advised about a port, the commands alone. */
async function advised(s: Story, args: string): Promise<{ bindable: boolean; advice: Advised[] }> {
  const { json } = await s.why(args);
  const advice = json.advice.flatMap(({ command, costs }) => (command === undefined ? [] : [{ command, costs }]));
  return { bindable: json.bindable, advice };
}

async function frees(s: Story, args: string, { command }: Advised): Promise<void> {
  const { status, text } = await typed(command);
  assert.equal(status, 0, `$ ${command}\n${text}`);
  const after = await s.why(args);
  assert.equal(after.json.attempts[0]?.result, "ok", `$ ${command}\n${text}`);
}

interface Scene {
  readonly title: string;
  readonly args: string;
  /** What to type, by what it costs. */
  readonly advice: readonly string[];
  readonly set: (s: Story) => Promise<{ readonly ends?: readonly Actor[]; readonly stays?: readonly Actor[] }>;
}

const SCENES: readonly Scene[] = [
  {
    title: "a TIME-WAIT",
    args: "48101",
    advice: ["nothing: portmortem wait 48101", "nothing: portmortem free 48101"],
    set: async (s) => {
      await leaveTimeWait(s, "127.0.0.1:48101");
      return {};
    },
  },
  {
    title: "a TIME-WAIT that only a program without SO_REUSEADDR runs into",
    args: "127.0.0.1:48102 --no-reuse-addr",
    advice: [
      "nothing: portmortem wait 127.0.0.1:48102 --no-reuse-addr",
      "nothing: portmortem free 127.0.0.1:48102 --no-reuse-addr",
    ],
    set: async (s) => {
      await leaveTimeWait(s, "127.0.0.1:48102", { reuseAddr: true });
      return {};
    },
  },
  {
    title: "a listener",
    args: "[::1]:48103",
    advice: ["downtime: portmortem free '[::1]:48103'"],
    set: async (s) => {
      const [server, beside] = [s.actor(), s.actor()];
      await server.listen("[::1]:48103");
      await beside.listen("127.0.0.1:48103");
      return { ends: [server], stays: [beside] };
    },
  },
  {
    title: "a listener that was stopped by Ctrl-Z",
    args: "48104",
    advice: ["downtime: portmortem free 48104"],
    set: async (s) => {
      const server = s.actor();
      await server.listen("127.0.0.1:48104");
      server.signal("SIGSTOP");
      return { ends: [server] };
    },
  },
  {
    title: "a listener of IPv6 alone",
    args: "48105 --v6only",
    advice: ["downtime: portmortem free 48105 --v6only"],
    set: async (s) => {
      const [server, beside] = [s.actor(), s.actor()];
      await server.listen("[::1]:48105");
      await beside.listen("0.0.0.0:48105");
      return { ends: [server], stays: [beside] };
    },
  },
  {
    title: "a listener on one device",
    args: "0.0.0.0:48106 --device lo",
    advice: ["downtime: portmortem free 0.0.0.0:48106 --device lo"],
    set: async (s) => {
      const server = s.actor();
      await server.listen("127.0.0.1:48106");
      return { ends: [server] };
    },
  },
  {
    title: "a listener without SO_REUSEPORT, for a program that has it",
    args: "127.0.0.1:48107 --reuse-port",
    advice: ["downtime: portmortem free 127.0.0.1:48107 --reuse-port"],
    set: async (s) => {
      const server = s.actor();
      await server.listen("127.0.0.1:48107");
      return { ends: [server] };
    },
  },
  {
    title: "a listener and what it has left behind",
    args: "48108 --no-reuse-addr",
    advice: ["downtime: portmortem free 48108 --no-reuse-addr"],
    set: async (s) => {
      await leaveTimeWait(s, "127.0.0.1:48108", { reuseAddr: true });
      const server = s.actor();
      await server.listen("127.0.0.1:48108", { reuseAddr: true });
      return { ends: [server] };
    },
  },
  {
    title: "a UDP socket",
    args: "127.0.0.1:48109 --udp",
    advice: ["downtime: portmortem free 127.0.0.1:48109 --udp"],
    set: async (s) => {
      const [server, beside] = [s.actor(), s.actor()];
      await server.bound("127.0.0.1:48109", { type: "dgram" });
      await beside.listen("127.0.0.1:48109");
      return { ends: [server], stays: [beside] };
    },
  },
  {
    title: "a socket that is only bound",
    args: "0.0.0.0:48110",
    advice: ["downtime: portmortem free 0.0.0.0:48110"],
    set: async (s) => {
      const server = s.actor();
      await server.bound("127.0.0.1:48110");
      return { ends: [server] };
    },
  },
  {
    title: "connections of a server that has closed its listener",
    args: "48111",
    advice: ["data: portmortem free 48111"],
    set: async (s) => {
      const [server, client] = [s.actor(), s.actor()];
      const listener = await server.listen("127.0.0.1:48111");
      for (let count = 0; count < 3; count++) {
        const fd = await client.connect("127.0.0.1:48111");
        const accepted = await server.accept(listener);
        if (count === 1) await client.call("shutdown", { fd });
        if (count === 2) await server.call("shutdown", { fd: accepted });
      }
      await server.close(listener);
      return { stays: [server, client] };
    },
  },
];

const CLIENT = "an outgoing connection that was given the port as its own";

for (const { title, args, advice, set } of SCENES)
  test(
    `what why advises frees the port: ${title}`,
    story(async (s) => {
      const areThere = await innocents(s);
      const { ends = [], stays = [] } = await set(s);
      const before = await advised(s, args);
      assert.deepEqual(
        before.advice.map(({ command, costs }) => `${costs}: ${command}`),
        advice,
      );
      await frees(s, args, before.advice.at(-1)!);
      for (const { pid } of ends) await until("it has ended", () => isGone(pid));
      for (const { pid } of stays) assert.equal(isGone(pid), false, "it was not in the way, or only its connection");
      await areThere();
    }),
  );

function isGone(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch {
    return true;
  }
}

test(
  `what why advises frees the port: ${CLIENT}`,
  story(async (s) => {
    const [server, client] = [s.actor(), s.actor()];
    await server.listen("127.0.0.1:5432");
    const port = await client.call("port", { fd: await client.connect("127.0.0.1:5432") });
    const { advice } = await advised(s, String(port));
    assert.deepEqual(
      advice.map(({ command }) => command),
      [`sysctl -w net.ipv4.ip_local_reserved_ports=${port}`, `portmortem free ${port} --drop-clients`],
    );
    await frees(s, String(port), advice.at(-1)!);
    for (const { pid } of [server, client]) assert.equal(isGone(pid), false);
  }),
);

test(
  "what why advises frees the port: a UDP socket that went out",
  story(async (s) => {
    const client = s.actor();
    const port = await client.call("port", { fd: await client.connect("127.0.0.1:53", { type: "dgram" }) });
    const { advice } = await advised(s, `${port} --udp`);
    assert.deepEqual(advice, [{ command: `portmortem free ${port} --udp --drop-clients`, costs: "data" }]);
    await frees(s, `${port} --udp`, advice[0]!);
    assert.equal(isGone(client.pid), false);
  }),
);

test(
  "what why advises frees the port: a client that asked for it",
  story(async (s) => {
    const [server, client] = [s.actor(), s.actor()];
    await server.listen("127.0.0.1:5432");
    await client.connect("127.0.0.1:5432", { from: "127.0.0.1:48114" });
    const { advice } = await advised(s, "48114");
    assert.equal(advice.at(-1)?.command, "portmortem free 48114 --drop-clients");
    await frees(s, "48114", advice.at(-1)!);
    for (const { pid } of [server, client]) assert.equal(isGone(pid), false);
  }),
);

test(
  "a client that asked for its port keeps it from those without SO_REUSEADDR until it closes, and is left alone",
  story(async (s) => {
    const [server, client] = [s.actor(), s.actor()];
    await server.listen("127.0.0.1:5432");
    const fd = await client.connect("127.0.0.1:5432", { from: "127.0.0.1:48112" });
    const { json } = await s.why("48112 --no-reuse-addr");
    const [ending] = json.advice.filter(({ costs }) => costs === "data");
    assert.equal(ending?.command, "portmortem free 48112 --no-reuse-addr --drop-clients");
    assert.match(ending.text, /is free once it closes its end/);
    const { status, text } = await typed(ending.command);
    assert.equal(status, 1, text);
    assert.match(text, /has not closed the connection/);
    assert.equal(isGone(client.pid), false);
    await client.close(fd);
    assert.equal((await s.why("48112 --no-reuse-addr")).status, 0);
  }),
);

test(
  "what why advises for nothing is to wait, and the port is free then",
  story(async (s) => {
    setSysctl(s, "net.ipv4.tcp_fin_timeout", "2");
    const [server, client] = [s.actor(), s.actor()];
    const listener = await server.listen("127.0.0.1:48113");
    await client.connect("127.0.0.1:48113");
    const accepted = await server.accept(listener);
    await server.close(listener);
    await server.close(accepted);
    await s.socket("state fin-wait-2 sport = :48113");
    const { advice } = await advised(s, "48113");
    assert.equal(advice[0]?.command, "portmortem wait 48113");
    await frees(s, "48113", advice[0]);
  }),
);
