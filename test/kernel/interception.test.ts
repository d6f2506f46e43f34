// docs/kernel/interception.md on the running kernel: which listeners can be beside each other on a port, and who of them is asked.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Actor, SocketOptions } from "./actor.ts";
import { SECOND_USER } from "./needs.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

const ONE_USER = 1001;
const OTHER_USER = 1002;

async function actorAs(s: Story, uid: number | undefined): Promise<Actor> {
  const actor = s.actor();
  if (uid !== undefined) await actor.call("setuid", { uid });
  return actor;
}

interface Pair {
  readonly wide: string;
  readonly narrow: string;
  readonly options: SocketOptions;
  readonly uids?: readonly [number, number];
  readonly v6only?: boolean;
  /** What the second is bound to (SO_BINDTODEVICE). */
  readonly device?: string;
}

/** Two listeners, the wildcard first: "EADDRINUSE", or who gets a connection to each address. */
async function listenBeside(s: Story, pair: Pair, ...asked: readonly string[]): Promise<string> {
  const wide = await actorAs(s, pair.uids?.[0]);
  const narrow = await actorAs(s, pair.uids?.[1]);
  const only = pair.v6only === undefined ? {} : { v6only: pair.v6only };
  const wideFd = await wide.listen(pair.wide, { ...pair.options, ...only });
  let narrowFd: number;
  try {
    narrowFd = await narrow.listen(pair.narrow, {
      ...pair.options,
      ...(pair.device === undefined ? {} : { device: pair.device }),
    });
  } catch (error) {
    return /EADDRINUSE/.exec(String(error))?.[0] ?? String(error);
  }
  const answers: string[] = [];
  for (const to of asked) {
    const client = s.actor();
    await client.connect(to);
    const waiting = (await s.sockets("state listening")).filter(
      ({ queues }) => queues !== undefined && "accepting" in queues && queues.accepting > 0,
    );
    assert.equal(waiting.length, 1);
    const [address, port] = [waiting[0]!.local.address, waiting[0]!.local.port];
    const name = address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
    answers.push(name === pair.narrow ? "narrow" : "wide");
    await (name === pair.narrow ? narrow.accept(narrowFd) : wide.accept(wideFd));
  }
  return answers.join(" ");
}

const BOTH = { reuseAddr: true, reusePort: true };

test(
  "TCP: no option lets a user listen on one address of a port that another user listens on with all",
  story(async (s) => {
    for (const [at, options] of [{}, { reuseAddr: true }, { reusePort: true }, BOTH].entries()) {
      const uids = [ONE_USER, OTHER_USER] as const;
      const four = { wide: `0.0.0.0:${7000 + at}`, narrow: `127.0.0.1:${7000 + at}`, options, uids };
      assert.equal(await listenBeside(s, four), "EADDRINUSE");
      const dual = { wide: `[::]:${7100 + at}`, narrow: `127.0.0.1:${7100 + at}`, options, uids };
      assert.equal(await listenBeside(s, dual), "EADDRINUSE");
      const device = { ...four, wide: `0.0.0.0:${7200 + at}`, narrow: `127.0.0.1:${7200 + at}`, device: "lo" };
      assert.equal(await listenBeside(s, device), "EADDRINUSE");
    }
  }, SECOND_USER),
);

test(
  "TCP: SO_REUSEPORT on both sockets of one user allows it, and the more specific one gets the connections",
  story(async (s) => {
    const options = { reusePort: true };
    const uids = [ONE_USER, ONE_USER] as const;
    assert.equal(
      await listenBeside(
        s,
        { wide: "0.0.0.0:7000", narrow: "127.0.0.1:7000", options, uids },
        "127.0.0.1:7000",
        "127.0.0.2:7000",
      ),
      "narrow wide",
    );
    assert.equal(
      await listenBeside(s, { wide: "[::]:7001", narrow: "127.0.0.1:7001", options }, "127.0.0.1:7001", "[::1]:7001"),
      "narrow wide",
    );
    assert.equal(
      await listenBeside(s, { wide: "[::]:7002", narrow: "0.0.0.0:7002", options }, "127.0.0.1:7002", "[::1]:7002"),
      "narrow wide",
      "IPv4 of a wildcard for both families goes to that of IPv4 alone",
    );
    assert.equal(
      await listenBeside(s, { wide: "[::]:7003", narrow: "[::1]:7003", options }, "[::1]:7003", "127.0.0.1:7003"),
      "narrow wide",
    );
    assert.equal(
      await listenBeside(s, { wide: "0.0.0.0:7004", narrow: "127.0.0.1:7004", options: { reuseAddr: true } }),
      "EADDRINUSE",
    );
  }, SECOND_USER),
);

