// `portmortem free` and `wait` where the kernel says no, on something that really does: honest answers, the next best way, and nothing claimed.
import assert from "node:assert/strict";
import { test } from "node:test";
import type { FreeResult } from "../../src/tcp/free-plan.ts";
import type { Why } from "../../src/verdict/why.ts";
import { REFUSER, SOCK_DESTROY, refusing } from "./refuse.ts";
import { isAlive } from "./started-command.ts";
import { story } from "./story.ts";
import type { Answer, Story } from "./story.ts";

function run(s: Story, rule: string, ...args: readonly string[]): Promise<Answer<FreeResult>> {
  return s.command<FreeResult>(["free", ...args, "--yes", "--json"], { under: refusing(rule) });
}

/** A server without SO_REUSEADDR closed first, and is gone. */
async function leaveTimeWait(s: Story, port: number): Promise<void> {
  const server = s.actor();
  const client = s.actor();
  const listener = await server.listen(`127.0.0.1:${port}`);
  const fd = await client.connect(`127.0.0.1:${port}`);
  const accepted = await server.accept(listener);
  await server.close(accepted);
  await client.close(fd);
  await server.close(listener);
  await s.socket(`state time-wait sport = :${port}`);
}

const REFUSED: readonly (readonly [rule: string, status: number, lacks: string, text: RegExp])[] = [
  [`answer:${SOCK_DESTROY}=EPERM`, 3, "right", /CAP_NET_ADMIN .*; it ends by itself in \d+ s, and --wait \d+s waits/],
  [`answer:${SOCK_DESTROY}=EOPNOTSUPP`, 4, "kernel", /CONFIG_INET_DIAG_DESTROY; it ends by itself in \d+ s/],
  [`answer:${SOCK_DESTROY}=ENOENT`, 4, "kernel", /ENOENT; it ends by itself in \d+ s/],
  [`send:${SOCK_DESTROY}=EPERM`, 3, "right", /seccomp filter.*; it ends by itself in \d+ s/],
  [`send:${SOCK_DESTROY}=EOPNOTSUPP`, 4, "kernel", /EOPNOTSUPP\); it ends by itself in \d+ s/],
];

for (const [rule, expected, lacks, text] of REFUSED)
  test(
    `a TIME-WAIT under ${rule}: nothing is begun, exit status ${expected}, and how long to wait`,
    story(async (s) => {
      await leaveTimeWait(s, 48_761);
      const { status, json } = await run(s, rule, "127.0.0.1:48761");
      assert.deepEqual([status, json.bindable, json.done], [expected, false, []]);
      const [refusal, ...more] = json.refused;
      assert.deepEqual([refusal?.lacks, more], [lacks, []]);
      assert.match(refusal?.text ?? "", text);
      assert.match(refusal?.command ?? "", /^portmortem free 127\.0\.0\.1:48761 --wait \d+s$/);
    }, REFUSER),
  );

// The probe's own listener is destroyed, as before Linux 6.0; what was planned is then answered with no.
for (const [errno, expected] of [
  ["EOPNOTSUPP", 4],
  ["EPERM", 3],
  ["ENOENT", 1],
] as const)
  test(
    `a TIME-WAIT that the kernel refuses with ${errno} only when it is asked: said, not claimed, not tried again and again`,
    story(async (s) => {
      await leaveTimeWait(s, 48_762);
      const { status, json } = await run(s, `connected:${SOCK_DESTROY}=${errno}`, "127.0.0.1:48762");
      assert.deepEqual([status, json.bindable], [expected, false]);
      assert.deepEqual(
        json.done.map((step) => [step.kind, step.result, step.errno]),
        [["destroy", "failed", errno]],
      );
      assert.match(json.refused[0]?.text ?? "", /that was tried, and it is still there$/);
    }, REFUSER),
  );

for (const rule of [`answer:${SOCK_DESTROY}=EPERM`, `answer:${SOCK_DESTROY}=EOPNOTSUPP`, `send:${SOCK_DESTROY}=ENOENT`])
  test(
    `an outgoing connection under ${rule}: reset through its descriptor, and its program goes on`,
    story(async (s) => {
      const service = s.actor();
      await service.listen("127.0.0.1:5441", { reuseAddr: true });
      const client = s.actor();
      const fd = await client.connect("127.0.0.1:5441");
      const port = await client.call("port", { fd });
      const { status, json } = await run(s, rule, String(port), "--drop-clients");
      assert.deepEqual([status, json.bindable], [0, true]);
      assert.deepEqual(
        json.done.map((step) => [step.kind === "drop" && step.how, step.result]),
        [["reset", "ok"]],
      );
      assert.ok(isAlive(client.pid));
    }, REFUSER),
  );

for (const [call, errno, expected, lacks, text] of [
  ["pidfd_open", "ENOSYS", 4, "kernel", /Linux 5\.3/],
  ["pidfd_send_signal", "ENOSYS", 4, "kernel", /Linux 5\.3/],
  ["pidfd_open", "EPERM", 3, "right", /is refused, though it is this user's/],
  ["pidfd_open", "ENOMEM", 1, undefined, /ENOMEM$/],
] as const)
  test(
    `${call} is answered with ${errno}: nobody is signalled by a bare pid, exit status ${expected}`,
    story(async (s) => {
      const server = s.actor();
      await server.listen("127.0.0.1:48763");
      const { status, json } = await run(s, `call:${call}=${errno}`, "127.0.0.1:48763", "--force");
      assert.deepEqual([status, json.bindable, json.plan, json.done], [expected, false, [], []]);
      const [refusal] = json.refused;
      assert.deepEqual([refusal?.pid, refusal?.lacks, refusal?.command], [server.pid, lacks, `kill ${server.pid}`]);
      assert.match(refusal?.text ?? "", text);
      assert.ok(isAlive(server.pid));
    }, REFUSER),
  );

test(
  "wait without the multicast groups of sock_diag still ends when the port is free",
  story(async (s) => {
    const server = s.actor();
    const fd = await server.listen("127.0.0.1:48764");
    const waiting = s.command<Why>(["wait", "127.0.0.1:48764", "--timeout", "20s", "--json"], {
      under: refusing("netlink=EPROTONOSUPPORT"),
    });
    await server.close(fd);
    const { status } = await waiting;
    assert.equal(status, 0);
  }, REFUSER),
);
