// `portmortem drop` where the kernel says no, on something that really does: what it then says, what it does instead, and its exit status.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { test } from "node:test";
import type { Probed } from "../../src/host/host.ts";
import type { DropResult } from "../../src/tcp/drop-result.ts";
import type { Actor } from "./actor.ts";
import { once } from "./needs.ts";
import { REFUSER, SOCK_DESTROY, SOCK_DIAG_BY_FAMILY, TCPDIAG_GETSOCK, refusing } from "./refuse.ts";
import { story } from "./story.ts";
import type { Answer, Story } from "./story.ts";

interface Failure {
  readonly error: { readonly code: string; readonly message: string; readonly errno?: string };
}

function run<T = DropResult>(s: Story, rules: readonly string[], ...args: readonly string[]): Promise<Answer<T>> {
  return s.command<T>(["drop", ...args, "--yes", "--json"], { under: refusing(...rules) });
}

interface Scene {
  readonly server: Actor;
  readonly client: Actor;
  readonly listener: number;
  readonly accepted: number;
  readonly fd: number;
}

/** A connection that two programs hold, and a TIME-WAIT beside it. */
async function connect(s: Story, port: number): Promise<Scene> {
  const server = s.actor();
  const client = s.actor();
  const listener = await server.listen(`127.0.0.1:${port}`, { reuseAddr: true });
  const brief = await client.connect(`127.0.0.1:${port}`);
  const served = await server.accept(listener);
  await client.close(brief);
  await server.close(served);
  await s.socket(`state time-wait dport = :${port}`);
  const fd = await client.connect(`127.0.0.1:${port}`);
  return { server, client, listener, accepted: await server.accept(listener), fd };
}

async function errnoOf(actor: Actor, fd: number): Promise<string> {
  const answer = await actor.try("read", { fd });
  return "errno" in answer ? answer.errno : `read ${JSON.stringify(answer.value)}`;
}

async function isAlive(scene: Scene): Promise<void> {
  await scene.client.call("write", { fd: scene.fd, text: "alive" });
  assert.equal(await scene.server.call("read", { fd: scene.accepted }), "alive");
}

/** What is typed at a shell. */
function typed(s: Story, command = ""): Promise<Answer<DropResult>> {
  const [, filter = "", rest = ""] = /^portmortem drop '([^']+)'(.*)$/.exec(command) ?? [];
  assert.notEqual(filter, "", command);
  return s.command<DropResult>(["drop", filter, ...rest.trim().split(" "), "--yes", "--json"]);
}

const PROBED: readonly (readonly [rule: string, sockDestroy: string, why: RegExp, netAdmin: string])[] = [
  ["call:kill=EPERM", "yes", /^$/, "yes"],
  [`answer:${SOCK_DESTROY}=EPERM`, "no right", /CAP_NET_ADMIN/, "no right"],
  [`answer:${SOCK_DESTROY}=EOPNOTSUPP`, "no kernel", /CONFIG_INET_DIAG_DESTROY/, "unknown"],
  [`answer:${SOCK_DESTROY}=ENOENT`, "no kernel", /answered with ENOENT/, "unknown"],
  [`answer:${SOCK_DESTROY}=EINVAL`, "no kernel", /answered with EINVAL/, "unknown"],
  [`answer:${SOCK_DESTROY}=ENOMEM`, "unknown", /answered with ENOMEM/, "unknown"],
  // A filter in a container says it for the call, and the kernel never sees the request.
  [`send:${SOCK_DESTROY}=EPERM`, "no right", /seccomp filter or a security module/, "unknown"],
  [`send:${SOCK_DESTROY}=EACCES`, "no right", /seccomp filter or a security module/, "unknown"],
  [`send:${SOCK_DESTROY}=EOPNOTSUPP`, "no kernel", /could not be sent \(EOPNOTSUPP\)/, "unknown"],
  [`send:${SOCK_DESTROY}=ENOENT`, "no kernel", /could not be sent \(ENOENT\)/, "unknown"],
  ["call:sendto=EOPNOTSUPP", "no kernel", /could not be sent \(EOPNOTSUPP\)/, "unknown"],
  ["call:sendto=EPERM", "no right", /seccomp filter/, "unknown"],
  ["netlink=EPROTONOSUPPORT", "unknown", /could not be sent \(EPROTONOSUPPORT\)/, "unknown"],
  ["call:listen=EPERM", "unknown", /a listener .* could not be made \(EPERM\)/, "unknown"],
];

for (const [rule, sockDestroy, why, netAdmin] of PROBED)
  test(
    `the probe of SOCK_DESTROY under ${rule}: ${sockDestroy}`,
    story(async (s) => {
      const program = join(import.meta.dirname, "../programs/destroy-right.js");
      const words = [...refusing(rule), process.execPath, program];
      const found = JSON.parse(s.system(words[0]!, ...words.slice(1))) as { sockDestroy: Probed; netAdmin: Probed };
      const said = (probed: Probed): string => `${probed.answer}${probed.answer === "no" ? ` ${probed.lacks}` : ""}`;
      assert.deepEqual([said(found.sockDestroy), said(found.netAdmin)], [sockDestroy, netAdmin]);
      assert.match("why" in found.sockDestroy ? found.sockDestroy.why : "", why);
    }, REFUSER),
  );

