/** A network namespace for scenarios: two devices, addresses that answer and some that do not, and a listener for clients to go to. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createLinuxHost } from "../../../src/host/linux/linux-host.ts";
import type { Host } from "../../../src/host/host.ts";
import { loadLibc } from "../../../src/host/linux/libc.ts";
import type { Libc } from "../../../src/host/linux/libc.ts";
import { enterOwnNamespace } from "../../kernel/namespace.ts";
import { Calls } from "./calls.ts";
import type { Means } from "./random-scenario.ts";
import { ASIDE, SILENT4, SILENT6 } from "./scenario.ts";

/** Scenarios have their ports in here, each one of its own. */
export const FIRST_PRIVILEGED = 1100;
export const FIRST_PORT = 3000;
export const LAST_PORT = 39_999;
/** Where the kernel chooses for whoever is at the other end. */
export const OTHERS = { first: 40_000, last: 60_999 } as const;
const HELPER_PORT = 50_000;

export interface Scene {
  readonly libc: Libc;
  readonly calls: Calls;
  readonly host: Host;
  readonly helper: { readonly fd: number; readonly port: number };
  readonly means: Means;
  /** ip_nonlocal_bind is on, of both families. */
  readonly nonlocal: boolean;
  allowNonlocal(on: boolean): void;
  leave(): void;
}

export function enterScene(users: boolean): Scene {
  const loaded = loadLibc();
  if ("why" in loaded) throw new Error(loaded.why);
  const { libc } = loaded;
  const own = enterOwnNamespace();
  if ("errno" in own) throw new Error(`no namespace: ${own.errno}`);
  setUp("net.ipv4.tcp_child_ehash_entries", "256");
  setUp("net.ipv4.udp_child_hash_entries", "256");
  // Tables of its own, and small ones: a dump of the machine's takes a hundred times as long. They are the children's of this namespace.
  const inner = enterOwnNamespace();
  if ("errno" in inner) throw new Error(`no namespace: ${inner.errno}`);
  setUp("net.ipv4.ip_unprivileged_port_start", String(FIRST_PORT));
  setUp("net.ipv4.tcp_max_tw_buckets", "1000000");
  setUp("net.ipv4.tcp_max_orphans", "1000000");
  setUp("net.ipv6.conf.all.accept_dad", "0");
  setUp("net.ipv6.conf.default.accept_dad", "0");
  const devices = addDevice();
  const calls = new Calls(libc);
  setUp("net.ipv4.ip_local_port_range", `${canNarrow(calls) ? FIRST_PORT : OTHERS.first} ${OTHERS.last}`);
  const fd = calls.open("tcp", "::", { v6only: false, reuseAddr: false, reusePort: false });
  if (calls.bind(fd, "::", HELPER_PORT) < 0 || calls.listen(fd) < 0) throw new Error("the helper cannot listen");
  let nonlocal = false;
  return {
    get nonlocal() {
      return nonlocal;
    },
    allowNonlocal(on) {
      if (on === nonlocal) return;
      nonlocal = on;
      for (const family of ["ipv4", "ipv6"]) setUp(`net.${family}.ip_nonlocal_bind`, on ? "1" : "0");
    },
    libc,
    calls,
    host: createLinuxHost(),
    helper: { fd, port: HELPER_PORT },
    means: { users, devices },
    leave() {
      calls.close(fd);
      inner.leave();
      own.leave();
    },
  };
}

/** Only with IP_LOCAL_PORT_RANGE can the kernel's choice be made to fall on a scenario's port, and everybody else's be kept away. */
function canNarrow(calls: Calls): boolean {
  const fd = calls.open("tcp", "127.0.0.1", { v6only: false, reuseAddr: false, reusePort: false });
  const set = calls.onlyPorts(fd, OTHERS.first, OTHERS.last);
  calls.close(fd);
  return set === 0;
}

function setUp(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, value);
  } catch {
    // An older kernel without it: slower, not wrong.
  }
}

/** False where this machine has no veth devices: then all is on `lo`. */
function addDevice(): boolean {
  const commands = [
    "link add pm0 type veth peer name pm1",
    "addr add 10.77.0.1/24 dev pm0",
    "addr add fd77::1/64 dev pm0 nodad",
    `addr add ${ASIDE[1]}/128 dev lo nodad`,
    "link set pm1 up",
    "link set pm0 up",
    `neigh add ${SILENT4} lladdr 02:00:00:00:00:99 dev pm0 nud permanent`,
    `neigh add ${SILENT6} lladdr 02:00:00:00:00:99 dev pm0 nud permanent`,
  ];
  return spawnSync("ip", ["-batch", "-"], { input: `${commands.join("\n")}\n` }).status === 0;
}
