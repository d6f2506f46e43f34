// What every host promises about dumps.
import assert from "node:assert/strict";
import type { DumpRequest, DumpSummary, Host } from "../../src/host/host.ts";
import { createMatcher } from "../../src/tcp/filter/match-filter.ts";
import { parseFilter } from "../../src/tcp/filter/parse-filter.ts";
import type { Family, Protocol, Socket } from "../../src/tcp/socket.ts";
import { ALL_STATES, maskOf } from "../../src/tcp/states.ts";
import type { SocketState } from "../../src/tcp/states.ts";
import { lineOfSocket, linesOfScene } from "./scene.ts";
import type { ContractCase, Scene } from "./scene.ts";

export function dump(host: Host, request: DumpRequest): { sockets: Socket[]; summary: DumpSummary } {
  const sockets: Socket[] = [];
  const dumped = host.dumpSockets(request);
  for (const batch of dumped) for (let index = 0; index < batch.length; index++) sockets.push(batch.socketAt(index));
  return { sockets, summary: dumped.summary };
}

export function allTcp(host: Host): Socket[] {
  return dump(host, { protocol: "tcp", states: ALL_STATES }).sockets;
}

export function allUdp(host: Host): Socket[] {
  return dump(host, { protocol: "udp", states: ALL_STATES }).sockets;
}

export function socketAt(
  host: Host,
  end: { readonly local: { port: number }; readonly remote?: { port: number } },
): Socket {
  const [first, ...more] = allTcp(host).filter(
    ({ local, remote }) => local.port === end.local.port && remote?.port === end.remote?.port,
  );
  assert.ok(first !== undefined && more.length === 0, `${1 + more.length} sockets with ${JSON.stringify(end)}`);
  return first;
}

const lines = (sockets: readonly Socket[]): string[] => sockets.map(lineOfSocket).sort();

/** The lines of the scene that a host can show. */
function expected(
  host: Host,
  scene: Scene,
  protocol: Protocol,
  wanted: (one: { state: SocketState; ipv6: boolean }) => boolean = () => true,
): string[] {
  const blind = dump(host, { protocol, states: ALL_STATES }).summary.blind;
  return linesOfScene(scene, protocol)
    .filter((one) => wanted(one) && !blind.includes(one.state))
    .map(({ line }) => line)
    .sort();
}

/** Filters of every kind that the scene can tell apart; those in the second list speak of what only the owners tell. */
const FILTERS = (scene: Scene): readonly string[] => [
  `sport = :${scene.listener.local.port}`,
  `dport = :${scene.listener.local.port}`,
  `state established and sport = :${scene.listener.local.port}`,
  `not sport = :${scene.listener.local.port}`,
  `sport = :${scene.listener.local.port} or dport = :${scene.listener.local.port}`,
  `sport >= :${scene.client.local.port}`,
  "src 127.0.0.0/8",
  "src [::1]",
  "dst 127.0.0.1 and not state time-wait",
  "state listening or state time-wait",
  "dev = lo",
];
const OWNER_FILTERS = (scene: Scene): readonly string[] => [
  `pid = ${scene.pid}`,
  "not user = nobody",
  `pid = ${scene.pid} and sport = :${scene.listener.local.port}`,
];

