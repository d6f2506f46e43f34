import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { why } from "../ask/why.ts";
import type { WhyOptions } from "../ask/why.ts";
import { connection, createFakeHost, listener, program, timeWait } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { judgeBind } from "../verdict/judge-bind.ts";
import { randomSnapshot } from "../../test/contracts/random-sockets.ts";
import { createStyle } from "./style.ts";
import { textWidth } from "./text-layout.ts";
import { renderWhy } from "./why-text.ts";

const PLAIN = createStyle(false);
const NODE = { pid: 812, args: ["node", "server.js"], startedAtMs: Date.UTC(2025, 0, 1, 9, 30) };

async function textOf(
  description: FakeHostDescription,
  {
    width = 80,
    verbose = false,
    port = 8080,
    ...options
  }: Omit<WhyOptions, "host"> & { width?: number; verbose?: boolean; port?: number } = {},
): Promise<string[]> {
  const answer = await why(port, { host: createFakeHost(description), ...options });
  return renderWhy(answer, { style: PLAIN, width, verbose }).split("\n");
}

const taken: FakeHostDescription = { processes: [program("node", { ...NODE, sockets: [listener({ port: 8080 })] })] };
const left: FakeHostDescription = { sockets: [timeWait({ port: 8080, remainingMs: 47_000 })] };

test("renderWhy() says in one line that a port is free", async () => {
  assert.deepEqual(await textOf({}, { width: 200 }), [
    "port 8080 is free: [::] (dual-stack, every address) can be bound, with and without SO_REUSEADDR",
    "",
  ]);
});

test("renderWhy() shows a listener, its process and what to do, in 80 columns", async () => {
  assert.deepEqual(await textOf(taken), [
    "port 8080 cannot be bound on [::] (dual-stack, every address): EADDRINUSE, with",
    "and without SO_REUSEADDR",
    "",
    "  listener  node (pid 812) listens on [::]:8080",
    "            pid 812, user deploy, since 2025-01-01 09:30:00 UTC: node server.js",
    "",
    "what to do",
    "  · ask node (pid 812) to end, and prove that the port is free (downtime)",
    "      $ portmortem free 8080",
    "",
  ]);
});

test("renderWhy() shows a TIME-WAIT, its seconds and both ways out, in 40 columns", async () => {
  assert.deepEqual(await textOf(left, { width: 40 }), [
    "port 8080 cannot be bound on [::]",
    "(dual-stack, every address): EADDRINUSE,",
    "with and without SO_REUSEADDR",
    "",
    "  time-wait  a connection with",
    "             127.0.0.1:50000 that this",
    "             side closed first is in",
    "             TIME-WAIT; SO_REUSEADDR is",
    "             missing on its side, so",
    "             yours does not help",
    "             free in 47 s",
    "",
    "what to do",
    "  · wait 47 s: it ends by itself",
    "      $ portmortem wait 8080",
    "  · clear the TIME-WAIT: nobody holds",
    "    it, and nothing is lost unless its",
    "    last packets are still on the way",
    "      $ portmortem free 8080",
    "  · set SO_REUSEADDR in the program that",
    "    left this behind, and its next start",
    "    will not run into it",
    "",
  ]);
});

test("renderWhy() says for whom a port is free, where that matters", async () => {
  const reusing = { sockets: [timeWait({ port: 8080, reuseAddr: true })] };
  const [first, second] = await textOf(reusing, { width: 200 });
  assert.equal(
    first,
    "port 8080 can be bound on [::] (dual-stack, every address) by a program that sets SO_REUSEADDR, as Node, nginx and most servers do. One that does not set it gets EADDRINUSE:",
  );
  assert.equal(second, "");
  const [without] = await textOf(reusing, { width: 200, reuseAddr: false });
  assert.equal(
    without,
    "port 8080 cannot be bound on [::] (dual-stack, every address): EADDRINUSE without SO_REUSEADDR",
  );
});

test("renderWhy() names SO_REUSEPORT where it was asked for", async () => {
  const shared = listener({ port: 8080, reusePort: true });
  const ofUser = (uid: number) => ({ processes: [program("node", { uid, sockets: [shared] })] });
  const [same] = await textOf(ofUser(0), { width: 300, reusePort: true });
  assert.match(
    same!,
    /by a program that sets SO_REUSEPORT and runs as the user of those that have it\. One that does not set it gets/,
  );
  const [free] = await textOf({}, { width: 300, reusePort: true });
  assert.match(free!, /can be bound, with SO_REUSEPORT, with and without SO_REUSEADDR$/);
  const [other] = await textOf(ofUser(33), { width: 300, reusePort: true });
  assert.match(other!, /: EADDRINUSE with SO_REUSEADDR and SO_REUSEPORT$/);
  const [alone] = await textOf(ofUser(33), { width: 300, reusePort: true, reuseAddr: false });
  assert.match(alone!, /: EADDRINUSE with SO_REUSEPORT$/);
});

