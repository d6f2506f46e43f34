/** Where scenes are played: two network namespaces with a cable between them, and processes that live in them and must not be harmed. */
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createLinuxHost } from "../../../src/host/linux/linux-host.ts";
import type { Host } from "../../../src/host/host.ts";
import { InsideNetns } from "../../../src/host/linux/inside-netns.ts";
import { loadLibc } from "../../../src/host/linux/libc.ts";
import { enterOwnNamespace } from "../../kernel/namespace.ts";
import { Calls } from "../bind/calls.ts";
import { Bystander } from "./bystander.ts";
import { Owners } from "./owner.ts";
import type { Means } from "./random-scene.ts";
import { NOBODY, ROOT } from "./scene.ts";

/** Where the kernel chooses for whoever is at the other end. */
export const OTHERS = { first: 40_000, last: 60_999 } as const;
const HELPER_PORT = 62_000;
/** The most occupants of a scene, and one for the crowd. */
const HELPERS = 4;
export const BEYOND_ADDRESS = "10.77.0.2";
/** Nobody has it, and nobody says so. */
export const SILENT_ADDRESS = "10.77.0.200";

export interface Helper {
  readonly fd: number;
  readonly port: number;
}

export interface Ground {
  readonly calls: Calls;
  readonly host: Host;
  readonly means: Means;
  /**
   * Clients go there, each of a scene to another: beside one that is bound to a device, the same addresses and ports would be another's
   * connection. They are this program's own, and are not to be closed either.
   */
  readonly helpers: readonly Helper[];
  readonly owners: Owners;
  readonly bystanders: {
    readonly first: Bystander;
    readonly second: Bystander;
    /** Of another user, where that can be. */
    readonly nobody: Bystander;
    readonly beyond: Bystander;
  };
  /** Does it in the other namespace. */
  readonly beyond: <T>(work: () => T) => T;
  leave(): Promise<void>;
}

export function enterGround(users: boolean): Ground {
  const loaded = loadLibc();
  if ("why" in loaded) throw new Error(loaded.why);
  const { libc } = loaded;
  const outer = enter();
  setUp("net.ipv4.tcp_child_ehash_entries", "512");
  setUp("net.ipv4.udp_child_hash_entries", "256");
  const other = enter();
  prepare();
  const beyond = new Bystander("beyond", ROOT);
  const inside = InsideNetns.try(libc, `/proc/${beyond.pid}/ns/net`);
  if ("errno" in inside) throw new Error(`the other namespace: ${inside.errno}`);
  other.leave();
  const here = enter();
  prepare();
  const devices = join(beyond.pid);
  const calls = new Calls(libc);
  const helpers = Array.from({ length: HELPERS }, (_, index) => listenFor(calls, HELPER_PORT + index));
  const owners = new Owners();
  const bystanders = {
    first: new Bystander("first", ROOT),
    second: new Bystander("second", ROOT),
    nobody: new Bystander("nobody", users ? NOBODY : ROOT),
    beyond,
  };
  return {
    calls,
    host: createLinuxHost(),
    means: { users, devices },
    helpers,
    owners,
    bystanders,
    beyond: (work) => inside.run(work),
    async leave() {
      for (const { fd } of helpers) calls.close(fd);
      owners.close();
      await Promise.all(Object.values(bystanders).map((one) => one.end()));
      here.leave();
      outer.leave();
    },
  };
}

function listenFor(calls: Calls, port: number): Helper {
  const fd = calls.open("tcp", "::", { v6only: false, reuseAddr: false, reusePort: false });
  if (calls.bind(fd, "::", port) < 0 || calls.listen(fd) < 0) throw new Error("the helper cannot listen");
  return { fd, port };
}

function enter(): { leave(): void } {
  const own = enterOwnNamespace();
  if ("errno" in own) throw new Error(`no namespace: ${own.errno}`);
  return own;
}

function prepare(): void {
  setUp("net.ipv4.ip_unprivileged_port_start", "0");
  // Clients are given a port of a scene by IP_LOCAL_PORT_RANGE, all others one of OTHERS. Below the privileged ports there can be none.
  setUp("net.ipv4.ip_local_port_range", `1000 ${OTHERS.last}`);
  setUp("net.ipv4.tcp_max_tw_buckets", "1000000");
  setUp("net.ipv4.tcp_max_orphans", "1000000");
}

function setUp(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/${name.replaceAll(".", "/")}`, value);
  } catch {
    // An older kernel without it: slower, not wrong.
  }
}

/** The cable; false where this machine has no veth devices. */
function join(pid: number): boolean {
  const run = (commands: readonly string[], ...under: string[]): boolean => {
    const [program, ...args] = [...under, "ip", "-batch", "-"];
    return spawnSync(program, args, { input: `${commands.join("\n")}\n` }).status === 0;
  };
  return (
    run([
      `link add pm0 type veth peer name pm1 netns ${pid}`,
      "addr add 10.77.0.1/24 dev pm0",
      "link set pm0 up",
      `neigh add ${SILENT_ADDRESS} lladdr 02:00:00:00:00:99 dev pm0 nud permanent`,
    ]) && run([`addr add ${BEYOND_ADDRESS}/24 dev pm1`, "link set pm1 up"], "nsenter", `--net=/proc/${pid}/ns/net`)
  );
}
