/** /proc/net/if_inet6: the IPv6 addresses of all devices (if6_seq_show() in net/ipv6/addrconf.c). Fields are hexadecimal. */
import { bytesText } from "./address-words.ts";

export interface Ipv6DeviceAddress {
  readonly address: string;
  readonly interfaceIndex: number;
  readonly prefixLength: number;
  readonly interface: string;
  /** Whether bind() takes it: not while duplicate detection runs or after it failed (ipv6_chk_addr_and_flags). */
  readonly usable: boolean;
}

const IFA_F_OPTIMISTIC = 0x04;
const IFA_F_DADFAILED = 0x08;
const IFA_F_TENTATIVE = 0x40;

export function parseIfInet6(text: string): Ipv6DeviceAddress[] {
  const addresses: Ipv6DeviceAddress[] = [];
  for (const line of text.split("\n").slice(0, -1)) {
    const match = /^([0-9a-f]{32}) ([0-9a-f]{2,8}) ([0-9a-f]{2}) [0-9a-f]{2} ([0-9a-f]{2}) +(\S+)$/.exec(line);
    if (match === null) continue;
    const prefixLength = Number.parseInt(match[3]!, 16);
    const flags = Number.parseInt(match[4]!, 16);
    if (prefixLength > 128) continue;
    const tentative = (flags & IFA_F_TENTATIVE) !== 0 && (flags & IFA_F_OPTIMISTIC) === 0;
    addresses.push({
      address: bytesText(match[1]!),
      interfaceIndex: Number.parseInt(match[2]!, 16),
      prefixLength,
      interface: match[5]!,
      usable: !tentative && (flags & IFA_F_DADFAILED) === 0,
    });
  }
  return addresses;
}
