/** What some tests need beyond a namespace. Each is probed once and answers why it cannot be had, or undefined. */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";

export type Need = () => string | undefined;

export function once(probe: Need): Need {
  let answer: { readonly why: string | undefined } | undefined;
  return () => (answer ??= { why: probe() }).why;
}

/** A second user: root can become nobody, but a user namespace made by an ordinary user has one user only. */
export const SECOND_USER = once(() => {
  const { status, error } = spawnSync(process.execPath, ["-e", ""], { uid: 65_534, gid: 65_534, cwd: "/" });
  return status === 0 ? undefined : `probed: starting node as uid 65534; ${error?.message ?? `exit ${status}`}`;
});

/** Some machines let nobody make user namespaces, or nobody but root. */
export const USER_NAMESPACES = once(() => {
  const { status, stderr, error } = spawnSync("unshare", ["--user", "--map-root-user", "true"], { encoding: "utf8" });
  return status === 0 ? undefined : `probed: unshare --user; ${error?.message ?? stderr.trim()}`;
});

/** A file system of our own in a mount namespace of our own. */
export const FUSE = once(() => {
  const script = "exec 3<>/dev/fuse && mount -i -t fuse -o fd=3,rootmode=40000,user_id=0,group_id=0 none /tmp";
  const { status, stderr, error } = spawnSync("unshare", ["--mount", "sh", "-c", script], { encoding: "utf8" });
  return status === 0
    ? undefined
    : `probed: mounting from /dev/fuse, and no package brings it; ${error?.message ?? stderr.trim()}`;
});

/** Names below /run/netns: needs root of the machine. */
export const NAMED_NAMESPACES = once(() => {
  const name = `portmortem-probe-${process.pid}`;
  const { status, stderr, error } = spawnSync("ip", ["netns", "add", name], { encoding: "utf8" });
  if (status !== 0) return `probed: ip netns add; ${error?.message ?? stderr.trim()}`;
  spawnSync("ip", ["netns", "delete", name]);
  return undefined;
});

function command(name: string, ...args: string[]): Need {
  return once(() => {
    const { error } = spawnSync(name, args);
    return error === undefined ? undefined : `probed: the command ${name}; ${error.message}`;
  });
}

/** Older kernels show it only where the machine's root has made the network namespace (sysctl_core_net_init). */
export const SOMAXCONN = once(() =>
  existsSync("/proc/sys/net/core/somaxconn")
    ? undefined
    : "probed: net.core.somaxconn; this namespace does not show it",
);
export const SS = command("ss", "-V");
export const IP = command("ip", "-V");
/** A rule in a namespace of our own: a kernel without nf_tables has the command and cannot. */
export const NFT = once(() => {
  const { status, stderr, error } = spawnSync("unshare", ["--map-root-user", "--net", "nft", "add table ip probe"], {
    encoding: "utf8",
  });
  return status === 0 ? undefined : `probed: nft add table; ${error?.message ?? stderr.trim().split("\n", 1)[0]}`;
});
export const SCRIPT = command("script", "--version");
export const PYTHON = "python3";
export const HAS_PYTHON = once(() => {
  const { error, status } = spawnSync(PYTHON, ["-c", "import http.server"]);
  return status === 0 ? undefined : `probed: python3 -c "import http.server"; ${error?.message ?? `exit ${status}`}`;
});
/** 80 MB for one test: .ci/run does not install it. */
export const GO = once(() => {
  const { error } = spawnSync("go", ["version"]);
  return error === undefined
    ? undefined
    : `probed: the command go; ${error.message} (golang-go is too big for one test: here no package brings it)`;
});
export const C_COMPILER = command("cc", "--version");

/** The words of a command that runs another in a pid namespace of its own. */
export const IN_OWN_PID_NAMESPACE = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"] as const;

/** Needs CAP_SYS_ADMIN or CAP_CHECKPOINT_RESTORE, and a kernel with CONFIG_CHECKPOINT_RESTORE. */
export const CHOSEN_PIDS = once(() => {
  const [program, ...words] = [...IN_OWN_PID_NAMESPACE, "sh", "-c", "echo 100 > /proc/sys/kernel/ns_last_pid"];
  const { status, stderr, error } = spawnSync(program, words, { encoding: "utf8" });
  return status === 0 ? undefined : `probed: ns_last_pid in a pid namespace; ${error?.message ?? stderr.trim()}`;
});
