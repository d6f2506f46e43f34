// What every host that can act promises (src/host/actions.ts), on a scene that each case gets fresh: one connection between two processes.
import assert from "node:assert/strict";
import type { HostActions, ProcessHandle, TargetList } from "../../src/host/actions.ts";
import type { Host } from "../../src/host/host.ts";
import type { Container, Socket } from "../../src/tcp/socket.ts";
import { ALL_STATES, maskOf } from "../../src/tcp/states.ts";
import { until } from "../kernel/until.ts";

export interface ActionScene {
  readonly host: Host;
  /** The two ends of one connection, each in a process that ends by SIGTERM. */
  readonly client: HeldEnd;
  readonly server: HeldEnd;
  /** In the server's process. */
  readonly listener: Socket;
  readonly timeWait: Socket;
  /** The server's process is in it, and ends with it; its restart policy is "always". */
  readonly container: Container;
}

export interface HeldEnd {
  readonly pid: number;
  readonly fd: number;
  readonly socket: Socket;
}

export interface ActionCase {
  readonly title: string;
  readonly run: (scene: ActionScene) => void | Promise<void>;
}

function actionsOf(host: Host): HostActions {
  const { actions } = host;
  assert.ok(!("unable" in actions));
  return actions;
}

/** Every TCP socket of the host that is accepted as a target. */
function allTargets(host: Host): TargetList {
  const targets = actionsOf(host).targets();
  for (const batch of host.dumpSockets({ protocol: "tcp", states: ALL_STATES & ~maskOf("BOUND") }))
    for (let index = 0; index < batch.length; index++) targets.addFrom(batch, index);
  return targets;
}

function idOf({ family, local, remote, cookie }: Socket): Parameters<TargetList["add"]>[0] {
  return {
    family,
    local: { address: local.address, port: local.port },
    remote: remote!,
    interface: local.interface,
    cookie: cookie!,
  };
}

function isThere(host: Host, { protocol, family, local, remote, cookie }: Socket): boolean {
  return host.getSocket({ protocol, family, local, remote: remote!, cookie: cookie! }) !== undefined;
}

function open(host: Host, pid: number): ProcessHandle {
  const handle = actionsOf(host).openProcess({ pid, startTicks: host.process(pid)!.startTicks });
  assert.ok(!("errno" in handle));
  return handle;
}

