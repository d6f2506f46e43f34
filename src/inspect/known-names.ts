/** Names that a user wrote, against those that exist: a name that nothing has would match nothing, without a word. */
import { PortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";

/** A device by name or index. Throws PM_UNKNOWN_DEVICE; lets everything pass where no device can be seen. */
export function requireDevice(host: Host, device: string): void {
  const devices = host.interfaces();
  if (devices.length === 0 || devices.some(({ name, index }) => name === device || String(index) === device)) return;
  throw new PortmortemError("PM_UNKNOWN_DEVICE", `there is no network device ${device} here`, {
    hint: `there are: ${devices.map(({ name }) => name).join(", ")}`,
  });
}

/** (uid_t) -1 means "no change" to setresuid(2), and larger numbers wrap around. */
const NO_UID = 0xffff_ffff;

/** The number of a user by name or number. Throws PM_UNKNOWN_USER. */
export function requireUser(host: Host, user: string | number): number {
  const uid = typeof user === "number" || /^\d+$/.test(user) ? Number(user) : host.userId(user);
  if (uid !== undefined && Number.isInteger(uid) && uid >= 0 && uid < NO_UID) return uid;
  throw new PortmortemError("PM_UNKNOWN_USER", `there is no user ${user}`, {
    hint: "a name of /etc/passwd, or a number",
  });
}
