/** Kernel settings, devices and rights that bear on a bind; the dear ones are read only where the answer needs them. */
import type { Host } from "../host/host.ts";
import type { BindQuestion, BindSettings } from "../tcp/bind-snapshot.ts";
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
  const nonlocal = host.sysctl(
    question.address.includes(":") ? "net.ipv6.ip_nonlocal_bind" : "net.ipv4.ip_nonlocal_bind",
  );
  const privileged = mayBindPrivileged(host, question);
  const destroys = needs.mayDestroy ? kernelDestroys(host) : undefined;
  return {
    kernelRelease: system.kernelRelease,
    ...(start === undefined ? {} : { unprivilegedPortStart: start }),
    ...(nonlocal === undefined ? {} : { nonlocalBind: nonlocal === "1" }),
    ...(range === undefined ? {} : { localPortRange: range }),
    ...(reserved === undefined ? {} : { reservedPorts: reserved }),
    localAddresses: needs.blocked ? host.localAddresses().map(({ address }) => address) : [],
    interfaces: question.device === undefined ? [] : host.interfaces().map(({ name }) => name),
    ...(privileged === undefined ? {} : { mayBindPrivileged: privileged }),
    ...(destroys === undefined ? {} : { kernelDestroys: destroys }),
    rootPrefix: rootPrefixOf(system.uid, needs.enterCommand),
    ...(needs.netns === undefined ? {} : { netns: needs.netns }),
  };
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
