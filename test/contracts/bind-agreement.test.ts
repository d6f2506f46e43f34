// Two models of the kernel's bind rules were written apart: the verdict's and the fake machine's. They must agree wherever all is known.
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { why } from "../../src/ask/why.ts";
import type { PortHolder } from "../../src/tcp/bind-snapshot.ts";
import type { Protocol } from "../../src/tcp/socket.ts";
import { bound, connection, createFakeHost, listener, program, timeWait } from "../../src/testing/testing.ts";
import { bindOn } from "../../src/testing/bind-model.ts";
import { blockedBy } from "../../src/verdict/bind-rules.ts";
import { PORT, randomHolder, randomQuestion } from "./random-sockets.ts";

const UID = 1000;

type Known = PortHolder & { readonly reuseAddr: boolean; readonly reusePort: boolean };

/** As the kernel has it: every option and every user known. */
function known(holder: PortHolder, reuseAddr: boolean, reusePort: boolean): Known {
  const { family, state, local, v6only } = holder.socket;
  // What the kernel tells of these, and what a bind to one IPv6 address makes of it.
  const firm = family === "ipv6" && (state === "LISTEN" || state === "BOUND");
  const told = firm
    ? { v6only: local.address === "::" ? (v6only ?? false) : true }
    : family === "ipv6"
      ? { v6only: v6only ?? false }
      : {};
  return { socket: { uid: UID, ...holder.socket, ...told }, reuseAddr, reusePort };
}

test("the verdict and the fake machine give the same answer to every bind", () => {
  const scenes = fc.constantFrom<Protocol>("tcp", "udp").chain((protocol) =>
    fc.record({
      question: randomQuestion(protocol),
      holders: fc.array(
        fc
          .tuple(randomHolder(protocol), fc.boolean(), fc.boolean())
          .map(([holder, reuseAddr, reusePort]) => known(holder, reuseAddr, reusePort)),
        { minLength: 1, maxLength: 3 },
      ),
    }),
  );
  let refused = 0;
  let total = 0;
  const agree = fc.property(scenes, ({ question, holders }) => {
    const asked = { uid: UID, ...question };
    const byRules = holders.some((holder) => blockedBy(asked, holder) === true);
    const answer = bindOn(
      {
        ipv6: true,
        addresses: [asked.address],
        interfaces: ["lo", "eth0"],
        unprivilegedPortStart: 0,
        nonlocalBind: true,
        mayBindPrivileged: true,
        uid: UID,
        holders,
      },
      asked,
    );
    const mappedAndV6only = asked.v6only && asked.address.startsWith("::ffff:");
    const expected = mappedAndV6only ? "EINVAL" : byRules ? "EADDRINUSE" : "ok";
    assert.deepEqual(answer, { result: expected, step: "bind" });
    total++;
    if (expected === "EADDRINUSE") refused++;
  });
  fc.assert(agree, { numRuns: 3000 });
  assert.ok(refused > total / 10 && refused < total * 0.9, `${refused} of ${total} refused: the scenes prove little`);
});

test("why() by the rules alone says what why() with real binds says, when the options can be seen", async () => {
  const holders = [
    listener({ port: PORT }),
    listener({ port: PORT, address: "127.0.0.1" }),
    listener({ port: PORT, v6only: true }),
    bound({ port: PORT, address: "10.0.0.1", reuseAddr: true }),
    bound({ port: PORT, address: "0.0.0.0" }),
    connection({ local: `127.0.0.1:${PORT}`, remote: "10.0.0.2:443", reuseAddr: true }),
    connection({ local: `[::1]:${PORT}`, remote: "[::1]:443" }),
  ];
  for (const holder of holders) {
    const host = createFakeHost({ processes: [program("holder", { sockets: [holder] })] });
    for (const address of ["::", "0.0.0.0", "127.0.0.1", "192.168.1.10", "::1"])
      for (const reuseAddr of [true, false]) {
        const real = await why({ address, port: PORT }, { host, reuseAddr });
        const ruled = await why({ address, port: PORT }, { host, reuseAddr, probe: false });
        const results = (answer: typeof real) => answer.attempts.map(({ result }) => result);
        assert.deepEqual(results(ruled), results(real), JSON.stringify({ holder, address, reuseAddr }));
      }
  }
});

test("why() by the rules alone admits that it hangs on a TIME-WAIT's options, which nobody can see", async () => {
  const host = createFakeHost({ sockets: [timeWait({ port: PORT })] });
  const { attempts, bindable } = await why(PORT, { host, probe: false });
  assert.deepEqual(
    attempts.map(({ reuseAddr, result, by }) => ({ reuseAddr, result, by })),
    [
      { reuseAddr: true, result: "unknown", by: "rules" },
      { reuseAddr: false, result: "EADDRINUSE", by: "rules" },
    ],
  );
  assert.equal(bindable, false);
});