export const DUMP_CASES: readonly ContractCase[] = [
  {
    title: "dumpSockets() shows every TCP socket that there is, with its state, ends and inode",
    run: (host, scene) => assert.deepEqual(lines(allTcp(host)), expected(host, scene, "tcp")),
  },
  {
    title: "dumpSockets() shows connected and unconnected UDP sockets",
    run(host, scene) {
      const { sockets } = dump(host, { protocol: "udp", states: ALL_STATES });
      assert.deepEqual(lines(sockets), expected(host, scene, "udp"));
      for (const state of ["BOUND", "ESTABLISHED"] as const) {
        const some = dump(host, { protocol: "udp", states: maskOf(state) }).sockets;
        assert.deepEqual(
          lines(some),
          expected(host, scene, "udp", (one) => one.state === state),
        );
      }
    },
  },
  {
    title: "dumpSockets() shows only the families that are asked for",
    run(host, scene) {
      for (const family of ["ipv4", "ipv6"] as const satisfies readonly Family[]) {
        const { sockets } = dump(host, { protocol: "tcp", states: ALL_STATES, families: [family] });
        assert.deepEqual([...new Set(sockets.map((socket) => socket.family))], [family]);
        assert.deepEqual(
          lines(sockets),
          expected(host, scene, "tcp", ({ ipv6 }) => ipv6 === (family === "ipv6")),
        );
      }
    },
  },
  {
    title: "dumpSockets() shows only the states that are asked for",
    run(host, scene) {
      const sets: SocketState[][] = [["LISTEN"], ["ESTABLISHED"], ["TIME-WAIT"], ["LISTEN", "TIME-WAIT"], ["SYN-SENT"]];
      for (const states of sets) {
        const { sockets } = dump(host, { protocol: "tcp", states: maskOf(...states) });
        assert.deepEqual(
          lines(sockets),
          expected(host, scene, "tcp", ({ state }) => states.includes(state)),
          states.join(),
        );
      }
    },
  },
  {
    title: "dumpSockets() shows a socket that is only bound as BOUND",
    needs: "bound-only sockets",
    run(host, scene) {
      const { sockets, summary } = dump(host, { protocol: "tcp", states: maskOf("BOUND") });
      assert.deepEqual(
        lines(sockets),
        expected(host, scene, "tcp", ({ state }) => state === "BOUND"),
      );
      assert.deepEqual(summary.blind, []);
      assert.equal(sockets.length, 1);
    },
    without(host, scene) {
      const { sockets, summary } = dump(host, { protocol: "tcp", states: ALL_STATES });
      assert.deepEqual(summary.blind, ["BOUND"]);
      assert.ok(!sockets.some(({ local }) => local.port === scene.bound.local.port));
      assert.deepEqual(dump(host, { protocol: "tcp", states: maskOf("LISTEN") }).summary.blind, [], "not asked for");
    },
  },
  {
    title: "dumpSockets() shows every socket with a local or a remote port that is asked for",
    run(host, scene) {
      const port = scene.listener.local.port;
      const wanted = (key: "local" | "remote") =>
        lines(allTcp(host).filter((socket) => socket[key]?.port === port && socket.state !== "BOUND"));
      const states = ALL_STATES & ~maskOf("BOUND");
      const byLocal = dump(host, { protocol: "tcp", states, localPort: port }).sockets;
      const byRemote = dump(host, { protocol: "tcp", states, remotePort: port }).sockets;
      assert.deepEqual(lines(byLocal), wanted("local"));
      assert.deepEqual(lines(byRemote), wanted("remote"));
      assert.ok(byLocal.length >= 3 && byRemote.length >= 3, `${byLocal.length} and ${byRemote.length}`);
    },
  },
  {
    title: "dumpSockets() leaves out nothing that a filter matches, and says truly whether it left out the rest",
    run(host, scene) {
      for (const text of FILTERS(scene)) {
        const filter = parseFilter(text);
        const matches = createMatcher(filter);
        const { sockets, summary } = dump(host, { protocol: "tcp", states: ALL_STATES, filter });
        const shown = new Set(lines(sockets));
        const matching = allTcp(host).filter(matches);
        for (const line of lines(matching)) assert.ok(shown.has(line), `${text}: ${line} is missing`);
        assert.ok(matching.length > 0 || text.includes("dev"), `${text} matches nothing, so it proves nothing`);
        if (summary.exactFilter) assert.deepEqual(lines(sockets), lines(matching), text);
      }
    },
  },
  {
    title: "dumpSockets() filters by ports and addresses in the kernel",
    needs: "kernel filters",
    run(host, scene) {
      for (const text of FILTERS(scene).filter((one) => !/state|dev/.test(one))) {
        const { summary } = dump(host, { protocol: "tcp", states: ALL_STATES, filter: parseFilter(text) });
        assert.equal(summary.exactFilter, true, text);
      }
    },
    without(host, scene) {
      const filter = parseFilter(`sport = :${scene.listener.local.port}`);
      assert.equal(dump(host, { protocol: "tcp", states: ALL_STATES, filter }).summary.exactFilter, false);
      assert.equal(dump(host, { protocol: "tcp", states: ALL_STATES }).summary.exactFilter, true, "without a filter");
    },
  },
  {
    title: "dumpSockets() lets everything pass that only a socket's owners can decide",
    run(host, scene) {
      for (const text of OWNER_FILTERS(scene)) {
        const { sockets, summary } = dump(host, { protocol: "tcp", states: ALL_STATES, filter: parseFilter(text) });
        assert.equal(summary.exactFilter, false, text);
        assert.ok(
          sockets.some(({ inode }) => inode === scene.listener.inode),
          `${text} lost the listener`,
        );
      }
    },
  },
  {
    title: "dumpSockets() shows no socket twice",
    run(host) {
      for (const protocol of ["tcp", "udp"] as const) {
        const { sockets } = dump(host, { protocol, states: ALL_STATES });
        const identities = sockets.map((socket) => socket.cookie ?? `${lineOfSocket(socket)} ${socket.family}`);
        assert.equal(new Set(identities).size, identities.length);
      }
    },
  },
  {
    title: "a batch's stateAt() is the state of its socketAt()",
    run(host) {
      let seen = 0;
      for (const protocol of ["tcp", "udp"] as const)
        for (const batch of host.dumpSockets({ protocol, states: ALL_STATES })) {
          for (let index = batch.length - 1; index >= 0; index--, seen++)
            assert.equal(batch.stateAt(index), batch.socketAt(index).state);
        }
      assert.ok(seen > 5, `only ${seen} sockets`);
    },
  },
  {
    title: "a dump's summary is whole and clean after the last batch",
    run(host) {
      const { summary } = dump(host, { protocol: "tcp", states: ALL_STATES });
      assert.deepEqual(
        { interrupted: summary.interrupted, malformed: summary.malformed, failed: summary.failed },
        { interrupted: false, malformed: 0, failed: [] },
      );
    },
  },
  {
    title: "dumpSockets() adds tcp_info alone where nothing else of the details is asked for",
    needs: "details",
    run(host, { client }) {
      const request = { protocol: "tcp", states: 1 << 1, localPort: client.local.port, details: "tcp_info" } as const;
      const [socket] = dump(host, request).sockets;
      assert.ok(socket?.info !== undefined);
      assert.deepEqual([socket.memory, socket.congestion], [undefined, undefined]);
    },
  },
  {
    title: "dumpSockets() adds tcp_info and congestion control where details are asked for, and not otherwise",
    needs: "details",
    run(host, scene) {
      const request = { protocol: "tcp", states: maskOf("ESTABLISHED"), localPort: scene.client.local.port } as const;
      const [bare] = dump(host, request).sockets;
      const [full] = dump(host, { ...request, details: true }).sockets;
      assert.equal(bare?.info, undefined);
      assert.equal(bare?.congestion, undefined);
      assert.ok((full?.info?.rttUs ?? 0) > 0, JSON.stringify(full?.info));
      assert.match(full?.congestion ?? "", /^\w+$/);
    },
    without(host, scene) {
      const request = { protocol: "tcp", states: maskOf("ESTABLISHED"), localPort: scene.client.local.port } as const;
      const [full] = dump(host, { ...request, details: true }).sockets;
      assert.ok(full !== undefined);
      assert.deepEqual([full.info, full.memory, full.congestion], [undefined, undefined, undefined]);
    },
  },
  {
    title: "a TIME-WAIT has the time that it still lasts, and neither an inode nor a user",
    run(host, scene) {
      const socket = socketAt(host, scene.timeWait);
      assert.equal(socket.state, "TIME-WAIT");
      assert.equal(socket.timer?.kind, "time-wait");
      assert.ok(socket.timer.remainingMs > 0 && socket.timer.remainingMs <= 60_000, String(socket.timer.remainingMs));
      assert.deepEqual([socket.inode, socket.uid], [undefined, undefined]);
    },
  },
  {
    title: "a listener's queue is counted, and a connection that waits in it has no inode",
    run(host, scene) {
      const { queues, uid } = socketAt(host, scene.listener);
      assert.ok(queues !== undefined && "accepting" in queues);
      assert.equal(queues.accepting, 1);
      assert.equal(uid, scene.uid);
      assert.equal(socketAt(host, scene.waiting).inode, undefined);
    },
  },
  {
    title: "a socket that is bound to a device carries its name",
    needs: "devices",
    run: (host, scene) => assert.equal(socketAt(host, scene.onDevice).local.interface, "lo"),
    without: (host, scene) => assert.equal(socketAt(host, scene.onDevice).local.interface, undefined),
  },
];