export const ACTION_CASES: readonly ActionCase[] = [
  {
    title: "targets are the connections of a dump as the dump showed them, and never a listener",
    run({ host, client, server, listener, timeWait }) {
      const targets = allTargets(host);
      const all = Array.from({ length: targets.length }, (_, index) => targets.at(index));
      const byCookie = new Map(all.map((id) => [id.cookie, id]));
      for (const socket of [client.socket, server.socket, timeWait])
        assert.deepEqual(byCookie.get(socket.cookie!), idOf(socket));
      assert.equal(byCookie.has(listener.cookie!), false);
      assert.equal(targets.add({ ...idOf(client.socket), remote: { address: "127.0.0.1", port: 0 } }), false);
      assert.throws(() => targets.at(targets.length), RangeError);
    },
  },
  {
    title: "targets know which sockets of a dump are among them, by cookie",
    run({ host, client }) {
      const targets = actionsOf(host).targets();
      assert.equal(targets.add(idOf(client.socket)), true);
      const found: string[] = [];
      for (const batch of host.dumpSockets({ protocol: "tcp", states: ALL_STATES & ~maskOf("BOUND") }))
        for (let index = 0; index < batch.length; index++)
          if (targets.has(batch, index)) found.push(batch.socketAt(index).cookie!);
      assert.deepEqual(found, [client.socket.cookie]);
    },
  },
  {
    title: "destroy() ends exactly the targets from the first number up to the second",
    run({ host, client, server, timeWait }) {
      const targets = actionsOf(host).targets();
      for (const socket of [server.socket, timeWait, client.socket]) targets.add(idOf(socket));
      assert.deepEqual(actionsOf(host).destroy(targets, 1, 2), { destroyed: 1, failed: [] });
      assert.deepEqual(
        [server.socket, timeWait, client.socket].map((socket) => isThere(host, socket)),
        [true, false, true],
      );
      assert.deepEqual(actionsOf(host).destroy(targets, 0, 0), { destroyed: 0, failed: [] });
    },
  },
  {
    title: "destroy() answers ENOENT for what is gone, and does the rest",
    run({ host, client, timeWait }) {
      const targets = actionsOf(host).targets();
      for (const socket of [timeWait, client.socket]) targets.add(idOf(socket));
      assert.equal(actionsOf(host).destroy(targets, 0, 1).destroyed, 1);
      const again = actionsOf(host).destroy(targets, 0, 2);
      assert.deepEqual(again, { destroyed: 1, failed: [{ index: 0, errno: "ENOENT" }] });
      assert.equal(isThere(host, client.socket), false);
    },
  },
  {
    title: "destroy() leaves all alone when the cookie is another's, the listener too",
    run({ host, client, listener }) {
      const targets = actionsOf(host).targets();
      targets.add({ ...idOf(client.socket), cookie: "0x00000000deadbeef" });
      targets.add({ ...idOf(client.socket), remote: { address: "127.0.0.1", port: 9 } });
      const { destroyed, failed } = actionsOf(host).destroy(targets, 0, targets.length);
      assert.equal(destroyed, 0);
      assert.deepEqual(
        failed.map(({ errno }) => errno),
        ["ENOENT", "ENOENT"],
      );
      assert.ok(isThere(host, client.socket));
      assert.ok(host.getSocket({ ...listener, cookie: listener.cookie! }) !== undefined);
    },
  },
  {
    title: "openProcess() answers ESRCH for a pid with another start time, and for none",
    run({ host, client }) {
      const { startTicks } = host.process(client.pid)!;
      assert.deepEqual(actionsOf(host).openProcess({ pid: client.pid, startTicks: startTicks - 1 }), {
        errno: "ESRCH",
      });
      assert.deepEqual(actionsOf(host).openProcess({ pid: 4_194_000, startTicks }), { errno: "ESRCH" });
    },
  },
  {
    title: "a process handle signals, and tells when the process has ended; then its sockets are gone",
    async run({ host, server, listener }) {
      const handle = open(host, server.pid);
      try {
        assert.equal(handle.maySignal(), "ok");
        assert.equal(handle.hasEnded(), false);
        assert.equal(handle.signal("SIGTERM"), "ok");
        await until("the process has ended", () => handle.hasEnded());
        assert.equal(host.getSocket({ ...listener, cookie: listener.cookie! }), undefined);
        assert.ok(["ok", "ESRCH"].includes(handle.signal("SIGTERM")), "a zombie can still be signalled");
      } finally {
        handle.close();
        handle.close();
      }
    },
  },
  {
    title: "duplicateSocket() refuses a descriptor that has become another socket, and one that is none",
    run({ host, client, server }) {
      const handle = open(host, client.pid);
      try {
        assert.deepEqual(handle.duplicateSocket(client.fd, server.socket.cookie!), { errno: "ESTALE" });
        assert.deepEqual(handle.duplicateSocket(9999, client.socket.cookie!), { errno: "EBADF" });
      } finally {
        handle.close();
      }
    },
  },
  ...(["shutdown", "reset"] as const).map((how): ActionCase => ({
    title: `${how}() of a duplicate ends the connection and nothing else`,
    async run({ host, client, listener }) {
      const handle = open(host, client.pid);
      try {
        const duplicate = handle.duplicateSocket(client.fd, client.socket.cookie!);
        assert.ok(!("errno" in duplicate));
        assert.equal(duplicate[how](), "ok");
        duplicate.close();
        duplicate.close();
        await until("the connection is open no more", () => {
          const { protocol, family, local, remote, cookie } = client.socket;
          const now = host.getSocket({ protocol, family, local, remote: remote!, cookie: cookie! });
          return now === undefined || now.state !== "ESTABLISHED";
        });
        assert.equal(handle.hasEnded(), false);
        assert.ok(host.getSocket({ ...listener, cookie: listener.cookie! }) !== undefined);
      } finally {
        handle.close();
      }
    },
  })),
  {
    title: "allowReuse() of a duplicate sets SO_REUSEADDR of the socket itself",
    run({ host, client }) {
      const optionsOf = (): unknown => {
        const answer = host.socketOptions(client.pid, client.fd);
        return "errno" in answer ? answer.errno : answer.reuseAddr;
      };
      assert.equal(optionsOf(), false);
      const handle = open(host, client.pid);
      try {
        const duplicate = handle.duplicateSocket(client.fd, client.socket.cookie!);
        assert.ok(!("errno" in duplicate));
        assert.equal(duplicate.allowReuse(), "ok");
        duplicate.close();
        assert.equal(optionsOf(), true);
      } finally {
        handle.close();
      }
    },
  },
  {
    title: "followDestroyed() tells of a connection whose program ends, by its port and cookie, once",
    async run({ host, client }) {
      const follower = actionsOf(host).followDestroyed();
      assert.ok(!("errno" in follower));
      try {
        assert.deepEqual(follower.read(), { sockets: [], lost: false });
        // An orphan that is still to be delivered would be told only once it is.
        const handle = open(host, client.pid);
        handle.signal("SIGKILL");
        handle.close();
        const seen: string[] = [];
        await until("the end of the connection is told", () => {
          for (const { localPort, cookie } of follower.read().sockets) seen.push(`${localPort} ${cookie}`);
          return seen.includes(`${client.socket.local.port} ${client.socket.cookie}`);
        });
        assert.equal(new Set(seen).size, seen.length);
      } finally {
        follower.close();
        follower.close();
      }
    },
  },
  {
    title: "stopContainer() has the container stopped, once, and its restart policy does not start it again",
    async run({ host, server, container, listener }) {
      const identity = { pid: server.pid, startTicks: host.process(server.pid)!.startTicks };
      assert.equal(await actionsOf(host).stopContainer(container, { graceMs: 1200 }), "ok");
      assert.deepEqual(actionsOf(host).openProcess(identity), { errno: "ESRCH" });
      assert.equal(host.getSocket({ ...listener, cookie: listener.cookie! }), undefined);
      const state = await host.containerState(container);
      assert.ok(!("failure" in state) && !state.running && state.restartPolicy === "always");
      assert.equal(await actionsOf(host).stopContainer(container, { graceMs: 0 }), "already");
    },
  },
  {
    title: "stopContainer() says that there is no such container, and which engines it cannot tell to stop one",
    async run({ host, server }) {
      const id = "0".repeat(64);
      const unknown = await actionsOf(host).stopContainer({ runtime: "docker", id }, { graceMs: 0 });
      assert.ok(typeof unknown === "object" && unknown.failure === "container");
      const silent = await actionsOf(host).stopContainer({ runtime: "containerd", id }, { graceMs: 0 });
      assert.ok(typeof silent === "object" && silent.failure === "engine");
      assert.ok(host.process(server.pid) !== undefined);
    },
  },
  {
    title: "stopContainer() asks for nothing when it is interrupted before",
    async run({ host, server, container }) {
      const answer = await actionsOf(host).stopContainer(container, { graceMs: 0, signal: AbortSignal.abort() });
      assert.ok(typeof answer === "object" && answer.failure === "interrupted");
      const state = await host.containerState(container);
      assert.ok(!("failure" in state) && state.running);
      assert.ok(host.process(server.pid) !== undefined);
    },
  },
];