const REFUSALS: readonly (readonly [rule: string, status: number, lacks: string | undefined, text: RegExp])[] = [
  [`answer:${SOCK_DESTROY}=EPERM`, 3, "right", /needs CAP_NET_ADMIN.*; left alone, it ends by itself in \d+ s$/],
  [`answer:${SOCK_DESTROY}=EOPNOTSUPP`, 4, "kernel", /CONFIG_INET_DIAG_DESTROY; left alone, it ends .* in \d+ s$/],
  [`answer:${SOCK_DESTROY}=ENOENT`, 4, "kernel", /ENOENT; left alone, it ends by itself in \d+ s$/],
  [`send:${SOCK_DESTROY}=EPERM`, 3, "right", /seccomp filter.*; left alone, it ends by itself in \d+ s$/],
  [`send:${SOCK_DESTROY}=EOPNOTSUPP`, 4, "kernel", /EOPNOTSUPP\); left alone, it ends by itself in \d+ s$/],
  // The probe's own listener is destroyed, as on a kernel before 6.0; what was planned is then answered with no.
  [`connected:${SOCK_DESTROY}=EOPNOTSUPP`, 4, "kernel", /EOPNOTSUPP, this kernel cannot; left alone, .* in \d+ s$/],
  [`connected:${SOCK_DESTROY}=EPERM`, 3, "right", /EPERM, a right is missing; left alone, .* in \d+ s$/],
  [`connected:${SOCK_DESTROY}=ENOENT`, 5, undefined, /still there, though the kernel answered that there is no such/],
  [`connected:${SOCK_DESTROY}=ENOMEM`, 5, undefined, /could not be ended: ENOMEM$/],
];

for (const [rule, expected, lacks, text] of REFUSALS)
  test(
    `a TIME-WAIT under ${rule}: exit status ${expected}, why, how long it takes by itself, and nothing is claimed`,
    story(async (s) => {
      const scene = await connect(s, 48_301);
      const { status, json } = await run(s, [rule], "state time-wait dport = :48301");
      assert.deepEqual([status, json.matched, json.dropped, json.gone], [expected, 1, 0, 0]);
      const [failure, ...more] = json.failed;
      assert.deepEqual([failure?.count, failure?.lacks, more], [1, lacks, []]);
      assert.match(failure?.text ?? "", text);
      const { timer } = await s.socket("state time-wait dport = :48301");
      if (lacks !== undefined)
        assert.ok(failure?.endsInMs !== undefined && failure.endsInMs >= (timer?.remainingMs ?? 0));
      await isAlive(scene);
    }, REFUSER),
  );

for (const rule of [`answer:${SOCK_DESTROY}=EPERM`, `answer:${SOCK_DESTROY}=EOPNOTSUPP`, `send:${SOCK_DESTROY}=ENOENT`])
  test(
    `a connection that a program holds under ${rule}: reset through its descriptor; beside it a TIME-WAIT is refused, in part`,
    story(async (s) => {
      const scene = await connect(s, 48_302);
      const held = await run(s, [rule], "state established dport = :48302");
      assert.deepEqual([held.status, held.json.dropped, held.json.gone], [0, 1, 1]);
      assert.deepEqual(
        held.json.plan.map(({ kind, gentler }) => [kind, gentler]),
        [["reset", "shutdown"]],
      );
      assert.equal(await errnoOf(scene.client, scene.fd), "ECONNRESET");
      assert.equal(await errnoOf(scene.server, scene.accepted), "ECONNRESET");
      const fd = await scene.client.connect("127.0.0.1:48302");
      const accepted = await scene.server.accept(scene.listener);
      const both = await run(s, [rule], "dport = :48302");
      assert.deepEqual([both.status, both.json.matched, both.json.dropped, both.json.gone], [5, 2, 1, 1]);
      assert.equal(both.json.failed[0]?.socket.state, "TIME-WAIT");
      assert.equal(await errnoOf(scene.client, fd), "ECONNRESET");
      assert.equal(await errnoOf(scene.server, accepted), "ECONNRESET");
    }, REFUSER),
  );

test(
  "the gentle way needs no right to destroy: what was written arrives",
  story(async (s) => {
    const scene = await connect(s, 48_303);
    await scene.client.call("write", { fd: scene.fd, text: "last words" });
    const rule = `answer:${SOCK_DESTROY}=EOPNOTSUPP`;
    const { status, json } = await run(s, [rule], "state established dport = :48303", "--how", "shutdown");
    assert.deepEqual([status, json.dropped], [0, 1]);
    assert.equal(await scene.server.call("read", { fd: scene.accepted }), "last words");
    assert.equal(await scene.server.call("read", { fd: scene.accepted }), "");
  }, REFUSER),
);

