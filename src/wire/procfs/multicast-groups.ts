/** /proc/net/igmp and /proc/net/igmp6 (igmp_mc_seq_show() in net/ipv4/igmp.c, igmp6_mc_seq_show() in net/ipv6/mcast.c). */
import { LITTLE_ENDIAN } from "../netlink.ts";

export interface MulticastGroup {
  /** The address, in the order of the network. */
  readonly group: Uint8Array;
  readonly ifindex: number;
}

export interface MulticastGroups {
  readonly ipv4: readonly MulticastGroup[];
  readonly ipv6: readonly MulticastGroup[];
}

/** Lines that are none of the kernel's are skipped. IPv4 groups stand below the line of their device, as a word of the machine's order. */
export function parseMulticastGroups(igmp: string, igmp6: string): MulticastGroups {
  const ipv4: MulticastGroup[] = [];
  let ifindex = 0;
  for (const line of igmp.split("\n")) {
    const device = /^(\d+)\t/.exec(line)?.[1];
    if (device !== undefined) ifindex = Number(device);
    const word = /^\t+([0-9A-F]{8}) /.exec(line)?.[1];
    if (word === undefined || ifindex === 0) continue;
    const group = new Uint8Array(4);
    new DataView(group.buffer).setUint32(0, Number.parseInt(word, 16), LITTLE_ENDIAN);
    ipv4.push({ group, ifindex });
  }
  const ipv6 = igmp6.split("\n").flatMap((line) => {
    const [, index, digits] = /^(\d+) +\S+ +([0-9a-f]{32}) /.exec(line) ?? [];
    if (digits === undefined) return [];
    return [
      {
        group: Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)),
        ifindex: Number(index),
      },
    ];
  });
  return { ipv4, ipv6 };
}
