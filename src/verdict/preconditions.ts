/** What the kernel checks before it looks at the port (__inet_bind, __inet6_bind): the address, the device, the privilege. Pure. */
import type { BindQuestion, BindSettings, BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Blocker } from "./why.ts";
import { isInPrefix, isMulticast, parseIp } from "../tcp/ip-address.ts";
import { classifyAddress } from "./address-class.ts";

/** The errno that the rules expect before any conflict is looked at; undefined: none, as far as is known; "unknown": it hangs on what was not told. */
export function predictPrecondition(snapshot: Pick<BindSnapshot, "question" | "settings">): string | undefined {
  const { question, settings } = snapshot;
  if (question.device !== undefined && settings.interfaces.length > 0 && !settings.interfaces.includes(question.device))
    return "ENODEV";
  const port = settings.mayBindPrivileged === false ? predictPrivilege(question, settings) : undefined;
  // IPv4 looks at the address first, IPv6 at the privilege, but for multicast on a stream socket.
  if (!question.address.includes(":")) return predictIpv4Address(question, settings) ?? port;
  return isMulticast6(question) ? "EINVAL" : (port ?? predictIpv6Address(question, settings));
}

function predictIpv4Address(question: BindQuestion, settings: BindSettings): string | undefined {
  if (question.address === "0.0.0.0") return undefined;
  return isKnownNotLocal(question.address, question, settings) ? "EADDRNOTAVAIL" : undefined;
}

function predictIpv6Address(question: BindQuestion, settings: BindSettings): string | undefined {
  if (question.address === "::") return undefined;
  if (isMappedAndV6only(question) || isLinkLocalAlone(question)) return "EINVAL";
  const mine = classifyAddress(question.address, question.v6only);
  if (mine.kind === "any4" || mine.kind === "any6") return undefined;
  // A UDP socket takes any multicast address.
  if (mine.kind === "ipv6" && isMulticast(mine.address)) return undefined;
  return isKnownNotLocal(mine.address, question, settings) ? "EADDRNOTAVAIL" : undefined;
}

function isMappedAndV6only({ address, v6only }: BindQuestion): boolean {
  return v6only && isMapped(address);
}

function isMapped(address: string): boolean {
  const { kind } = classifyAddress(address, false);
  return kind === "ipv4" || kind === "any4";
}

/** Multicast of one device (ff01::) or one link (ff02::) needs its device as link-local addresses do (__ipv6_addr_needs_scope_id). */
export function isLinkLocalAlone({ address, device }: Pick<BindQuestion, "address" | "device">): boolean {
  return device === undefined && /^(fe[89ab][0-9a-f]|ff[0-9a-f][12]):/i.test(address) && !address.includes("%");
}

/** A stream socket takes no multicast address (__inet6_bind). IPv4 lets it pass. */
function isMulticast6({ address, protocol }: BindQuestion): boolean {
  return protocol === "tcp" && address.includes(":") && isMulticast(address);
}

/** Where the limit cannot be read, it is 1024 unless somebody has moved it. */
function predictPrivilege({ port }: BindQuestion, { unprivilegedPortStart }: BindSettings): string | undefined {
  if (unprivilegedPortStart === undefined) return port < 1024 ? "unknown" : undefined;
  return port < unprivilegedPortStart ? "EACCES" : undefined;
}

/** Multicast and the limited broadcast pass (inet_addr_valid_or_nonlocal); all of 127/8 is local. */
const PASSING_IPV4 = /^(127|22[4-9]|23\d|255\.255\.255\.255$)/;

/**
 * `address` without its IPv6 clothes. Only of an IPv6 address of link or host scope does the kernel ask whether the device that the socket is
 * bound to has it (ipv6_chk_addr).
 */
function isKnownNotLocal(address: string, question: BindQuestion, settings: BindSettings): boolean {
  if (settings.nonlocalBind === true || settings.localAddresses.length === 0) return false;
  if (!address.includes(":")) {
    if (PASSING_IPV4.test(address) || settings.localAddresses.includes(address)) return false;
    return !isInPrefixes(address, settings.broadcasts ?? []) && !isInPrefixes(address, settings.localNetworks ?? []);
  }
  const { deviceAddresses } = settings;
  return !(deviceAddresses === undefined || isGlobal(address) ? settings.localAddresses : deviceAddresses).includes(
    address,
  );
}

/** Not of link or host scope. */
function isGlobal(address: string): boolean {
  return address !== "::1" && !/^fe[89ab]/i.test(address);
}

/** The device that must have the address itself. */
export function askedOfDevice({ address, device }: BindQuestion): string | undefined {
  return address.includes(":") && !isGlobal(address) ? (device ?? address.split("%")[1]) : undefined;
}

function isInPrefixes(address: string, prefixes: readonly string[]): boolean {
  if (prefixes.length === 0) return false;
  const bytes = parseIp(address)?.bytes;
  return prefixes.some((prefix) => {
    const [network = "", length] = prefix.split("/");
    const ip = parseIp(network);
    return (
      bytes !== undefined && ip !== undefined && isInPrefix(bytes, ip.bytes, Number(length ?? ip.bytes.length * 8))
    );
  });
}

/** The blocker behind an errno that is no conflict; undefined for one that is, or may be. */
export function preconditionBlocker({ question, settings }: BindSnapshot, result: string): Blocker | undefined {
  const { address, port, device } = question;
  const asked = askedOfDevice(question);
  switch (result) {
    case "EADDRINUSE":
    case "unknown":
      return undefined;
    case "EACCES":
      if (settings.unprivilegedPortStart === undefined)
        return blocker("privileged-port", `port ${port} is privileged: binding it needs CAP_NET_BIND_SERVICE`);
      if (port >= settings.unprivilegedPortStart)
        return blocker("refused", `port ${port} is not privileged: a security module refuses this bind (EACCES)`);
      return blocker(
        "privileged-port",
        `ports below ${settings.unprivilegedPortStart} are privileged: binding ${port} needs CAP_NET_BIND_SERVICE`,
      );
    case "EADDRNOTAVAIL":
      return blocker(
        "address-not-local",
        asked === undefined
          ? addressNotLocalText(address)
          : `the device ${asked} does not have the address ${address.split("%")[0]}`,
      );
    case "EINVAL":
      if (isMappedAndV6only(question))
        return blocker("address-family", `${address} is an IPv4 address, and a V6ONLY socket takes none`);
      if (isMulticast6(question))
        return blocker("refused", `${address} is a multicast address, and a stream socket takes none`);
      if (!isLinkLocalAlone(question)) return blocker("refused", `the kernel answers EINVAL to a bind of ${address}`);
      return blocker("scope-missing", linkLocalText(address));
    case "ENODEV":
      return blocker("device-not-found", `there is no device ${device ?? address} here`);
    case "EAFNOSUPPORT":
      return blocker("address-family", `this kernel does not speak the family of ${address} (IPv6 is switched off)`);
    case "EPERM":
      return device === undefined
        ? blocker("refused", "a program that is attached to the cgroup (BPF) refuses this bind (EPERM)")
        : blocker("device-not-found", `SO_BINDTODEVICE ${device} was answered with EPERM: it needs CAP_NET_RAW`);
    default:
      return blocker("refused", `the kernel answers ${result}, which no socket on this port explains`);
  }
}

export function addressNotLocalText(address: string): string {
  return `no device of this machine has the address ${address}`;
}

export function linkLocalText(address: string): string {
  return `${address} is link-local: every device has such addresses, and which one is meant must be said`;
}

function blocker(rule: Blocker["rule"], text: string): Blocker {
  return { rule, count: 1, text };
}