for (const [how, rule, expected] of [
  [["--how", "destroy"], `answer:${SOCK_DESTROY}=EOPNOTSUPP`, 4],
  [[], `connected:${SOCK_DESTROY}=EOPNOTSUPP`, 4],
  [[], `connected:${SOCK_DESTROY}=EPERM`, 3],
] as const)
  test(
    `nothing is done that is not in the plan: ${how.join(" ")} under ${rule}; the other way is printed, and it works`,
    story(async (s) => {
      const scene = await connect(s, 48_304);
      const { status, json } = await run(s, [rule], "state established dport = :48304", ...how);
      assert.deepEqual([status, json.dropped, json.gone], [expected, 0, 0]);
      await isAlive(scene);
      const [failure] = json.failed;
      assert.match(failure?.command ?? "", /--how reset/);
      const again = await typed(s, failure?.command);
      assert.deepEqual([again.status, again.json.dropped, again.json.gone], [0, 1, 1]);
      assert.equal(await errnoOf(scene.client, scene.fd), "ECONNRESET");
    }, REFUSER),
  );

test(
  "neither the kernel nor the descriptor: a right is missing, and nothing was done",
  story(async (s) => {
    const scene = await connect(s, 48_305);
    const rules = [`answer:${SOCK_DESTROY}=EPERM`, "call:pidfd_getfd=EPERM"];
    const { status, json } = await run(s, rules, "state established dport = :48305");
    assert.deepEqual([status, json.dropped, json.gone, json.failed[0]?.errno], [3, 0, 0, "EPERM"]);
    assert.equal(json.failed[0]?.command, undefined, "root of the machine has nothing else to type");
    const older = await run(s, [rules[0]!, "call:pidfd_getfd=ENOSYS"], "state established dport = :48305");
    assert.deepEqual([older.status, older.json.failed[0]?.lacks], [4, "kernel"]);
    await isAlive(scene);
  }, REFUSER),
);

for (const rules of [
  ["netlink=EPROTONOSUPPORT"],
  ["call:sendto=EOPNOTSUPP"],
  ["call:sendto=ENOENT"],
  ["call:sendto=EPERM"],
  [`send:${SOCK_DIAG_BY_FAMILY}=EPERM`, `send:${TCPDIAG_GETSOCK}=EPERM`],
  [`answer:${SOCK_DIAG_BY_FAMILY}=ENOENT`, `answer:${TCPDIAG_GETSOCK}=ENOENT`],
])
  test(
    `without sock_diag (${rules.join(" ")}) no connection can be told from another: exit status 4, and not "no connections match"`,
    story(async (s) => {
      const scene = await connect(s, 48_306);
      const { status, json } = await run<Failure>(s, rules, "dport = :48306");
      assert.deepEqual([status, json.error.code], [4, "PM_NO_SOCK_DIAG"]);
      await isAlive(scene);
    }, REFUSER),
  );

/** uname(2) then says 2.6.x (personality(2), UNAME26): to the program this is a kernel before 6.0 and 6.11. */
const OLDER_KERNEL = once(() => {
  const { stdout, error } = spawnSync("setarch", ["--uname-2.6", "uname", "-r"], { encoding: "utf8" });
  return stdout?.startsWith("2.6.") ? undefined : `probed: setarch --uname-2.6; ${error?.message ?? stdout}`;
});

test(
  "on an older kernel TIME-WAIT and orphans are refused, each with its reason; what a program holds is ended",
  story(async (s) => {
    const scene = await connect(s, 48_307);
    const under = ["setarch", "--uname-2.6"];
    const drop = (filter: string): Promise<Answer<DropResult>> =>
      s.command<DropResult>(["drop", filter, "--yes", "--json"], { under });
    const waits = await drop("state time-wait dport = :48307");
    assert.deepEqual([waits.status, waits.json.dropped, waits.json.failed[0]?.lacks], [4, 0, "kernel"]);
    assert.match(
      waits.json.failed[0]?.text ?? "",
      /Linux 2\.6\.\S+ cannot destroy .* 6\.0 and later.*left alone, it ends/,
    );
    await scene.server.call("fill", { fd: scene.accepted });
    await scene.server.kill();
    await s.socket("state fin-wait-1 sport = :48307");
    const orphan = await drop("state fin-wait-1 sport = :48307");
    assert.deepEqual([orphan.status, orphan.json.dropped, orphan.json.failed[0]?.lacks], [4, 0, "kernel"]);
    assert.match(
      orphan.json.failed[0]?.text ?? "",
      /for ever.*6\.11 and later.*left alone, it ends once the kernel gives up/,
    );
    const held = await drop("state established dport = :48307");
    assert.deepEqual([held.status, held.json.dropped, held.json.gone], [0, 1, 1]);
    assert.equal((await s.sockets("state time-wait dport = :48307")).length, 1);
  }, OLDER_KERNEL),
);
