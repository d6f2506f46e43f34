// What an ordinary user sees, what is seen without the native binding, and what the output then says is missing.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Why } from "../../src/index.ts";
import type { DoctorReport } from "../../src/ask/doctor.ts";
import type { Incomplete, Socket } from "../../src/tcp/socket.ts";
import { copyCommand } from "./copied-command.ts";
import { SECOND_USER, USER_NAMESPACES } from "./needs.ts";
import { story } from "./story.ts";
import { until } from "./until.ts";

type Listing = { readonly sockets: readonly Socket[]; readonly incomplete: readonly Incomplete[] };
const NOBODY = 65_534;
const NO_FFI = { env: { PORTMORTEM_NO_FFI: "1" } };

test(
  "an ordinary user gets the answer, and is told what root would add",
  story(async (story) => {
    const copy = copyCommand();
    story.atEnd(() => copy.remove());
    const asNobody = { uid: NOBODY, cli: copy.cli };
    const server = story.actor();
    await server.listen("127.0.0.1:49370", { reuseAddr: true });
    const { status, json } = await story.why("127.0.0.1:49370", asNobody);
    assert.equal(status, 1);
    assert.equal(json.attempts[0]?.by, "probe");
    assert.equal(json.blockers[0]?.rule, "listener");
    assert.equal(json.blockers[0]?.socket?.ownerless, "no-permission");
    assert.deepEqual(json.blockers[0]?.socket?.owners, []);
    const missing = json.incomplete.find(({ what }) => what.startsWith("the owners of"));
    assert.match(missing?.hint ?? "", /sudo/);
    assert.ok(json.advice.some(({ command }) => command?.includes("sudo portmortem why")));
    const human = await story.command(["why", "127.0.0.1:49370"], asNobody);
    assert.match(human.text, /its process may not be seen by this user/);
    assert.match(human.warnings, /^not seen: /m);

    const listing = await story.command<Listing>(["ls", "-l", "--json"], asNobody);
    assert.equal(listing.status, 0);
    assert.equal(listing.json.sockets.find(({ local }) => local.port === 49_370)?.ownerless, "no-permission");

    const report = await story.command<DoctorReport>(["doctor", "--json"], asNobody);
    assert.equal(report.status, 0);
    assert.deepEqual(report.json.looked.listeners, 1);
    assert.match(report.json.incomplete.map(({ hint }) => hint).join(), /sudo/);

    const own = story.actor();
    await own.call("setuid", { uid: NOBODY });
    await own.listen("127.0.0.1:49371");
    const theirs = await story.why("127.0.0.1:49371", asNobody);
    assert.equal(theirs.json.blockers[0]?.socket?.uid, NOBODY);

    const free = await story.command(["why", "47371"], asNobody);
    assert.equal(free.status, 0);
    assert.match(free.text, /^port 47371 is free/);
    assert.equal((await story.why("81", asNobody)).json.blockers[0]?.rule, "privileged-port");
  }, SECOND_USER),
);

test(
  "without the native binding a listener is still named, and the output says what is missing",
  story(async (story) => {
    const server = story.actor();
    await server.listen("127.0.0.1:49372", { reuseAddr: true });
    const { status, json } = await story.why("127.0.0.1:49372", NO_FFI);
    assert.equal(status, 1);
    assert.deepEqual(json.attempts[0], { reuseAddr: true, reusePort: false, result: "EADDRINUSE", by: "rules" });
    assert.deepEqual(
      json.blockers.map(({ rule, socket }) => [rule, socket?.owners?.[0]?.pid, socket?.cookie]),
      [["listener", server.pid, undefined]],
    );
    assert.deepEqual(
      json.incomplete.map(({ what }) => what).filter((what) => /bind|cookies/.test(what)),
      ["a real bind", "cookies, devices, backlogs, bound-only sockets"],
    );
    const human = await story.command(["why", "127.0.0.1:49372"], NO_FFI);
    assert.match(human.text, /\(by the rules; no\s+bind was tried\)/);
    assert.match(human.warnings, /PORTMORTEM_NO_FFI/);
    const free = await story.why("47372", NO_FFI);
    assert.equal(free.status, 0);
    assert.equal(free.json.attempts[0]?.by, "rules");
  }),
);

test(
  "without the native binding a TIME-WAIT has its seconds, and a namespace can be looked into by pid",
  story(async (story) => {
    const server = story.actor();
    const listener = await server.listen("127.0.0.1:49373");
    const client = story.actor();
    const fd = await client.connect("127.0.0.1:49373");
    await server.close(await server.accept(listener));
    await server.close(listener);
    await client.close(fd);
    await story.socket("state time-wait sport = :49373");
    const { json } = await story.why("127.0.0.1:49373 --no-reuse-addr", NO_FFI);
    const [blocker] = json.blockers;
    assert.equal(blocker?.rule, "time-wait");
    assert.ok(blocker.freeInMs !== undefined && blocker.freeInMs > 1000 && blocker.freeInMs <= 60_000);

    const inside = story.actorElsewhere();
    await inside.listen("127.0.0.1:49374");
    const { json: there } = await story.command<Listing>(
      ["ls", "sport = :49374", "--netns", String(inside.pid), "--json"],
      NO_FFI,
    );
    assert.deepEqual(
      there.sockets.map(({ state, owners }) => [state, owners?.[0]?.pid]),
      [["LISTEN", inside.pid]],
    );
  }),
);

test(
  "a listener whose descriptor is on its way in a message is said to be",
  story(async (story) => {
    const program = story.program("handle-in-flight", ["49375"]);
    const receiver = Number(await program.line());
    story.atEnd(() => process.kill(receiver, "SIGKILL"));
    assert.equal(await program.line(), "on its way");
    const listening = await until("only the message holds it", async () => {
      const { json } = await story.command<Listing>(["ls", "-l", "sport = :49375", "--json"]);
      return json.sockets[0]?.ownerless === undefined ? undefined : json;
    });
    assert.equal(listening.sockets[0]?.ownerless, "in-flight", JSON.stringify(listening.incomplete));
    const { status, json } = await story.why("127.0.0.1:49375");
    assert.equal(status, 1);
    assert.match(json.blockers[0]?.text ?? "", /on its way/);
  }),
);

test(
  "root of a user namespace has no right to a privileged port of a network that is not its own, by the rules too",
  story(async (story) => {
    const rootless = { under: ["unshare", "--user", "--map-root-user"] };
    const real = await story.command<Why>(["why", "127.0.0.1:81", "--json"], rootless);
    assert.deepEqual([real.status, real.json.attempts[0]?.result], [1, "EACCES"]);
    const ruled = await story.command<Why>(["why", "127.0.0.1:81", "--no-probe", "--json"], rootless);
    assert.deepEqual([ruled.status, ruled.json.attempts[0]?.result], [1, "EACCES"]);
    const own = { under: ["unshare", "--user", "--map-root-user", "--net"] };
    assert.equal((await story.command(["why", "0.0.0.0:81", "--no-probe"], own)).status, 0);
  }, USER_NAMESPACES),
);
