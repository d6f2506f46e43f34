import assert from "node:assert/strict";
import { test } from "node:test";
import { gatherFamily } from "../inspect/process-family.ts";
import { gatherSupervisorFacts } from "../inspect/supervisor-facts.ts";
import type { Supervisor } from "../tcp/process-node.ts";
import { createFakeHost, program } from "../testing/testing.ts";
import type { FakeHostDescription, FakeProcess } from "../testing/testing.ts";
import { findSupervisors, parentRestarterOf } from "./supervisors.ts";

const ROOT = { uid: 0, parentPid: 1, pid: 1 } as const;
const SYSTEMD = program("systemd", { ...ROOT, parentPid: 0, args: ["/sbin/init"], unit: "init.scope" });
const SUPERVISORD = ["/usr/bin/python3", "/usr/bin/supervisord", "-n", "-c"];
const GOD = "PM2 v7.0.4: God Daemon (/home/deploy/.pm2)";

/** As somebody with this uid would be told about these owners. */
function told(
  processes: readonly FakeProcess[],
  owners: readonly number[],
  more: Omit<FakeHostDescription, "processes"> = {},
): Supervisor[] {
  const host = createFakeHost({ ...more, system: { uid: 1000, pid: 99_999, ...more.system }, processes });
  const { nodes } = gatherFamily(host, owners, { descendants: true });
  return findSupervisors(nodes, owners, gatherSupervisorFacts(host, nodes, owners, 3000));
}

const commandsOf = (supervisors: readonly Supervisor[]): (string | undefined)[] =>
  supervisors.map(({ command }) => command);

function pm2App(environment: Readonly<Record<string, string>>, god: Partial<FakeProcess> = {}): FakeProcess[] {
  return [
    program("PM2 v7.0.4: God", { pid: 10, args: [GOD], ...god }),
    program("node", {
      pid: 11,
      parentPid: 10,
      args: ["node /srv/api.js"],
      environment,
      ...(god.uid === undefined ? {} : { uid: god.uid }),
    }),
  ];
}

test("findSupervisors() is empty for a program that was started in a terminal", () => {
  const shell = [program("bash", { pid: 10 }), program("npm", { pid: 20, parentPid: 10, args: ["npm run dev"] })];
  assert.deepEqual(told([...shell, program("node", { pid: 21, parentPid: 20 })], [21]), []);
});

test("findSupervisors() names an app of pm2 by its name, or by its number where the name would mean others", () => {
  const [found, ...others] = told(pm2App({ name: "api v1", pm_id: "0", autorestart: "true" }), [11]);
  assert.deepEqual(others, []);
  assert.deepEqual(found, {
    kind: "pm2",
    name: "api v1",
    command: "pm2 stop 'api v1'",
    pid: 10,
    of: 11,
    text: "pm2 restarts it",
    restarts: "at-once",
  });
  for (const name of ["all", "7", "/api/", "-x", "$(reboot)", "a;b", "<hidden>"])
    assert.deepEqual(commandsOf(told(pm2App({ name, pm_id: "3" }), [11])), ["pm2 stop 3"], name);
  assert.deepEqual(commandsOf(told(pm2App({}), [11])), ["pm2 list"]);
  assert.deepEqual(told(pm2App({ name: "api", pm_id: "0", autorestart: "false" }), [11]), []);
});

test("findSupervisors() talks to another user's pm2 as that user, and to one with files elsewhere by their place", () => {
  const app = { name: "api", pm_id: "0" };
  assert.deepEqual(commandsOf(told(pm2App(app, { uid: 1000 }), [11], { system: { uid: 0 } })), [
    "sudo -H -u deploy PM2_HOME=/home/deploy/.pm2 pm2 stop api",
  ]);
  const elsewhere = pm2App(app, { args: ["PM2 v7.0.4: God Daemon (/srv/pm2 home)"] });
  assert.deepEqual(commandsOf(told(elsewhere, [11])), ["PM2_HOME='/srv/pm2 home' pm2 stop api"]);
});

test("findSupervisors() names the apps of pm2's cluster mode, where the daemon holds the port", () => {
  const worker = (pid: number, name: string, mode = "cluster_mode"): FakeProcess =>
    program("node", {
      pid,
      parentPid: 10,
      environment: { "pm2_env.name": name, "pm2_env.pm_id": String(pid), "pm2_env.exec_mode": mode },
    });
  const [god] = pm2App({});
  const text = "pm2 holds the port for its cluster, and runs its other apps too";
  const found = told([god!, worker(11, "api"), worker(12, "api"), worker(13, "job", "fork_mode")], [10]);
  assert.deepEqual(
    found.map(({ command, text: said, of }) => [command, said, of]),
    [["pm2 stop api", text, 10]],
  );
});

