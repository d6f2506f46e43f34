// `free` for an ordinary user: what is his he frees; for the rest the command that would do it is printed, and it does it.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeRefusal, FreeResult } from "../../src/tcp/free-plan.ts";
import { copyCommand } from "./copied-command.ts";
import { IP, SECOND_USER, USER_NAMESPACES } from "./needs.ts";
import { hasEnded, isAlive, startServer } from "./started-command.ts";
import { story } from "./story.ts";
import type { Answer, CommandOptions, Story } from "./story.ts";

const NOBODY = 65_534;
const AS_NOBODY = { uid: NOBODY, gid: NOBODY, cwd: "/" };

type AsNobody = (args: string, under?: readonly string[]) => Promise<Answer<FreeResult>>;

function nobody(s: Story): AsNobody {
  const copy = copyCommand();
  s.atEnd(() => copy.remove());
  return (args, under = []) =>
    s.command<FreeResult>(["free", ...args.split(" "), "--yes", "--json"], { uid: NOBODY, cli: copy.cli, under });
}

/** What is printed as `sudo portmortem …` or `portmortem …`, run by root or as told. */
async function runPrinted(
  s: Story,
  { command = "" }: FreeRefusal,
  options: CommandOptions = {},
): Promise<number | null> {
  const [, words] = /^(?:sudo )?portmortem (.*)$/.exec(command) ?? [];
  assert.ok(words !== undefined, command);
  return (await s.command([...words.split(" "), "--yes"], options)).status;
}

async function timeWaits(s: Story, port: number): Promise<void> {
  await s.actor().call("timeWaits", { address: "127.0.0.1", port, count: 1 });
}

test(
  "his own listener",
  story(async (s) => {
    const free = nobody(s);
    const server = await startServer(s, 48_591, "ignores", AS_NOBODY);
    const { status, json } = await free("48591 --force --grace 100ms");
    assert.deepEqual([status, json.bindable], [0, true]);
    await hasEnded(server.pid);
  }, SECOND_USER),
);

test(
  "another user's listener: exit status 3, nothing was done, and the command with sudo does it",
  story(async (s) => {
    const free = nobody(s);
    const server = await startServer(s, 48_592, "drains");
    const { status, json } = await free("127.0.0.1:48592 --force");
    assert.deepEqual([status, json.bindable, json.done], [3, false, []]);
    const [refused] = json.refused;
    assert.equal(refused?.lacks, "right");
    assert.match(refused.command ?? "", /^sudo portmortem free 127\.0\.0\.1:48592 --force/);
    assert.ok(isAlive(server.pid));
    assert.equal(await runPrinted(s, refused), 0);
    await hasEnded(server.pid);
  }, SECOND_USER),
);

test(
  "his own listener and another user's: neither is touched, the port would not be free",
  story(async (s) => {
    const free = nobody(s);
    const own = await startServer(s, 48_593, "ignores", AS_NOBODY);
    await s.actor().listen("127.0.0.2:48593");
    const { status, json } = await free("48593 --force");
    assert.deepEqual([status, json.done], [3, []]);
    own.signal("SIGUSR2");
    assert.equal(await own.line(), "asked 0 times");
  }, SECOND_USER),
);

test(
  "a TIME-WAIT: exit status 3, with the wait that would do, and the command with the right",
  story(async (s) => {
    const free = nobody(s);
    await timeWaits(s, 48_594);
    const { status, json } = await free("48594 --no-reuse-addr");
    assert.deepEqual([status, json.bindable, json.done], [3, false, []]);
    const [refused] = json.refused;
    assert.equal(refused?.lacks, "right");
    assert.match(refused.text, /CAP_NET_ADMIN/);
    assert.match(refused.text, /--wait 6[0-2]s/);
    assert.match(refused.command ?? "", /^sudo portmortem free 48594 --no-reuse-addr/);
    assert.equal(await runPrinted(s, refused), 0);
    await s.gone("state time-wait");
  }, SECOND_USER),
);

test(
  "--wait waits it out, without any right",
  story(async (s) => {
    const free = nobody(s);
    s.system("sh", "-c", "echo 3 > /proc/sys/net/ipv4/tcp_fin_timeout");
    const server = s.actor();
    const listener = await server.listen("127.0.0.1:48595");
    await s.actor().connect("127.0.0.1:48595");
    const accepted = await server.accept(listener);
    await server.close(listener);
    await server.close(accepted);
    await s.socket("state fin-wait-2 sport = :48595");
    const { status, json } = await free("48595 --no-reuse-addr --wait 20s");
    assert.deepEqual([status, json.bindable], [0, true]);
    assert.deepEqual(
      json.done.map(({ kind, result }) => [kind, result]),
      [["wait", "ok"]],
    );
  }, SECOND_USER),
);

test(
  "in a user and a network namespace of his own he frees everything",
  story(
    async (s) => {
      const free = nobody(s);
      const under = ["unshare", "--user", "--map-root-user", "--net"];
      const actor = s.actor({ ...AS_NOBODY, under: [...under, "sh", "-c", 'ip link set lo up && exec "$@"', "sh"] });
      await actor.call("timeWaits", { address: "127.0.0.1", port: 48_596, count: 1 });
      const inside = ["nsenter", `--target=${actor.pid}`, "--user", "--net", "--preserve-credentials"];
      const kernels = await free("48596 --no-reuse-addr", inside);
      assert.deepEqual(
        [kernels.status, kernels.json.done.map(({ kind, result }) => [kind, result])],
        [0, [["destroy", "ok"]]],
      );
      await actor.listen("127.0.0.1:48596", { reuseAddr: true });
      const listeners = await free("48596", inside);
      assert.deepEqual([listeners.status, listeners.json.bindable], [0, true]);
      await hasEnded(actor.pid);
    },
    SECOND_USER,
    USER_NAMESPACES,
    IP,
  ),
);
