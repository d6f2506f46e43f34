/** Who can be in whose way on a port, by the kernel's rules and by nothing of the program under test (docs/kernel/bind.md). */
import type { Binding } from "./scene.ts";

type Place = Pick<Binding, "address" | "v6only">;

/** Do the addresses overlap? Where that hangs on what cannot be said for sure, they do: it decides who must not be harmed. */
export function meets(asked: Place, other: Place): boolean {
  const one = plain(asked.address);
  const two = plain(other.address);
  if (one === "::" && !asked.v6only) return true;
  if (two === "::" && !other.v6only) return true;
  if (isIpv6(one) !== isIpv6(two)) {
    // LOOPBACK4_IPV6: an IPv6 connection that is not V6ONLY stands in the way of 0.0.0.0.
    const [four, six] = isIpv6(one) ? [two, asked.address === one ? asked : other] : [one, other];
    return four === "0.0.0.0" && six.address !== "::" && !six.v6only;
  }
  return one === two || isWildcard(one) || isWildcard(two);
}

/** Is it in the way for sure to be harmed for it? `listens`: now. SO_REUSEPORT of the one who asks can leave it open. */
export function conflicts(asked: Binding, other: Binding, listens: boolean): boolean {
  if (!meets(asked, other)) return false;
  if (asked.device !== undefined && other.device !== undefined && asked.device !== other.device) return false;
  return listens || !(asked.reuseAddr && other.reuseAddr);
}

function isWildcard(address: string): boolean {
  return address === "::" || address === "0.0.0.0";
}

function isIpv6(address: string): boolean {
  return address.includes(":");
}

function plain(address: string): string {
  return address.replace("::ffff:", "");
}
