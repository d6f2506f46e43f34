/** Keeping on this machine, with the native part or without. */
import type { HostKeeping } from "../keeping.ts";
import { loadLibc } from "./libc.ts";
import { LinuxKeeping } from "./linux-keeping.ts";
import { SpawnKeeping } from "./spawn-keeping.ts";

export function openKeeping(): HostKeeping {
  const native = loadLibc();
  return "why" in native ? new SpawnKeeping(native.why) : new LinuxKeeping(native);
}