test("findSupervisors() says how each kind of service supervisor is told", () => {
  const run = (supervisor: FakeProcess, environment = {}): Supervisor[] =>
    told([supervisor, program("node", { pid: 20, parentPid: supervisor.pid!, uid: 0, environment })], [20]);
  const at = (args: string, directory: string): FakeProcess =>
    program(args.split(" ")[0]!, { pid: 10, uid: 0, args: args.split(" "), surroundings: { directory } });
  assert.deepEqual(commandsOf(run(at("runsv api", "/etc/sv/api"))), ["sudo sv down /etc/sv/api"]);
  assert.deepEqual(commandsOf(run(at("s6-supervise api", "/run/service/api"))), ["sudo s6-svc -d /run/service/api"]);
  assert.deepEqual(commandsOf(run(at("supervise api", "/service/a b"))), ["sudo svc -d '/service/a b'"]);
  assert.deepEqual(commandsOf(run(at("supervise-daemon api --start /usr/bin/node", "/"))), [
    "sudo rc-service api stop",
  ]);
  const environment = {
    SUPERVISOR_PROCESS_NAME: "api_00",
    SUPERVISOR_GROUP_NAME: "site",
    SUPERVISOR_SERVER_URL: "unix:///run/s.sock",
  };
  const mine = (conf: string, values = environment): (string | undefined)[] =>
    commandsOf(
      told(
        [
          program("supervisord", { pid: 10, args: [...SUPERVISORD, conf] }),
          program("node", { pid: 20, parentPid: 10, environment: values }),
        ],
        [20],
      ),
    );
  assert.deepEqual(mine("/etc/supervisor/supervisord.conf"), ["supervisorctl stop site:api_00"]);
  assert.deepEqual(mine("/srv/my conf"), ["supervisorctl -c '/srv/my conf' stop site:api_00"]);
  assert.deepEqual(mine("sup.conf"), ["supervisorctl -s unix:///run/s.sock stop site:api_00"]);
  assert.deepEqual(mine("/etc/supervisord.conf", { ...environment, SUPERVISOR_GROUP_NAME: "api_00" }), [
    "supervisorctl stop api_00",
  ]);
  assert.deepEqual(mine("/etc/supervisord.conf", { ...environment, SUPERVISOR_PROCESS_NAME: "all" }), [
    "supervisorctl status",
  ]);
});

test("findSupervisors() knows who waits for a change of a file, through the wrappers below it", () => {
  const processes = [
    program("node", { pid: 10, args: ["node", "node_modules/.bin/nodemon", "--exec", "npm start"] }),
    program("sh", { pid: 11, parentPid: 10, args: ["sh", "-c", "npm start"] }),
    program("npm", { pid: 12, parentPid: 11, args: ["npm start"] }),
    program("node", { pid: 13, parentPid: 12, args: ["node", "server.js"] }),
  ];
  const expected = {
    kind: "nodemon",
    command: "kill 10",
    pid: 10,
    of: 13,
    text: "nodemon starts it again with the next change of a file",
    restarts: "change",
  };
  assert.deepEqual(told(processes, [13]), [expected]);
  assert.deepEqual(told(processes, [10, 13]), [], "it holds the port itself, and is asked to end like the others");
});

test("findSupervisors() has the nearest first, and each once for all the workers that it runs", () => {
  const processes = [
    ...pm2App({ name: "api", pm_id: "0" }),
    program("node", { pid: 12, parentPid: 11, args: ["node", "--watch", "server.js"] }),
    program("node", { pid: 13, parentPid: 12 }),
    program("node", { pid: 14, parentPid: 12 }),
  ];
  assert.deepEqual(commandsOf(told(processes, [13, 14])), ["kill 12", "pm2 stop api"]);
});

const SERVICE = { unit: "api.service", cgroup: "/system.slice/api.service", uid: 33 } as const;

test("findSupervisors() goes by Restart= of a service's unit", () => {
  const node = program("node", { pid: 20, parentPid: 1, ...SERVICE });
  const by = (restart?: string): unknown => {
    const units = restart === undefined ? {} : { units: { "api.service": { restart } } };
    return told([SYSTEMD, node], [20], units).map(({ command, text, restarts }) => [command, text, restarts]);
  };
  const command = "sudo systemctl stop api.service";
  assert.deepEqual(by("always"), [[command, "systemd restarts it (Restart=always)", "at-once"]]);
  assert.deepEqual(by("on-failure"), [[command, "systemd may restart it (Restart=on-failure)", "perhaps"]]);
  assert.deepEqual(by(), [[command, "systemd may restart it", "perhaps"]]);
  assert.deepEqual(by("no"), []);
});

test("findSupervisors() is sure only where the end of the owner ends the service", () => {
  const units = { "api.service": { restart: "always" } };
  const main = (args: string): FakeProcess =>
    program(args.split(" ")[0]!, { pid: 20, parentPid: 1, args: args.split(" "), ...SERVICE });
  const worker = program("node", { pid: 21, parentPid: 20, ...SERVICE });
  const sure = (first: FakeProcess, owners: readonly number[]): string[] =>
    told([SYSTEMD, first, worker], owners, { units })
      .filter(({ kind }) => kind === "systemd")
      .map(({ restarts }) => restarts);
  assert.deepEqual(sure(main("npm start"), [21]), ["at-once"]);
  assert.deepEqual(sure(main("java -jar agent.jar"), [21]), ["perhaps"]);
  assert.deepEqual(sure(main("node master.js"), [20, 21]), ["at-once"]);
  for (const keeper of ["sshd: root@pts/0", "/usr/sbin/cron -f", "/usr/bin/dockerd", "supervisord -n"])
    assert.deepEqual(sure(main(keeper), [21]), [], keeper);
});

