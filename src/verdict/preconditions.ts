/** What the kernel checks before it looks at the port (__inet_bind, __inet6_bind): the address, the device, the privilege. Pure. */
import type { BindQuestion, BindSettings, BindSnapshot } from "../tcp/bind-snapshot.ts";
import type { Blocker } from "./why.ts";
import { classifyAddress } from "./bind-rules.ts";

/** The errno that the rules expect before any conflict is looked at; undefined: none, as far as is known. */
export function predictPrecondition(snapshot: BindSnapshot): string | undefined {
  const { question, settings } = snapshot;
  if (question.device !== undefined && settings.interfaces.length > 0 && !settings.interfaces.includes(question.device))
    return "ENODEV";
  const addressFails = isKnownNotLocal(question, settings);
  const portFails = isPrivileged(question, settings) && settings.mayBindPrivileged === false;
  // IPv4 looks at the address first, IPv6 at the privilege.
  if (question.address.includes(":")) return portFails ? "EACCES" : addressFails ? "EADDRNOTAVAIL" : undefined;
  return addressFails ? "EADDRNOTAVAIL" : portFails ? "EACCES" : undefined;
}

function isPrivileged(question: BindQuestion, settings: BindSettings): boolean {
  return settings.unprivilegedPortStart !== undefined && question.port < settings.unprivilegedPortStart;
}

function isKnownNotLocal(question: BindQuestion, settings: BindSettings): boolean {
  const mine = classifyAddress(question.address, question.v6only);
  if (mine.kind === "any4" || mine.kind === "any6" || settings.nonlocalBind === true) return false;
  if (mine.kind === "ipv4" && mine.address.startsWith("127.")) return false;
  return settings.localAddresses.length > 0 && !settings.localAddresses.includes(mine.address);
}

/** The blocker behind an errno that is no conflict. */
export function preconditionBlocker(snapshot: BindSnapshot, result: string): Blocker | undefined {
  const { question, settings } = snapshot;
  switch (result) {
    case "EPERM":
      return blocker(
        "device-not-found",
        `SO_BINDTODEVICE ${question.device ?? ""} was answered with EPERM: it needs CAP_NET_RAW`,
      );
    case "EACCES":
      return blocker(
        "privileged-port",
        settings.unprivilegedPortStart === undefined
          ? `port ${question.port} is privileged: binding it needs CAP_NET_BIND_SERVICE`
          : `ports below ${settings.unprivilegedPortStart} are privileged: binding ${question.port} needs CAP_NET_BIND_SERVICE`,
      );
    case "EADDRNOTAVAIL":
      return blocker("address-not-local", `no device of this machine has the address ${question.address}`);
    case "EINVAL":
      return blocker(
        "address-not-local",
        `${question.address} needs its device: a link-local address is bound as ${question.address}%DEVICE`,
      );
    case "ENODEV":
      return blocker("device-not-found", `there is no device ${question.device ?? question.address} here`);
    case "EAFNOSUPPORT":
      return blocker(
        "address-family",
        `this kernel does not speak the family of ${question.address} (IPv6 is switched off)`,
      );
    default:
      return undefined;
  }
}

function blocker(rule: Blocker["rule"], text: string): Blocker {
  return { rule, count: 1, text };
}