test(
  "TCP: the user of a socket is the one that made it, so that programs that change their user later can be beside each other",
  story(async (s) => {
    const wide = s.actor();
    await wide.listen("0.0.0.0:7000", { reusePort: true });
    await wide.call("setuid", { uid: ONE_USER });
    const narrow = s.actor();
    const fd = await narrow.listen("127.0.0.1:7000", { reusePort: true });
    await narrow.call("setuid", { uid: OTHER_USER });
    await s.actor().connect("127.0.0.1:7000");
    await narrow.accept(fd);
    const { json } = await s.doctor({ only: ["listener-shadowed"] });
    assert.deepEqual(json.findings, [], "both are node with the same script: one program by all that can be seen");
  }, SECOND_USER),
);

test(
  "TCP: different families do not exclude each other, nor do different users then",
  story(async (s) => {
    const uids = [ONE_USER, OTHER_USER] as const;
    assert.equal(
      await listenBeside(
        s,
        { wide: "[::]:7000", narrow: "0.0.0.0:7000", options: {}, uids, v6only: true },
        "127.0.0.1:7000",
        "[::1]:7000",
      ),
      "narrow wide",
    );
    assert.equal(
      await listenBeside(
        s,
        { wide: "0.0.0.0:7001", narrow: "[::1]:7001", options: {}, uids },
        "[::1]:7001",
        "127.0.0.1:7001",
      ),
      "narrow wide",
    );
  }, SECOND_USER),
);

/** Two UDP sockets of two users, the second bound later: who of them gets a datagram. */
async function receiverOf(
  s: Story,
  first: string,
  second: string,
  to: string,
  options: SocketOptions,
): Promise<string> {
  const one = await actorAs(s, ONE_USER);
  const other = await actorAs(s, OTHER_USER);
  const fds = [await one.bound(first, { type: "dgram", ...options }), -1];
  try {
    fds[1] = await other.bound(second, { type: "dgram", ...options });
  } catch (error) {
    return /EADDRINUSE/.exec(String(error))?.[0] ?? String(error);
  }
  const client = s.actor();
  const fd = await client.connect(to, { type: "dgram" });
  await client.call("write", { fd, text: "secret" });
  const port = Number(to.split(":")[1]);
  const here = (await s.udpSockets()).filter(({ local }) => local.port === port);
  const queued = here.filter(
    ({ queues }) => queues !== undefined && "receiveBytes" in queues && queues.receiveBytes > 0,
  );
  return queued.map(({ uid }) => (uid === OTHER_USER ? "second" : "first")).join(" ");
}

test(
  "UDP: with SO_REUSEADDR on both, another user takes the datagrams of one address, or of all of them; SO_REUSEPORT alone does not allow it",
  story(async (s) => {
    const options = { reuseAddr: true };
    assert.equal(await receiverOf(s, "0.0.0.0:7000", "127.0.0.1:7000", "127.0.0.1:7000", options), "second");
    assert.equal(
      await receiverOf(s, "0.0.0.0:7001", "0.0.0.0:7001", "127.0.0.1:7001", options),
      "second",
      "the last one",
    );
    assert.equal(
      await receiverOf(s, "127.0.0.1:7002", "0.0.0.0:7002", "127.0.0.1:7002", options),
      "first",
      "the specific one",
    );
    assert.equal(await receiverOf(s, "0.0.0.0:7003", "127.0.0.1:7003", "127.0.0.1:7003", {}), "EADDRINUSE");
    assert.equal(
      await receiverOf(s, "0.0.0.0:7004", "127.0.0.1:7004", "127.0.0.1:7004", { reusePort: true }),
      "EADDRINUSE",
    );
  }, SECOND_USER),
);