test("findSupervisors() asks a user's own service manager", () => {
  const cgroup = "/user.slice/user-1000.slice/user@1000.service/app.slice/api.service";
  const manager = program("systemd", {
    pid: 10,
    args: ["/lib/systemd/systemd", "--user"],
    unit: "init.scope",
    cgroup: "/user.slice/user-1000.slice/user@1000.service/init.scope",
  });
  const node = program("node", { pid: 20, parentPid: 10, unit: "api.service", cgroup });
  const units = { "api.service": { restart: "always", user: 1000 } };
  assert.deepEqual(commandsOf(told([SYSTEMD, manager, node], [20], { units })), ["systemctl --user stop api.service"]);
  assert.deepEqual(commandsOf(told([SYSTEMD, manager, node], [20], { units, system: { uid: 0 } })), [
    "systemctl --user --machine=deploy@.host stop api.service",
  ]);
});

test("findSupervisors() names the socket unit where systemd listens, and the service with it", () => {
  const node = program("node", { pid: 20, parentPid: 1, ...SERVICE });
  const units = { "api.socket": { ports: [3000] }, "api.service": {} };
  const both = told([SYSTEMD, node], [1, 20], { units });
  assert.deepEqual(commandsOf(both), ["sudo systemctl stop api.socket api.service"]);
  assert.deepEqual([both[0]?.of, both[0]?.restarts], [1, "at-once"]);
  assert.deepEqual(commandsOf(told([SYSTEMD], [1], { units })), ["sudo systemctl stop api.socket"]);
  const two = { ...units, "other.socket": { ports: [3000] } };
  assert.deepEqual(commandsOf(told([SYSTEMD], [1], { units: two })), ["systemctl list-sockets"]);
  // Process 1 may not be looked at; the service says that it was handed the socket.
  const activated = { ...node, uid: 1000, environment: { LISTEN_FDS: "1", LISTEN_PID: "20" } };
  assert.deepEqual(commandsOf(told([SYSTEMD, activated], [20], { units })), [
    "sudo systemctl stop api.socket api.service",
  ]);
  const inherited = { ...activated, environment: { LISTEN_FDS: "1", LISTEN_PID: "7" } };
  assert.deepEqual(told([SYSTEMD, inherited], [20], { units }), []);
});

test("findSupervisors() leaves containers to those who know their engine", () => {
  const container = { runtime: "docker", id: "a".repeat(64) } as const;
  assert.deepEqual(told([program("node", { pid: 20, container, ...SERVICE })], [20]), []);
});

test("parentRestarterOf() is the nearest ancestor that was there before", () => {
  const loop = program("sh", { pid: 77, args: ["sh", "-c", "while :; do npm start; done"] });
  const [npm, node] = [program("npm", { pid: 80, parentPid: 77 }), program("node", { pid: 81, parentPid: 80 })];
  const [npm2, node2] = [program("npm", { pid: 90, parentPid: 77 }), program("node", { pid: 91, parentPid: 90 })];
  const before = gatherFamily(createFakeHost({ processes: [SYSTEMD, loop, npm, node] }), [81]).nodes;
  const after = gatherFamily(createFakeHost({ processes: [SYSTEMD, loop, npm2, node2] }), [91]).nodes;
  assert.deepEqual(parentRestarterOf(after, 91, before), {
    kind: "parent",
    pid: 77,
    of: 91,
    text: "sh (pid 77) starts it again",
    command: "kill 77",
    restarts: "at-once",
  });
  assert.equal(parentRestarterOf(after, 91)?.pid, 90, "without them, the parent");
  const stranger = gatherFamily(createFakeHost({ processes: [SYSTEMD, program("nginx", { pid: 95 })] }), [95]).nodes;
  assert.equal(parentRestarterOf(stranger, 95, before), undefined);
  assert.equal(parentRestarterOf(stranger, 95), undefined);
  assert.equal(parentRestarterOf(stranger, 4711), undefined);
  assert.equal(parentRestarterOf(after, 91, before, { uid: 1001 })?.command, "sudo kill 77");
});

test("parentRestarterOf() takes nobody for a restarter whom somebody types at", () => {
  for (const args of [["-bash"], ["tmux: server"], ["sshd: deploy@pts/0"], ["bash", "--init-file", "/x.sh"]]) {
    const shell = program(args[0]!.split(":")[0]!, { pid: 77, args });
    const { nodes } = gatherFamily(
      createFakeHost({ processes: [shell, program("node", { pid: 80, parentPid: 77 })] }),
      [80],
    );
    assert.equal(parentRestarterOf(nodes, 80), undefined, args.join(" "));
  }
});
