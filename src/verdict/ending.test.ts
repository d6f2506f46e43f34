// How the programs that hold a port are ended, as it is advised.
import assert from "node:assert/strict";
import { test } from "node:test";
import { NODE, held, judge } from "../../test/contracts/bind-snapshots.ts";
import type { PortHolder } from "../tcp/bind-snapshot.ts";
import type { Owner } from "../tcp/socket.ts";
import { listener } from "../testing/builders.ts";
import type { Advice } from "./why.ts";

function advise(holders: readonly PortHolder[]): readonly Advice[] {
  return judge(holders, { results: ["EADDRINUSE", "EADDRINUSE"] }).advice;
}

const ofOwner = (owner: Partial<Owner>) =>
  advise([held(listener({ port: 8080 }), { owners: [{ ...NODE, ...owner }] })]);
test("advice fits how the program is run", () => {
  const cases: readonly (readonly [Partial<Owner>, text: RegExp, ...commands: string[]])[] = [
    [{}, /^ask node \(pid 812\) to end, and prove that the port is free$/, "portmortem free 8080"],
    [{ uid: 0 }, /^ask node/, "sudo portmortem free 8080"],
    [{ state: "T" }, /to end \(stopped by Ctrl-Z, it is let go on first\)/, "portmortem free 8080"],
    [{ unit: "api.service" }, /^stop the unit api\.service/, "sudo systemctl stop api.service"],
    [{ unit: "a\\x2db.service" }, /./, "sudo systemctl stop 'a\\x2db.service'"],
    [{ unit: "api.service", userManager: 1000 }, /./, "systemctl --user stop api.service"],
    [
      { unit: "api.service", userManager: 33, uid: 33, user: "www-data" },
      /./,
      "sudo systemctl --user --machine=www-data@.host stop api.service",
    ],
    [{ unit: "session-3.scope" }, /^ask node/, "portmortem free 8080"],
    [{ unit: "cron.service" }, /^ask node/, "portmortem free 8080"],
    [{ unit: "ssh.service", command: "sshd" }, /./, "sudo systemctl stop ssh.service"],
    [
      { container: { runtime: "docker", id: "f".repeat(64), name: "web" } },
      /^stop the container web$/,
      "docker stop web",
      "portmortem free 8080 --container",
    ],
    [
      { container: { runtime: "podman", id: "f".repeat(64) } },
      /ffffffffffff$/,
      "podman stop ffffffffffff",
      "portmortem free 8080 --container",
    ],
    [
      { command: "docker-proxy", args: ["docker-proxy", "-container-ip", "172.17.0.2", "-container-port", "80"] },
      /stop that container, not the proxy$/,
      "docker ps --filter publish=8080/tcp",
      "portmortem free 8080 --container",
    ],
    [
      { command: "dockerd", unit: "docker.service" },
      /^see whether dockerd holds it for a container/,
      "portmortem free 8080 --dry-run",
    ],
    [
      { container: { runtime: "containerd", id: "f".repeat(64), name: "default/web-0/web" } },
      /^delete the pod web-0 /,
      "kubectl delete pod web-0 -n default",
    ],
    [{ command: "systemd", pid: 1, unit: "init.scope" }, /for a socket unit/, "systemctl list-sockets"],
    [{ pid: 1 }, /^node is pid 1/],
  ];
  for (const [owner, text, ...expected] of cases) {
    const advice = ofOwner(owner);
    assert.deepEqual(
      advice.flatMap(({ command = [] }) => command),
      expected,
    );
    assert.match(advice[0]?.text ?? "", text);
    for (const { costs, command } of advice)
      assert.equal(costs, command?.endsWith("--dry-run") ? "nothing" : "downtime");
  }
});

test("advice names each of several processes once", () => {
  const owners = [NODE, { ...NODE, fd: 22 }, { ...NODE, pid: 813 }];
  const [first, ...others] = advise([held(listener({ port: 8080 }), { owners })]);
  assert.equal(first?.text, "ask the 2 node processes to end, and prove that the port is free");
  assert.deepEqual(others, []);
});
