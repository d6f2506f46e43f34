/** Kernel settings, devices and rights that bear on a bind; the dear ones are read only where the answer needs them. */
import type { Host, LocalAddress } from "../host/host.ts";
import type { BindQuestion, BindSettings } from "../tcp/bind-snapshot.ts";
import { formatIp, parseIpv4 } from "../tcp/ip-address.ts";
import { askerOf } from "./asker.ts";
import { rootPrefixOf } from "./root-prefix.ts";
import { parseSysctlNumber, parseSysctlPortRange } from "../tcp/sysctl-values.ts";

const CAP_NET_BIND_SERVICE = 10;

export interface SettingsNeeds {
  /** Something is in the way: which addresses there are can matter. */
  readonly blocked: boolean;
  /** What is in the way could be destroyed: can this kernel do that? */
  readonly mayDestroy: boolean;
  readonly enterCommand: string | undefined;
  readonly netns: string | undefined;
}

export function gatherBindSettings(host: Host, question: BindQuestion, needs: SettingsNeeds): BindSettings {
  const system = host.system();
  const start = parseSysctlNumber(host.sysctl("net.ipv4.ip_unprivileged_port_start"));
  const range = parseSysctlPortRange(host.sysctl("net.ipv4.ip_local_port_range"));
  const reserved = host.sysctl("net.ipv4.ip_local_reserved_ports");
  // Of an IPv4-mapped address the kernel asks IPv4's.
  const ipv6 = question.address.includes(":") && !/^::ffff:[\d.]+$/i.test(question.address);
  const nonlocal = host.sysctl(ipv6 ? "net.ipv6.ip_nonlocal_bind" : "net.ipv4.ip_nonlocal_bind");
  const privileged = mayBindPrivileged(host, question);
  const destroys = needs.mayDestroy ? kernelDestroys(host) : undefined;
  return {
    kernelRelease: system.kernelRelease,
    ...(start === undefined ? {} : { unprivilegedPortStart: start }),
    ...(nonlocal === undefined ? {} : { nonlocalBind: nonlocal === "1" }),
    ...(range === undefined ? {} : { localPortRange: range }),
    ...(reserved === undefined ? {} : { reservedPorts: reserved }),
    ...(needs.blocked ? bindableAddresses(host.localAddresses(), question) : { localAddresses: [] }),
    interfaces: question.device === undefined ? [] : host.interfaces().map(({ name }) => name),
    ...(privileged === undefined ? {} : { mayBindPrivileged: privileged }),
    ...(destroys === undefined ? {} : { kernelDestroys: destroys }),
    rootPrefix: rootPrefixOf(system.uid, needs.enterCommand),
    asker: askerOf(host, needs.netns, needs.blocked),
  };
}

type BindableAddresses = Pick<BindSettings, "localAddresses" | "localNetworks" | "broadcasts" | "deviceAddresses">;

/** What fib_add_ifaddr() makes of a device's addresses: on a loopback device the network is local, elsewhere it has a broadcast address. */
function bindableAddresses(addresses: readonly LocalAddress[], question: BindQuestion): BindableAddresses {
  const device = question.device ?? question.address.split("%")[1];
  const networks: string[] = [];
  const broadcasts: string[] = [];
  for (const { address, family, interface: name, prefixLength } of addresses) {
    if (family !== "ipv4" || prefixLength > 31) continue;
    if (name === "lo") networks.push(`${address}/${prefixLength}`);
    else if (prefixLength < 31) broadcasts.push(lastOf(address, prefixLength));
  }
  return {
    localAddresses: addresses.map(({ address }) => address),
    ...(networks.length === 0 ? {} : { localNetworks: networks }),
    ...(broadcasts.length === 0 ? {} : { broadcasts }),
    ...(device === undefined
      ? {}
      : { deviceAddresses: addresses.filter((one) => one.interface === device).map(({ address }) => address) }),
  };
}

function lastOf(address: string, prefixLength: number): string {
  const bytes = parseIpv4(address) ?? new Uint8Array(4);
  return formatIp(bytes.map((byte, at) => byte | (0xff >> Math.min(8, Math.max(0, prefixLength - at * 8)))));
}

/** Asked about another user: root may, others may not, as far as can be told from here. */
function mayBindPrivileged(host: Host, question: BindQuestion): boolean | undefined {
  const self = host.system().uid;
  return question.uid !== undefined && question.uid !== self
    ? question.uid === 0
    : host.hasCapability(CAP_NET_BIND_SERVICE);
}

function kernelDestroys(host: Host): boolean | undefined {
  const { sockDestroy } = host.rights();
  if (sockDestroy.answer === "yes") return true;
  // Without the right the kernel says EPERM only where it could: EOPNOTSUPP comes first.
  return sockDestroy.answer === "no" ? sockDestroy.lacks === "right" : undefined;
}
