/** Does connect() take local ports in TIME-WAIT towards a destination again (tcp_twsk_unique())? Pure. */
import type { HealthSnapshot } from "../../tcp/health-snapshot.ts";
import { isLoopbackAddress } from "../address-scope.ts";

/**
 * `addresses`: what is known of the two ends. It needs timestamps; whether the other side has them, too, cannot be seen of a TIME-WAIT, so with
 * tcp_tw_reuse=1 it is supposed. Of one connection, with all its facts, time-wait-reuse.ts knows more.
 */
export function isTimeWaitReused({ settings }: HealthSnapshot, addresses: readonly string[]): boolean {
  if (settings["net.ipv4.tcp_timestamps"] === "0") return false;
  const mode = settings["net.ipv4.tcp_tw_reuse"];
  return mode === "1" || (mode === "2" && addresses.some(isLoopbackAddress));
}
