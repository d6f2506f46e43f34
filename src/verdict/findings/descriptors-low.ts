/** Descriptors of a process against RLIMIT_NOFILE. */
import { countText } from "../../base/duration.ts";
import type { DescriptorUse, HealthSnapshot } from "../../tcp/health-snapshot.ts";
import type { Finding, FindingDefinition } from "./finding.ts";
import { lookingCommand } from "./holder-words.ts";

/** Servers are set up so that they fill most of it under load (nginx: 768 connections of 1024 descriptors); nine tenths is past that. */
const LOW = 0.9;
/** A few above the limit were inherited from a parent with a higher one; with more than that, the limit was lowered when they were open. */
const LOWERED = 1.1;
/** A smaller limit is a sandbox's, which wants no more to be opened (sshd's children have 0 or 1). */
const SANDBOX_LIMIT = 64;

export const DESCRIPTORS_LOW: FindingDefinition = {
  code: "descriptors-low",
  title: "A process has almost as many descriptors as it may have",
  about: {
    meaning: [
      "Files and sockets share RLIMIT_NOFILE. At the limit accept(), socket() and open() fail with EMFILE: clients connect, and nobody answers them.",
      "critical: the limit is reached. warning: 90 % of it. Not reported: limits below 64, and far more descriptors than the limit; both come from a program that lowered it on purpose.",
    ],
    remedy: [
      "First look for a leak: close-wait-pile, half-open. Else raise the limit: prlimit for the running process, LimitNOFILE= in its unit, ulimit -n in its shell.",
    ],
    sources: ["alloc_fd, getrlimit(2), accept(2) EMFILE, systemd.exec(5)"],
  },
  find: (snapshot) =>
    snapshot.descriptors
      .filter(({ count, limit }) => limit >= SANDBOX_LIMIT && count <= limit * LOWERED && count >= limit * LOW)
      .sort((a, b) => b.count / b.limit - a.count / a.limit)
      .map((use) => judge(snapshot, use)),
};

function judge(snapshot: HealthSnapshot, { pid, command, count, limit, hardLimit }: DescriptorUse): Finding {
  const held = snapshot.now.groups.filter(({ owner }) => owner?.pid === pid);
  const leaked = held.filter(({ kind }) => kind === "close-wait").reduce((sum, group) => sum + group.count, 0);
  const sudo = snapshot.rootPrefix.startsWith("sudo ") ? "sudo " : "";
  // RLIMIT_NOFILE bounds the number that a new descriptor gets (alloc_fd), not how many there are.
  const reached = count === limit;
  const now = reached
    ? "accept() and open() fail with EMFILE"
    : count > limit
      ? "Some were inherited and lie above the limit; when all below it are used, accept() and open() fail with EMFILE"
      : `When the last ${countText(limit - count)} are used up, accept() and open() fail with EMFILE`;
  return {
    code: "descriptors-low",
    level: reached ? "critical" : "warning",
    title: `${command} (pid ${pid}): ${countText(count)} of ${countText(limit)} descriptors`,
    text: `${now}.${leaked === 0 ? "" : ` ${countText(leaked)} are connections in CLOSE-WAIT: a leak, which a higher limit only delays.`}`,
    evidence: { pid, command, descriptors: count, descriptorLimit: limit, closeWait: leaked },
    advice: [
      {
        text: leaked === 0 ? "see what they are" : "see the leak",
        command:
          leaked === 0
            ? `ls -l /proc/${pid}/fd`
            : lookingCommand(snapshot.asker, ["ls", `state close-wait and pid = ${pid}`]),
        costs: "nothing",
      },
      {
        text: "raise its limit now; for its next start set LimitNOFILE= in its unit, or ulimit -n",
        command: `${sudo}prlimit --pid ${pid} --nofile=${raised(limit, hardLimit)}`,
        costs: "nothing",
      },
    ],
  };
}

/** The soft limit alone while the hard one has room (prlimit(1) `SOFT:`): setting both could lower the hard one, which cannot be undone. */
function raised(limit: number, hardLimit: number | undefined): string {
  if (hardLimit !== undefined && hardLimit > limit) return `${Math.min(limit * 2, hardLimit)}:`;
  return hardLimit === undefined ? `${limit * 2}:` : `${limit * 2}:${limit * 2}`;
}
