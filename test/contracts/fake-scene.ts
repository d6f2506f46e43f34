// The scene as plain data.
import type { Host } from "../../src/host/host.ts";
import { bound, connection, createFakeHost, listener, program, timeWait, udp } from "../../src/testing/testing.ts";
import type { FakeSocket } from "../../src/testing/testing.ts";
import type { Held, Scene, Shown } from "./scene.ts";

const PID = 812;
const CONTAINER = { runtime: "docker", id: "c".repeat(64), name: "shop" } as const;
const DETAILS = { info: { rttUs: 40, congestionWindow: 10 }, congestion: "cubic" };

const sockets = {
  listener: listener({ port: 8080, address: "127.0.0.1", inode: 101, queues: { accepting: 1, backlog: 8 } }),
  listener6: listener({ port: 8081, address: "::1", inode: 102 }),
  onDevice: listener({ port: 8082, address: "127.0.0.1", device: "lo", inode: 103 }),
  server: connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:40001", reuseAddr: true, inode: 104, ...DETAILS }),
  client: connection({ local: "127.0.0.1:40001", remote: "127.0.0.1:8080", inode: 105, ...DETAILS }),
  knocking: connection({ local: "127.0.0.1:40002", remote: "127.0.0.1:8080", inode: 106 }),
  bound: bound({ port: 8083, address: "127.0.0.1", inode: 107 }),
  udp: udp({ port: 8084, address: "127.0.0.1", inode: 108 }),
  udpConnected: udp({ port: 40003, address: "127.0.0.1", remote: "127.0.0.1:8084", inode: 109 }),
};
const waiting = connection({ local: "127.0.0.1:8080", remote: "127.0.0.1:40002", reuseAddr: true });
const closed = timeWait({ port: 40004, peer: "127.0.0.1:8080" });

export function createFakeScene(): { host: Host; scene: Scene } {
  const host = createFakeHost({
    processes: [
      program("victim", {
        pid: PID,
        uid: 0,
        startedAtMs: 1_735_732_800_000,
        environment: { PM_CONTRACT: "is kept", PM_OTHER: "is not" },
        sockets: Object.values(sockets),
      }),
    ],
    sockets: [waiting, closed],
    containers: [
      {
        container: CONTAINER,
        restartPolicy: "always",
        ports: [{ protocol: "tcp", address: "127.0.0.1", port: 8088, containerPort: 80 }],
      },
    ],
  });
  const held = {} as Record<keyof typeof sockets, Held>;
  for (const [index, name] of (Object.keys(sockets) as (keyof typeof sockets)[]).entries())
    held[name] = { ...shownEnds(sockets[name]), fd: 3 + index, inode: sockets[name].inode! };
  return {
    host,
    scene: {
      ...held,
      waiting: shownEnds(waiting),
      timeWait: shownEnds(closed),
      pid: PID,
      uid: 0,
      userName: "root",
      netns: 4_026_531_840,
      deadPid: 4711,
      freePort: 18_080,
      container: CONTAINER,
    },
  };
}

function shownEnds({ local, remote }: FakeSocket): Shown {
  const at = { address: local.address, port: local.port };
  return remote === undefined ? { local: at } : { local: at, remote };
}
