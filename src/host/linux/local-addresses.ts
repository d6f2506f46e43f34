/**
 * The addresses that belong to a network namespace, as bind() sees them.
 *
 * IPv4's come from the routing table, because that is what the kernel asks: os.networkInterfaces() leaves out devices without carrier
 * (docker0 without containers, whose address can still be bound) and networks that are local as a whole. It is asked for the names of
 * devices only, which the routing table does not tell. IPv6's come from the kernel's list of device addresses, which is what bind() asks
 * there. Both follow the calling thread's namespace: /proc/thread-self/net does, and getifaddrs(3) asks by a socket of the thread.
 * Measured: 55 µs for fib_trie, 35 µs for if_inet6, 30 µs for route, 85 µs for os.networkInterfaces().
 */
import { networkInterfaces } from "node:os";
import type { NetworkInterfaceInfo } from "node:os";
import { isInPrefix, parseIp } from "../../tcp/ip-address.ts";
import { LITTLE_ENDIAN } from "../../wire/netlink.ts";
import { parseLocalFibEntries } from "../../wire/procfs/fib-trie.ts";
import type { FibEntry } from "../../wire/procfs/fib-trie.ts";
import { parseIfInet6 } from "../../wire/procfs/if-inet6.ts";
import { parseConnectedRoutes } from "../../wire/procfs/route.ts";
import type { ConnectedRoute } from "../../wire/procfs/route.ts";
import type { LocalAddress } from "../host.ts";
import { readText } from "./read-file.ts";

export interface LocalAddressesOptions {
  /** `/proc/thread-self/net` (the default) or the `net` directory of a process. */
  readonly netDirectory?: string;
  /** What os.networkInterfaces() says; nothing when the namespace is not the calling thread's. */
  readonly devices?: () => NodeJS.Dict<NetworkInterfaceInfo[]>;
}

export function readLocalAddresses(options: LocalAddressesOptions = {}): LocalAddress[] {
  const net = options.netDirectory ?? "/proc/thread-self/net";
  const ofDevices = deviceAddresses(options.devices ?? networkInterfaces);
  const fib = readText(`${net}/fib_trie`);
  const inet6 = readText(`${net}/if_inet6`);
  const ipv4 =
    fib === undefined
      ? ofDevices.filter((each) => each.family === "ipv4")
      : namedIpv4(
          parseLocalFibEntries(fib),
          ofDevices,
          parseConnectedRoutes(readText(`${net}/route`) ?? "", { littleEndian: LITTLE_ENDIAN }),
        );
  const ipv6 = inet6 === undefined ? ofDevices.filter((each) => each.family === "ipv6") : ipv6Addresses(inet6);
  return [...ipv4, ...ipv6];
}

/**
 * A network that is local as a whole is told by its first address on `lo`: whatever is in the prefix of an address of `lo` can be bound
 * (fib_add_ifaddr() makes such a route for every address of a loopback device).
 */
function namedIpv4(
  entries: readonly FibEntry[],
  devices: readonly LocalAddress[],
  routes: readonly ConnectedRoute[],
): LocalAddress[] {
  const networks = entries.filter((entry) => entry.prefixLength < 32);
  const addresses = entries
    .filter((entry) => entry.prefixLength === 32)
    .map(({ address }): LocalAddress => {
      const device = devices.find((each) => each.address === address);
      if (device !== undefined) return device;
      const network = narrowest(networks.filter((each) => contains(each, address)));
      if (network !== undefined)
        return { address, family: "ipv4", interface: "lo", prefixLength: network.prefixLength };
      const route = narrowest(
        routes.filter((each) => each.prefixLength > 0 && contains({ ...each, address: each.network }, address)),
      );
      return { address, family: "ipv4", interface: route?.interface ?? "", prefixLength: route?.prefixLength ?? 32 };
    });
  for (const network of networks) {
    const told = addresses.some(
      (each) => each.interface === "lo" && contains(network, each.address) && each.prefixLength <= network.prefixLength,
    );
    if (!told) addresses.push({ ...network, family: "ipv4", interface: "lo" });
  }
  return addresses;
}

function ipv6Addresses(text: string): LocalAddress[] {
  return parseIfInet6(text)
    .filter((each) => each.usable)
    .map(({ address, prefixLength, interface: name }) => ({ address, family: "ipv6", interface: name, prefixLength }));
}

function deviceAddresses(devices: () => NodeJS.Dict<NetworkInterfaceInfo[]>): LocalAddress[] {
  const found: LocalAddress[] = [];
  for (const [label, addresses] of Object.entries(devices())) {
    for (const { address, family, cidr } of addresses ?? []) {
      const prefixLength = Number(cidr?.slice(cidr.indexOf("/") + 1) ?? Number.NaN);
      if (!Number.isInteger(prefixLength)) continue;
      // IPv4 addresses can have a label of their own, `eth0:1`; devices' names have no colon.
      const name = label.replace(/:.*$/, "");
      found.push({ address, family: family === "IPv4" ? "ipv4" : "ipv6", interface: name, prefixLength });
    }
  }
  return found;
}

function contains(network: FibEntry, address: string): boolean {
  const bytes = parseIp(address)?.bytes;
  const prefix = parseIp(network.address)?.bytes;
  return bytes !== undefined && prefix !== undefined && isInPrefix(bytes, prefix, network.prefixLength);
}

function narrowest<T extends { readonly prefixLength: number }>(networks: readonly T[]): T | undefined {
  let best: T | undefined;
  for (const network of networks) if (best === undefined || network.prefixLength > best.prefixLength) best = network;
  return best;
}
