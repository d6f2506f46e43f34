/** Which machine is asked: the caller's host, or this one; and in which network namespace. */
import { PortmortemError } from "../base/errors.ts";
import type { Host, NetnsRef } from "../host/host.ts";
import { createLinuxHost } from "../host/linux/linux-host.ts";

/** A name of `ip netns`, a path, or a pid (as a number, or as text of digits only). */
export type NetnsOption = string | number;

export interface HostOptions {
  /** Default: this machine. */
  readonly host?: Host;
  /** Look at, and act in, another network namespace. Needs CAP_SYS_ADMIN; a pid's can be looked at without. */
  readonly netns?: NetnsOption;
}

/** Throws PM_PLATFORM on anything but Linux, PM_NETNS_NOT_FOUND, PM_NETNS_FORBIDDEN. */
export function hostFor(options: HostOptions): Host {
  const host = options.host ?? thisMachine();
  return options.netns === undefined ? host : host.enter(netnsRef(options.netns));
}

function thisMachine(): Host {
  if (process.platform !== "linux") {
    throw new PortmortemError("PM_PLATFORM", `portmortem reads the sockets of Linux; this is ${process.platform}`, {
      hint: "a recording made on Linux can be read anywhere: --replay FILE",
    });
  }
  return createLinuxHost();
}

function netnsRef(option: NetnsOption): NetnsRef {
  if (typeof option === "number") return { pid: option };
  if (/^\d+$/.test(option)) return { pid: Number(option) };
  return option.includes("/") ? { path: option } : { name: option };
}

/** What a user writes before a command that shall run in that namespace. */
export function enterCommand(option: NetnsOption): string {
  const ref = netnsRef(option);
  if ("name" in ref) return `ip netns exec ${ref.name}`;
  return `nsenter --net=${"pid" in ref ? `/proc/${ref.pid}/ns/net` : ref.path}`;
}
