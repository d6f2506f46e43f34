// `portmortem drop` for an ordinary user with namespaces of his own: everything in them is his, and nothing outside of them.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import type { DropResult } from "../../src/tcp/drop-result.ts";
import { Actor } from "./actor.ts";
import { copyCommand } from "./copied-command.ts";
import { SECOND_USER, once } from "./needs.ts";
import { CLI, story } from "./story.ts";
import type { Answer, Story } from "./story.ts";
import { until } from "./until.ts";

const NOBODY = 65_534;

/** Root of a user namespace, by an ordinary user. */
const AS_OWN_ROOT = { uid: NOBODY, gid: NOBODY, cwd: "/" };

/** Some machines let only root make user namespaces. */
const HIS_NAMESPACES = once(() => {
  const { status, stderr } = spawnSync("unshare", ["--user", "--map-root-user", "--net", "true"], {
    ...AS_OWN_ROOT,
    encoding: "utf8",
  });
  return status === 0 ? undefined : `probed: unshare --user --net as uid ${NOBODY}; ${stderr.trim()}`;
});

function command(s: Story): string {
  const copy = copyCommand();
  s.atEnd(() => copy.remove());
  return copy.cli;
}

test(
  "in his own user and network namespace everything can be dropped: TIME-WAIT, orphans, what waits to be accepted, what programs hold",
  story(
    async (s) => {
      const cli = command(s);
      const under = ["unshare", "--user", "--map-root-user", "--net", "sh", "-c", 'ip link set lo up; exec "$@"', "sh"];
      const actor = new Actor("socket-actor", { ...AS_OWN_ROOT, under });
      s.atEnd(() => actor.kill());
      const listener = await actor.listen("127.0.0.1:48401", { reuseAddr: true });
      const inside = ["nsenter", `--target=${actor.pid}`, "--user", "--net", "--preserve-credentials"];
      const drop = (...args: readonly string[]): Promise<Answer<DropResult>> =>
        s.command<DropResult>(["drop", ...args, "--json"], { uid: NOBODY, cli, under: inside });

      await actor.call("timeWaits", { address: "127.0.0.1", port: 48_500, count: 5 });
      const waits = await drop("state time-wait");
      assert.deepEqual([waits.status, waits.json.matched, waits.json.dropped, waits.json.gone], [0, 5, 5, 5]);

      const fd = await actor.connect("127.0.0.1:48401");
      const accepted = await actor.accept(listener);
      const held = await drop("state established dport = :48401", "--yes");
      assert.deepEqual([held.status, held.json.plan[0]?.kind, held.json.gone], [0, "destroy", 1]);
      const read = await actor.try("read", { fd });
      assert.equal("errno" in read && read.errno, "ECONNABORTED");
      const peer = await actor.try("read", { fd: accepted });
      assert.equal("errno" in peer && peer.errno, "ECONNRESET");

      await actor.connect("127.0.0.1:48401");
      const unaccepted = await drop("state established sport = :48401", "--yes");
      assert.deepEqual([unaccepted.status, unaccepted.json.gone], [0, 1]);

      const brief = await actor.connect("127.0.0.1:48401");
      await actor.close(brief);
      const orphan = await until("a FIN-WAIT-2 without a descriptor", async () => {
        const { json } = await drop("state fin-wait-2 dport = :48401");
        return json.matched > 0 && json;
      });
      assert.deepEqual([orphan.dropped, orphan.gone, orphan.failed], [1, 1, []]);
    },
    SECOND_USER,
    HIS_NAMESPACES,
  ),
);

test(
  "root of a user namespace has no right outside of it: exit status 3, and the command for root of the machine does it",
  story(
    async (s) => {
      const cli = command(s);
      const server = s.actor();
      await server.call("timeWaits", { address: "127.0.0.1", port: 48_510, count: 3 });
      const filter = "state time-wait src 127.0.0.1";
      const under = ["unshare", "--user", "--map-root-user"];
      const { status, json } = await s.command<DropResult>(["drop", filter, "--yes", "--json"], {
        uid: NOBODY,
        cli,
        under,
      });
      assert.deepEqual([status, json.matched, json.dropped, json.gone], [3, 3, 0, 0]);
      const [refused] = json.failed;
      assert.equal(refused?.lacks, "right");
      assert.match(refused.text, /another user namespace.*left alone, the last of them ends by itself in \d+ s$/);
      assert.equal(refused.command, `sudo portmortem drop '${filter}'`);
      assert.equal((await s.sockets(filter)).length, 3);
      // What is typed, by who may.
      const shell = refused.command.replace("sudo portmortem", `"${process.execPath}" "${CLI}"`);
      assert.match(s.system("sh", "-c", shell), /3 of 3 dropped, all gone/);
    },
    SECOND_USER,
    HIS_NAMESPACES,
  ),
);
