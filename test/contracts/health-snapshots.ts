/** Snapshots for the tests of doctor's findings: a healthy machine, and what a test says is different about it. */
import type { HealthLook, HealthSnapshot, ListenerFacts, SocketGroup } from "../../src/tcp/health-snapshot.ts";
import type { Owner, Socket } from "../../src/tcp/socket.ts";

export const NODE: Owner = {
  pid: 812,
  fd: 21,
  command: "node",
  args: ["node", "server.js"],
  user: "deploy",
  uid: 1000,
  state: "S",
};

export function healthyLook(changes: Partial<HealthLook> = {}): HealthLook {
  return {
    atMs: Date.UTC(2025, 0, 1, 12),
    counters: {},
    states: {},
    timeWait: { total: 0, byLocalPort: [], byPeer: [] },
    destinations: [],
    groups: [],
    ...changes,
  };
}

/** A machine on which nothing is to be found, with Linux 6.12's default settings. */
export function healthySnapshot(changes: Partial<HealthSnapshot> = {}): HealthSnapshot {
  return {
    system: { kernelRelease: "6.12.0", nowMs: Date.UTC(2025, 0, 1, 12), uid: 0 },
    settings: {
      "net.ipv4.ip_local_port_range": "32768 60999",
      "net.ipv4.ip_local_reserved_ports": "",
      "net.ipv4.tcp_tw_reuse": "2",
      "net.ipv4.tcp_fin_timeout": "60",
      "net.ipv4.tcp_max_tw_buckets": "262144",
      "net.ipv4.tcp_timestamps": "1",
      "net.ipv4.tcp_max_orphans": "262144",
      "net.core.somaxconn": "4096",
      "net.ipv4.tcp_max_syn_backlog": "4096",
    },
    configured: [],
    now: healthyLook(),
    listeners: [],
    descriptors: [],
    rootPrefix: "",
    asker: { uid: 0 },
    incomplete: [],
    ...changes,
  };
}

export function listenerFacts(
  local: Socket["local"],
  changes: {
    readonly socket?: Partial<Socket>;
    readonly processes?: ListenerFacts["processes"];
    readonly oldestWaitingMs?: number;
  } = {},
): ListenerFacts {
  const { socket, ...rest } = changes;
  return {
    socket: {
      protocol: "tcp",
      family: local.address.includes(":") ? "ipv6" : "ipv4",
      state: "LISTEN",
      local,
      queues: { accepting: 0, backlog: 511 },
      uid: 1000,
      inode: 48_213 + local.port,
      cookie: `0x${local.port.toString(16).padStart(16, "0")}`,
      owners: [NODE],
      ...socket,
    },
    processes: [],
    ...rest,
  };
}

export function socketGroup(kind: SocketGroup["kind"], changes: Partial<SocketGroup> = {}): SocketGroup {
  const state = kind === "close-wait" ? "CLOSE-WAIT" : kind === "fin-wait-2-held" ? "FIN-WAIT-2" : "ESTABLISHED";
  const { state: given = kind === "orphan" ? "LAST-ACK" : state } = changes;
  return {
    kind,
    count: 1,
    peers: [{ address: "10.0.0.7", count: changes.count ?? 1 }],
    sample: {
      protocol: "tcp",
      family: "ipv4",
      state: given,
      local: { address: "10.0.0.1", port: 8080 },
      remote: { address: "10.0.0.7", port: 40_112 },
    },
    ...(kind === "orphan" ? {} : { owner: NODE }),
    ...changes,
    state: given,
  };
}
