import type { HealthSnapshot, SysctlLine } from "../../tcp/health-snapshot.ts";
import { findSysctl } from "../sysctl-table.ts";
import { isFirstNamespace } from "../sysctls/judgement.ts";
import type { Finding, FindingDefinition } from "./finding.ts";

/** Settings that are compiled into every kernel: what is missing among them is missing for good. Others come with a module or a device. */
const NEVER_MODULAR = /^net\.ipv4\.(?:tcp|ip)_[a-z0-9_]+$/;

export const SYSCTL_GONE: FindingDefinition = {
  code: "sysctl-gone",
  title: "a line for a kernel setting that does not exist",
  about: {
    meaning: [
      "A file of /etc/sysctl.d sets something that this kernel does not have: it was removed, as tcp_tw_recycle in Linux 4.12, it came with a later kernel, or the name is misspelt. The line only makes sysctl complain at boot.",
      "Always information. Names of net.ipv4.tcp_* and net.ipv4.ip_* only, which are part of every kernel; others may appear once a module is loaded.",
    ],
    remedy: ["Delete the line, unless it waits for a later kernel."],
    sources: ["sysctl.d(5)", "tcp(7), which names the last kernel of settings that are gone"],
  },
  find: (snapshot) => {
    const gone = snapshot.configured.filter((line) => isGone(line, snapshot));
    const names = new Set(gone.map(({ name }) => name));
    return [...names].map((name) =>
      goneFinding(
        name,
        gone.filter((line) => line.name === name),
      ),
    );
  },
};

function isGone({ name, exists }: SysctlLine, snapshot: HealthSnapshot): boolean {
  if (snapshot.settings[name] !== undefined || exists === true) return false;
  if (findSysctl(name)?.goneAfter !== undefined) return true;
  // Elsewhere a setting may only be hidden, as those of the whole machine are.
  return exists === false && NEVER_MODULAR.test(name) && isFirstNamespace(snapshot);
}

function goneFinding(name: string, lines: readonly SysctlLine[]): Finding {
  const goneAfter = findSysctl(name)?.goneAfter;
  return {
    code: SYSCTL_GONE.code,
    level: "info",
    title: `${name} is set by a file, and this kernel does not have it`,
    text:
      goneAfter === undefined
        ? "No kernel setting of this name exists here: it is misspelt, was removed, or came with a later kernel."
        : `Linux ${goneAfter} was the last with it. The line has no effect.`,
    evidence: {
      name,
      lines: lines.map(({ path, line, value }) => ({ file: path, line, value })),
      ...(goneAfter === undefined ? {} : { lastKernel: goneAfter }),
    },
    advice: lines.map(({ path, line }) => ({ text: `delete line ${line} of ${path}`, costs: "nothing" })),
  };
}
