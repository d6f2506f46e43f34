// What every host promises about processes, settings, names, namespaces and rights.
import assert from "node:assert/strict";
import type { Probed } from "../../src/host/host.ts";
import { ALL_STATES } from "../../src/tcp/states.ts";
import { allTcp, dump, socketAt } from "./dump-cases.ts";
import type { ContractCase } from "./scene.ts";

export const MACHINE_CASES: readonly ContractCase[] = [
  {
    title: "system() tells the platform, the kernel, the user and the time",
    run(host) {
      const { platform, kernelRelease, architecture, nowMs, uid, pid } = host.system();
      assert.equal(platform, "linux");
      assert.match(kernelRelease, /^\d+\.\d+/);
      assert.match(architecture, /^\w+$/);
      assert.ok(nowMs > Date.UTC(2024, 0) && Number.isInteger(nowMs));
      assert.ok(Number.isInteger(uid) && pid > 0);
    },
  },
  {
    title: "socketSource() says where sockets come from, and why not from sock_diag",
    run(host) {
      const source = host.socketSource();
      assert.ok(source.kind === "sock_diag" || (source.kind === "procfs" && source.why !== ""), JSON.stringify(source));
      const cookies = allTcp(host).every(({ cookie }) => cookie !== undefined);
      assert.equal(cookies, source.kind === "sock_diag");
    },
  },
  {
    title: "processes() lists the holder of the sockets once, and nobody twice",
    run(host, scene) {
      const processes = host.processes();
      const pids = processes.map(({ pid }) => pid);
      assert.equal(new Set(pids).size, pids.length);
      const holder = processes.find(({ pid }) => pid === scene.pid);
      assert.equal(holder?.uid, scene.uid);
      assert.equal(holder?.netns, scene.netns);
      assert.ok(holder.fdCount === undefined || holder.fdCount >= 9, `fdCount ${holder.fdCount}`);
      assert.ok(!pids.includes(scene.deadPid));
    },
  },
  {
    title: "process() tells a process' command, arguments, state, start, user and namespace",
    run(host, scene) {
      const facts = host.process(scene.pid);
      assert.ok(facts !== undefined);
      assert.equal(facts.pid, scene.pid);
      assert.ok(facts.parentPid >= 0);
      assert.ok(facts.processGroup !== undefined && facts.processGroup >= 0);
      assert.ok(facts.command.length > 0 && facts.args.length > 0);
      assert.match(facts.state, /^[A-Z]$/i);
      assert.ok(Number.isInteger(facts.startTicks) && facts.startTicks > 0);
      assert.ok(facts.startedAtMs === undefined || facts.startedAtMs > Date.UTC(2000, 0));
      assert.deepEqual([facts.uid, facts.netns], [scene.uid, scene.netns]);
      assert.equal(host.process(scene.pid)?.startTicks, facts.startTicks, "with the pid it is the process' identity");
    },
  },
  {
    title: "a process that is gone is undefined, and its descriptors are an errno",
    run(host, scene) {
      assert.equal(host.process(scene.deadPid), undefined);
      assert.deepEqual(host.socketFds(scene.deadPid), { errno: "ENOENT" });
      assert.deepEqual(host.socketFds(scene.deadPid, 32), { errno: "ENOENT" });
      assert.equal(host.socketInode(scene.deadPid, 3), undefined);
    },
  },
  {
    title: "socketFds() tells the inode behind each of a process' sockets",
    run(host, scene) {
      const answer = host.socketFds(scene.pid);
      assert.ok("fds" in answer && answer.complete);
      for (const name of ["listener", "listener6", "server", "client", "bound", "udp"] as const) {
        const { fd, inode } = scene[name];
        assert.deepEqual(
          answer.fds.filter((one) => one.fd === fd),
          [{ fd, inode }],
          name,
        );
      }
      assert.equal(socketAt(host, scene.listener).inode, scene.listener.inode, "and it is the one of the dump");
    },
  },
  {
    title: "socketFds() looks at no descriptor from `below` on, and says that it did not see all",
    run(host, scene) {
      const fds = [scene.listener, scene.server, scene.udp].map(({ fd }) => fd);
      const below = Math.min(...fds) + 1;
      const answer = host.socketFds(scene.pid, below);
      assert.ok("fds" in answer && !answer.complete);
      assert.ok(answer.fds.every(({ fd }) => fd < below));
      assert.ok(answer.fds.some(({ fd }) => fd === below - 1));
      const all = host.socketFds(scene.pid, 100_000);
      assert.ok("fds" in all && all.complete, "all are below that");
    },
  },
  {
    title: "socketFds() leaves out what is below `from`",
    run(host, scene) {
      const below = scene.server.fd + 1;
      const whole = host.socketFds(scene.pid, below);
      const last = host.socketFds(scene.pid, below, scene.server.fd);
      assert.ok("fds" in whole && "fds" in last);
      assert.deepEqual(
        last.fds,
        whole.fds.filter(({ fd }) => fd === scene.server.fd),
      );
      assert.equal(last.complete, false);
    },
  },
  {
    title: "processEnvironment() tells the variables that are asked for, and no others",
    run(host, scene) {
      assert.deepEqual(host.processEnvironment(scene.pid, ["PM_CONTRACT", "PM_NO_SUCH_VARIABLE"]), {
        PM_CONTRACT: "is kept",
      });
      assert.deepEqual(host.processEnvironment(scene.pid, []), {});
      assert.equal(host.processEnvironment(scene.deadPid, ["PM_CONTRACT"]), undefined);
    },
  },
  {
    title: "serviceRestart() and socketUnits() know nothing of units that are not there",
    run(host, scene) {
      assert.equal(host.serviceRestart("portmortem-no-such-unit.service"), undefined);
      assert.equal(host.serviceRestart("portmortem-no-such-unit.service", scene.uid), undefined);
      assert.equal(host.serviceRestart("../../etc/passwd"), undefined);
      assert.deepEqual(host.socketUnits(scene.freePort), []);
    },
  },
  {
    title: "relatives() tells the parent, nobody twice, and is undefined for a process that is gone",
    run(host, scene) {
      const parent = host.process(scene.pid)?.parentPid;
      const relatives = host.relatives(scene.pid);
      assert.ok(relatives !== undefined && parent !== undefined);
      if (parent > 0) assert.ok(relatives.includes(parent));
      assert.ok(!relatives.includes(scene.pid));
      assert.equal(new Set(relatives).size, relatives.length);
      assert.equal(host.relatives(scene.deadPid), undefined);
    },
  },
  {
    title: "socketInode() tells the inode behind one descriptor",
    run(host, scene) {
      assert.equal(host.socketInode(scene.pid, scene.listener.fd), scene.listener.inode);
      assert.equal(host.socketInode(scene.pid, 60_000), undefined);
    },
  },
  {
    title: "userName() and userId() are each other's inverse, and undefined for nobody's",
    run(host, scene) {
      assert.equal(host.userName(scene.uid), scene.userName);
      assert.equal(host.userId(scene.userName), scene.uid);
      assert.equal(host.userName(3_999_999_999), undefined);
      assert.equal(host.userId("no-such-user-here"), undefined);
      assert.equal(host.userId("constructor"), undefined);
    },
  },
  {
    title: "cgroupPath(), cgroupId() and containerName() are undefined for what does not exist",
    async run(host) {
      assert.equal(host.cgroupPath(999_999_999_999), undefined);
      assert.equal(host.cgroupId("/no/such/cgroup"), undefined);
      assert.equal(await host.containerName({ runtime: "docker", id: "0".repeat(64) }), undefined);
    },
  },
  {
    title: "sysctl() tells a setting of this namespace, fields apart by one space",
    run(host) {
      assert.match(host.sysctl("net.ipv4.ip_local_port_range") ?? "", /^\d+ \d+$/);
      assert.match(host.sysctl("net.ipv4.ip_unprivileged_port_start") ?? "", /^\d+$/);
    },
  },
  {
    title: "sysctl() is undefined for a setting that this kernel does not have",
    run(host) {
      for (const name of ["net.ipv4.no_such_setting", "nonsense", "", "net.ipv4.../../etc/passwd", "net"])
        assert.equal(host.sysctl(name), undefined, name);
    },
  },
  {
    title: "localAddresses() has the loopback addresses, by device and family",
    run(host) {
      const addresses = host.localAddresses();
      for (const [address, family] of [
        ["127.0.0.1", "ipv4"],
        ["::1", "ipv6"],
      ] as const) {
        const found = addresses.find((one) => one.address === address);
        assert.deepEqual([found?.family, found?.interface], [family, "lo"], address);
      }
      assert.ok(addresses.every(({ prefixLength }) => prefixLength >= 0 && prefixLength <= 128));
    },
  },
  {
    title:
      "sourceAddress() tells where a connection comes from, and the errno of a bind() to an address that is not local",
    needs: "real binds",
    run(host) {
      assert.deepEqual(host.sourceAddress({ remote: "127.0.0.1" }), { source: "127.0.0.1" });
      assert.deepEqual(host.sourceAddress({ remote: "127.0.0.9" }), { source: "127.0.0.1" });
      assert.deepEqual(host.sourceAddress({ remote: "::1" }), { source: "::1" });
      assert.deepEqual(host.sourceAddress({ remote: "127.0.0.1", from: "127.0.0.2" }), { source: "127.0.0.2" });
      const foreign = host.sourceAddress({ remote: "127.0.0.1", from: "203.0.113.9" });
      assert.deepEqual(foreign, { errno: "EADDRNOTAVAIL", step: "bind" });
    },
    without: (host) => assert.deepEqual(Object.keys(host.sourceAddress({ remote: "127.0.0.1" })), ["refused"]),
  },
  {
    title: "resolveName() answers an errno for a name that cannot be",
    async run(host) {
      // Reserved for this by RFC 6761; no resolver has to be asked.
      assert.deepEqual(Object.keys(await host.resolveName("no-such-host.invalid")), ["errno"]);
    },
  },
  {
    title: "interfaces() has lo with its index",
    needs: "devices",
    run: (host) => assert.ok((host.interfaces().find(({ name }) => name === "lo")?.index ?? 0) > 0),
    without: (host) => assert.deepEqual(host.interfaces(), []),
  },
  {
    title: "netns() is the namespace of the scene, and every socket's",
    run(host, scene) {
      assert.equal(host.netns().inode, scene.netns);
      for (const { netns } of allTcp(host)) assert.ok(netns === undefined || netns === scene.netns);
    },
  },
  {
    title: "namespaces() has this one, with a way in that leads to the same sockets",
    run(host, scene) {
      const found = host.namespaces().filter(({ inode }) => inode === scene.netns);
      assert.equal(found.length, 1);
      assert.ok(found[0]!.processes >= 1);
      assert.ok(found[0]!.path !== undefined || found[0]!.pid !== undefined);
      const inside = host.enter({ pid: scene.pid });
      assert.equal(inside.netns().inode, scene.netns);
      const listeners = dump(inside, { protocol: "tcp", states: 1 << 10 }).sockets.map(({ local }) => local.port);
      assert.ok(listeners.includes(scene.listener.local.port));
    },
  },
  {
    title: "enter() throws PM_NETNS_NOT_FOUND for a name, a path and a pid of no namespace",
    run(host, scene) {
      for (const ref of [{ name: "no-such-namespace" }, { path: "/proc/version" }, { pid: scene.deadPid }])
        assert.throws(() => host.enter(ref), { code: "PM_NETNS_NOT_FOUND" }, JSON.stringify(ref));
    },
  },
  {
    title: "rights() answers yes, no or unknown to each question, and why unless it is yes",
    run(host) {
      const rights = host.rights();
      assert.deepEqual(Object.keys(rights).sort(), ["netAdmin", "ptrace", "seesAllProcesses", "sockDestroy"]);
      for (const [name, probed] of Object.entries(rights) as [string, Probed][]) {
        if (probed.answer === "yes") assert.deepEqual(Object.keys(probed), ["answer"], name);
        else assert.ok(probed.why.length > 5, `${name}: ${JSON.stringify(probed)}`);
        if (probed.answer === "no") assert.match(probed.lacks, /^(right|kernel)$/, name);
      }
      assert.match(String(host.hasCapability(10)), /^(true|false|undefined)$/);
    },
  },
  {
    title: "detachedSockets() knows nothing of the scene, whose descriptors are where they should be",
    run(host, scene) {
      const { ioUring, inFlight, ownPidNamespace } = host.detachedSockets();
      assert.ok(!ioUring.some(({ pid }) => pid === scene.pid));
      assert.ok(!inFlight.includes(scene.pid));
      assert.equal(typeof ownPidNamespace, "boolean");
    },
  },
  {
    title: "every answer survives JSON",
    async run(host, scene) {
      const answers: unknown[] = [
        host.system(),
        host.netns(),
        host.socketSource(),
        allTcp(host),
        dump(host, { protocol: "udp", states: ALL_STATES, details: true }),
        host.sysctl("net.ipv4.ip_local_port_range"),
        host.localAddresses(),
        host.sourceAddress({ remote: "127.0.0.1" }),
        host.interfaces(),
        host.processes(),
        host.process(scene.pid),
        host.processEnvironment(scene.pid, ["PM_CONTRACT"]),
        host.socketUnits(scene.freePort),
        host.socketFds(scene.pid),
        host.socketFds(scene.deadPid),
        host.socketInode(scene.pid, scene.listener.fd),
        host.detachedSockets(),
        host.socketOptions(scene.pid, scene.listener.fd),
        host.userName(scene.uid),
        host.userId(scene.userName),
        host.namespaces(),
        host.rights(),
      ];
      for (const [index, answer] of answers.entries())
        assert.deepStrictEqual(JSON.parse(JSON.stringify(answer)), answer, `answer ${index}`);
    },
  },
];
