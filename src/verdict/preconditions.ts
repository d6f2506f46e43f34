/** What the kernel checks before it looks at the port (__inet_bind, __inet6_bind): the address, the device, the privilege. Pure. */
import type { BindQuestion, BindSettings, BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Blocker } from "./why.ts";
import { classifyAddress } from "./bind-rules.ts";

/** The errno that the rules expect before any conflict is looked at; undefined: none, as far as is known. */
export function predictPrecondition(snapshot: BindSnapshot): string | undefined {
  const { question, settings } = snapshot;
  if (question.device !== undefined && settings.interfaces.length > 0 && !settings.interfaces.includes(question.device))
    return "ENODEV";
  const address =
    isMappedAndV6only(question) || isLinkLocalAlone(question) || isMulticast6(question)
      ? "EINVAL"
      : isKnownNotLocal(question, settings)
        ? "EADDRNOTAVAIL"
        : undefined;
  const port = settings.mayBindPrivileged === false ? predictPrivilege(question, settings) : undefined;
  // IPv4 looks at the address first, IPv6 at the privilege.
  return question.address.includes(":") ? (port ?? address) : (address ?? port);
}

function isMappedAndV6only({ address, v6only }: BindQuestion): boolean {
  return v6only && /^::ffff:[\d.]+$/i.test(address);
}

function isLinkLocalAlone({ address, device }: BindQuestion): boolean {
  return device === undefined && /^fe[89ab][0-9a-f]:/i.test(address) && !address.includes("%");
}

/** A stream socket takes no multicast address (__inet6_bind). IPv4 lets it pass. */
function isMulticast6({ address, protocol }: BindQuestion): boolean {
  return protocol === "tcp" && /^ff[0-9a-f]{2}:/i.test(address);
}

/** Where the limit cannot be read, it is 1024 unless somebody has moved it. */
function predictPrivilege({ port }: BindQuestion, { unprivilegedPortStart }: BindSettings): string | undefined {
  if (unprivilegedPortStart === undefined) return port < 1024 ? "unknown" : undefined;
  return port < unprivilegedPortStart ? "EACCES" : undefined;
}

function isKnownNotLocal(question: BindQuestion, settings: BindSettings): boolean {
  const mine = classifyAddress(question.address, question.v6only);
  if (mine.kind === "any4" || mine.kind === "any6" || settings.nonlocalBind === true) return false;
  // All of 127/8 is local; multicast and the limited broadcast pass as well (inet_addr_valid_or_nonlocal).
  if (mine.kind === "ipv4" && /^(127|22[4-9]|23\d|255\.255\.255\.255$)/.test(mine.address)) return false;
  return settings.localAddresses.length > 0 && !settings.localAddresses.includes(mine.address);
}

/** The blocker behind an errno that is no conflict; undefined for one that is, or may be. */
export function preconditionBlocker({ question, settings }: BindSnapshot, result: string): Blocker | undefined {
  const { address, port, device } = question;
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
        device === undefined
          ? `no device of this machine has the address ${address}`
          : `the device ${device} does not have the address ${address}`,
      );
    case "EINVAL":
      if (isMappedAndV6only(question))
        return blocker("address-family", `${address} is an IPv4 address, and a V6ONLY socket takes none`);
      if (isMulticast6(question))
        return blocker("refused", `${address} is a multicast address, and a stream socket takes none`);
      if (!isLinkLocalAlone(question)) return blocker("refused", `the kernel answers EINVAL to a bind of ${address}`);
      return blocker(
        "scope-missing",
        `${address} is link-local: every device has such addresses, and which one is meant must be said`,
      );
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

function blocker(rule: Blocker["rule"], text: string): Blocker {
  return { rule, count: 1, text };
}
