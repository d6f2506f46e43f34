/** Open files of the whole machine against fs.file-max. */
import { countText } from "../../base/duration.ts";
import { parseSysctlNumber } from "../../tcp/sysctl-values.ts";
import type { FindingDefinition } from "./finding.ts";

const LOW = 0.9;
/** The count that the kernel compares is kept per processor and can be a few dozen off (get_nr_files()). */
const GONE = 0.99;

export const FILE_HANDLES_LOW: FindingDefinition = {
  code: "file-handles-low",
  title: "The machine has almost as many open files as it may have",
  about: {
    meaning: [
      "fs.file-max counts the open files and sockets of all processes and containers together. At the limit open(), socket() and accept() fail with ENFILE for everybody who lacks CAP_SYS_ADMIN.",
      "critical: 99 % of it. warning: 90 %.",
    ],
    remedy: [
      "Look for the leak (descriptors-low, close-wait-pile), or raise fs.file-max; each open file takes about 256 bytes and what it stands for.",
    ],
    sources: ["alloc_empty_file, /proc/sys/fs/file-nr: proc_sys_fs(5), open(2) ENFILE"],
  },
  find({ settings, rootPrefix }) {
    const [used, , max] = (settings["fs.file-nr"] ?? "").split(/\s+/).map((word) => parseSysctlNumber(word));
    // systemd sets it to 2^63-1, which is no limit, and past what a number here can hold.
    if (used === undefined || max === undefined || max === 0 || used < max * LOW) return [];
    const reached = used >= max * GONE;
    return [
      {
        code: "file-handles-low",
        level: reached ? "critical" : "warning",
        title: `${countText(used)} of ${countText(max)} open files of this machine (fs.file-max)`,
        text: `${reached ? "open(), socket() and accept() fail" : "When the limit is reached, open(), socket() and accept() fail"} with ENFILE in every program that is not root's, in every container.`,
        evidence: { openFiles: used, limit: max },
        advice: [
          {
            text: "see which processes have the most",
            command: `for p in /proc/[0-9]*; do echo "$(ls $p/fd 2>/dev/null | wc -l) $(tr '\\0' ' ' <$p/cmdline)"; done | sort -rn | head`,
            costs: "nothing",
          },
          {
            text: "raise the limit of the machine",
            // Of the whole machine: in which network namespace it is written makes no difference.
            command: `${rootPrefix}sysctl -w fs.file-max=${max * 2}`,
            costs: "nothing",
          },
        ],
      },
    ];
  },
};
