// The contract on the real kernel. A process of its own, because it moves into a network namespace of its own:
//   node linux-run.js           makes the scene, asks the Linux host, a replay of it, and a child without the native part
//   node linux-run.js procfs    that child: in the same namespace, told the scene in its environment
// Prints the results as one line of JSON.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { loadLibc } from "../../src/host/linux/libc.ts";
import { olderThan } from "../../src/base/kernel-release.ts";
import { runContract } from "./host-contract.ts";
import type { CaseResult } from "./host-contract.ts";
import { createLinuxScene, enterNewNetns, raiseLoopback, startSceneEngine, untilTimeWait } from "./linux-scene.ts";
import { replayOf } from "./record.ts";
import type { Lacks, Scene } from "./scene.ts";

export type LinuxRun =
  | { readonly unable: string }
  | { readonly hosts: { readonly name: string; readonly results: CaseResult[] }[] };

const PROCFS_LACKS: Lacks = {
  cookies: "/proc/net does not have them",
  "bound-only sockets": "/proc/net does not have them",
  devices: "/proc/net does not have them, and their indexes take an ioctl",
  details: "/proc/net does not have them",
  "kernel filters": "/proc/net is read whole",
  "real binds": "PORTMORTEM_NO_FFI=1 is set",
  "options of held sockets": "PORTMORTEM_NO_FFI=1 is set",
};

const SCENE = "CONTRACT_SCENE";

async function run(): Promise<LinuxRun> {
  const told = process.env[SCENE];
  if (process.argv[2] === "procfs" && told !== undefined) {
    const results = await runContract(createLinuxHost(), JSON.parse(told) as Scene, PROCFS_LACKS);
    return { hosts: [{ name: "Linux host by procfs", results }] };
  }
  const native = loadLibc();
  if ("why" in native) return { unable: native.why };
  // Started by `unshare -n`, it is in a new namespace already, and as another user than root it could not make one.
  if (process.argv[2] === "unshared") raiseLoopback(native.libc);
  else {
    const errno = enterNewNetns(native.libc);
    if (errno !== undefined) return { unable: `unshare(CLONE_NEWNET) was answered with ${errno}` };
  }
  const scene = createLinuxScene(native.libc);
  await untilTimeWait(scene);
  const engine = await startSceneEngine(scene);
  try {
    return await runAll(scene);
  } finally {
    engine.close();
  }
}

async function runAll(scene: Scene): Promise<LinuxRun> {
  const lacks: Lacks = olderThan(createLinuxHost().system().kernelRelease, 6, 8)
    ? { "bound-only sockets": "Linux before 6.8 does not show them" }
    : {};
  const linux = { name: "Linux host", results: await runContract(createLinuxHost(), scene, lacks) };
  const replayed = await replayOf(createLinuxHost(), scene, lacks);
  const replay = { name: "replay of the Linux host", results: await runContract(replayed, scene, lacks) };
  const byProcfs = await runChild(scene);
  return "unable" in byProcfs ? byProcfs : { hosts: [linux, replay, ...byProcfs.hosts] };
}

async function runChild(scene: Scene): Promise<LinuxRun> {
  const child = spawn(process.execPath, ["--enable-source-maps", import.meta.filename, "procfs"], {
    env: { ...process.env, PORTMORTEM_NO_FFI: "1", [SCENE]: JSON.stringify(scene) },
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  child.stdout.setEncoding("utf8").on("data", (piece: string) => (text += piece));
  const [status] = (await once(child, "close")) as [number | null];
  if (status !== 0) throw new Error(`the child without the native part ended with ${status}: ${text}`);
  return JSON.parse(text) as LinuxRun;
}

process.stdout.write(`${JSON.stringify(await run())}\n`);