test("renderWhy() says as whom, where another user is asked about", async () => {
  const headOf = async (description: FakeHostDescription, user?: string, port = 80) => {
    const answer = await why(port, { host: createFakeHost(description), user: 1000 });
    const view = { style: PLAIN, width: 300, verbose: false, ...(user === undefined ? {} : { user }) };
    return renderWhy(answer, view).split("\n")[0]!;
  };
  assert.match(await headOf({}, "deploy"), /^port 80 cannot be bound as deploy on \[::\]/);
  assert.match(await headOf({}, "1000"), /^port 80 cannot be bound as uid 1000 on/);
  assert.match(await headOf({}), /^port 80 cannot be bound on/);
  assert.match(await headOf({}, "deploy", 8080), /every address\) can be bound as deploy, with/);
  const reusing = { sockets: [timeWait({ port: 8080, reuseAddr: true })] };
  assert.match(await headOf(reusing, "deploy", 8080), /^port 8080 can be bound as deploy on/);
});

test("renderWhy() says that no bind was tried, and that it hangs on what cannot be seen", async () => {
  const [first] = await textOf(left, { width: 200, probe: false });
  assert.equal(
    first,
    "port 8080 may be taken: it hangs on an option that cannot be seen from here (by the rules; no bind was tried)",
  );
});

test("renderWhy() tells who is spared when the port is taken, and for a free one only when asked for more", async () => {
  const visitor = program("curl", {
    pid: 9,
    sockets: [connection({ local: "10.0.0.1:50000", remote: "10.0.0.2:8080" })],
  });
  const spared = "  · a connection TO port 8080, held by curl (pid 9); it does not stand in the way";
  const both = { processes: [...(taken.processes ?? []), visitor] };
  assert.ok((await textOf(both, { width: 200 })).includes(spared));
  assert.ok(!(await textOf({ processes: [visitor] })).join().includes("spared"));
  assert.ok((await textOf({ processes: [visitor] }, { verbose: true })).join().includes("a connection TO port 8080"));
});

test("renderWhy() aligns what stands in the way, whatever its rule is called", async () => {
  const { processes = [] } = taken;
  const lines = await textOf({ processes, ...left }, { reuseAddr: false });
  const starts = lines
    .filter((line) => /^ {2}(listener|time-wait) /.test(line))
    .map((line) => line.search(/ {2}\b(?=node|a )/));
  assert.deepEqual(starts, [11, 11]);
});

test("renderWhy() lets nothing of a command line act on the terminal, and cuts a long one", async () => {
  const args = ["node", "\u001b[2J\nport 8080 is free", "x".repeat(300)];
  const lines = await textOf({
    processes: [program("no\u0007de", { pid: 812, args, sockets: [listener({ port: 8080 })] })],
  });
  const text = lines.join("\n");
  assert.doesNotMatch(text.replaceAll("\n", ""), /\p{Cc}/u);
  assert.ok(text.includes("no\\x07de (pid 812) listens"));
  assert.ok(text.includes("node \\e[2J\\nport 8080 is free"));
  assert.ok(!text.includes("x".repeat(161)) && text.includes("…"));
});

for (const width of [40, 80, 200])
  test(`renderWhy() fits ${width} columns, but for commands and words that are longer`, () => {
    fc.assert(
      fc.property(randomSnapshot, (snapshot) => {
        for (const line of renderWhy(judgeBind(snapshot), { style: PLAIN, width, verbose: true }).split("\n")) {
          if (line.startsWith("      $ ") || textWidth(line) <= width) continue;
          const words = line.trim().split(" ");
          assert.ok(words.length === 1 || textWidth(words.at(-1)!) > 16, `${textWidth(line)}: ${line}`);
        }
      }),
      { numRuns: 200 },
    );
  });

test("renderWhy() prints no control character but line breaks, coloured only where colour is wanted", () => {
  fc.assert(
    fc.property(randomSnapshot, (snapshot) => {
      const answer = judgeBind(snapshot);
      const plain = renderWhy(answer, { style: PLAIN, width: 80, verbose: true });
      assert.doesNotMatch(plain.replaceAll("\n", ""), /[\p{Cc}\p{Cs}\p{Bidi_Control}]/u);
      const coloured = renderWhy(answer, { style: createStyle(true), width: 80, verbose: true });
      assert.match(coloured, /\u001b\[/);
      assert.equal(coloured.replaceAll(/\u001b\[\d+m/g, ""), plain);
    }),
    { numRuns: 200 },
  );
});
