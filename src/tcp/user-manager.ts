/** Whose systemd runs a unit: the system's, or the one of a user. */

/**
 * The user whose own service manager runs what is in this cgroup: it is the service user@UID.service, and its units lie below it
 * (systemd's user@.service; cg_path_get_owner_uid() goes by the slice). Undefined: the system's.
 */
export function userManagerOf(cgroupPath: string): number | undefined {
  const uid = /\/user@(\d{1,10})\.service\//.exec(cgroupPath)?.[1];
  return uid === undefined ? undefined : Number(uid);
}
