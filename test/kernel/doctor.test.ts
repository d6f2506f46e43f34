// `doctor` on the running kernel: what it gathers is what the kernel did. The findings have stories of their own.
import assert from "node:assert/strict";
import { test } from "node:test";
import { examine } from "../../src/ask/doctor.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { createRecordingHost } from "../../src/host/replay/recording-host.ts";
import { createReplayHost } from "../../src/host/replay/replay-host.ts";
import { aged } from "./ask-doctor.ts";
import { IP } from "./needs.ts";
import { story } from "./story.ts";

test(
  "doctor finds nothing wrong where nothing is, and says what it looked at",
  story(async (s) => {
    const { status, json } = await s.doctor();
    assert.equal(status, 0);
    assert.deepEqual(
      json.findings.filter(({ level }) => level !== "info"),
      [],
    );
    assert.equal(json.looked.sockets, 0);
    const text = await s.command(["doctor"]);
    assert.match(text.text, /Looked at 0 sockets, 0 listeners among them, and \d+ process(es)?\.$/m);
  }),
);

test(
  "examine() groups connections by what they are and who holds them",
  story(async (s) => {
    const { actor: server, here, there, cut } = s.actorAcross();
    const listener = await server.listen(`${there}:8080`);
    const client = s.actor();
    for (let count = 0; count < 3; count++) {
      await client.connect(`${there}:8080`);
      await server.close(await server.accept(listener));
    }
    await client.connect(`${there}:8080`);
    await server.accept(listener);
    const closing = await client.connect(`${there}:8080`);
    await server.accept(listener);
    cut();
    await client.close(closing);
    const { snapshot } = await examine();
    const close = snapshot.now.groups.filter(({ kind }) => kind === "close-wait");
    assert.deepEqual(
      close.map(({ count, owner, peers }) => [count, owner?.pid, peers]),
      [[3, client.pid, [{ address: there, port: 8080, count: 3 }]]],
    );
    assert.equal(close[0]!.sample.local.address, here);
    // By the fin, which the kernel counts as the last that was heard of the peer.
    const { longestSilentMs = Infinity } = close[0]!;
    assert.ok(longestSilentMs < 8000, String(longestSilentMs));
    const orphans = snapshot.now.groups.filter(({ kind }) => kind === "orphan");
    assert.deepEqual(
      orphans.map(({ state, count, ownerless }) => [state, count, ownerless]),
      [["FIN-WAIT-1", 1, "kernel"]],
    );
    assert.deepEqual(snapshot.now.destinations, [
      { localAddress: here, remote: { address: there, port: 8080 }, open: 5, timeWait: 0 },
    ]);
  }, IP),
);

test(
  "a connection that has been silent for an hour without keepalive is a suspect, unless both its ends are here",
  story(async (s) => {
    const { actor: server, there } = s.actorAcross();
    const listener = await server.listen(`${there}:8080`);
    const client = s.actor();
    await client.connect(`${there}:8080`);
    await server.accept(listener);
    await client.connect(`${there}:8080`, { keepAlive: true });
    await server.accept(listener);
    const local = await client.listen("127.0.0.1:8081");
    await client.connect("127.0.0.1:8081");
    await client.accept(local);
    const host = aged(createLinuxHost(), 7_200_000);
    const { now } = (await examine({ host })).snapshot;
    assert.deepEqual(
      now.groups.map(({ kind, count, silentAnHour, owner }) => [kind, count, silentAnHour, owner?.pid]),
      [["no-keepalive", 1, 1, client.pid]],
    );
    const { longestSilentMs = 0 } = now.groups[0]!;
    assert.ok(longestSilentMs >= 7_200_000 && longestSilentMs < 7_260_000, String(longestSilentMs));
    assert.deepEqual((await examine()).snapshot.now.groups, [], "a minute is no time");
  }, IP),
);

test(
  "a replay tells the same from sockets as the kernel's own from rows",
  story(async (s) => {
    const { actor: server, there } = s.actorAcross();
    const listener = await server.listen(`${there}:8080`);
    const client = s.actor();
    await client.connect(`${there}:8080`);
    await server.close(await server.accept(listener));
    await client.listen("127.0.0.1:8081");
    await client.connect("127.0.0.1:8081");
    const { host, namespaces } = createRecordingHost(createLinuxHost(), { redact: false });
    const { snapshot } = await examine({ host, watchMs: 1 });
    assert.ok(snapshot.now.groups.length > 0 && snapshot.listeners[0]?.oldestWaitingMs !== undefined);
    const recording = JSON.parse(JSON.stringify(namespaces)) as typeof namespaces;
    const replayed = createReplayHost({ ...EMPTY_RECORDING, namespaces: recording });
    assert.deepEqual((await examine({ host: replayed, watchMs: 60_000 })).snapshot, snapshot);
  }, IP),
);

const EMPTY_RECORDING = {
  schema: "portmortem.recording/1",
  portmortem: "0.0.0",
  recordedAt: "2025-01-01T12:00:00.000Z",
  command: ["doctor"],
  redacted: false,
};
