/**
 * Where kernels differ from the table of docs/kernel/bind.md, by their release. Pure. A release tells the version, not what a distribution
 * has put into it: where a fix may or may not be there, the answer of the rules is "unknown", and a real bind decides.
 */
import type { Protocol } from "../tcp/socket.ts";
import type { AddressClass } from "./address-class.ts";

export interface KernelQuirks {
  /** The table holds as it is: nobody needs to be asked for his trust. */
  readonly certain: boolean;
  /** Can the table be trusted for this pair of addresses? */
  readonly trust: (N: AddressClass, O: AddressClass) => boolean;
  /** 6.1 moved the table of ports to a second one by address, and early releases forgot TIME-WAIT there (fixed by 936a192f9740). */
  readonly forgetsTimeWait: boolean;
  /** IPv4 addresses are compared with the IPv4 part of IPv6 sockets, 127.0.0.6 where they have none: UDP, and TCP before 6.1. */
  readonly comparesDummyIpv4: boolean;
}

interface Release {
  readonly major: number;
  readonly minor: number;
  readonly patch: number;
}

/** Without a release, or with one that cannot be read: as a new kernel. */
export function quirksOf(kernelRelease: string, protocol: Protocol): KernelQuirks {
  const release = readRelease(kernelRelease);
  if (protocol === "udp" || release === undefined) return protocol === "udp" ? UDP : CURRENT;
  const { major, minor, patch } = release;
  if (major > 6 || (major === 6 && minor >= 9)) return CURRENT;
  if (major < 6 || minor < 1) return ONE_TABLE;
  return {
    certain: false,
    forgetsTimeWait: minor === 1 && patch < 10,
    comparesDummyIpv4: false,
    trust: (N, O) =>
      !(minor < 3 && !(minor === 1 && patch >= 25) && isDualStackPair(N, O)) &&
      !(minor <= 6 && (isMapped(N) || isMapped(O))) &&
      !(isV6onlyWildcard(N) && O.kind === "ipv4") &&
      !(isV6onlyWildcard(O) && N.kind === "ipv4"),
  };
}

/** The table as it is. */
export const CURRENT: KernelQuirks = {
  certain: true,
  trust: () => true,
  forgetsTimeWait: false,
  comparesDummyIpv4: false,
};
const UDP: KernelQuirks = { ...CURRENT, comparesDummyIpv4: true };
const ONE_TABLE: KernelQuirks = UDP;

/** Debian 12 calls each of its 6.1 kernels 6.1.0, and was released with 6.1.27 as 6.1.0-9. */
const DEBIAN_12 = 9;

function readRelease(text: string): Release | undefined {
  const match = /^(\d+)\.(\d+)(?:\.(\d+))?(?:-(\d+)-)?/.exec(text);
  if (match === null) return undefined;
  const [major, minor, patch] = [Number(match[1]), Number(match[2]), Number(match[3] ?? 0)];
  const debian = major === 6 && minor === 1 && patch === 0 && Number(match[4] ?? 0) >= DEBIAN_12;
  return { major, minor, patch: debian ? 27 : patch };
}

/** d9ba99342855: of two wildcards, one dual-stack, the second could be bound beside the first. */
function isDualStackPair(N: AddressClass, O: AddressClass): boolean {
  const wild = (one: AddressClass): boolean => one.kind === "any6" || one.kind === "any4";
  return wild(N) && wild(O) && (N.kind !== O.kind || N.kind === "any6");
}

/** c48ef9c4aed3, aa99e5f87bd5: IPv4 in IPv6's clothes. */
function isMapped(one: AddressClass): boolean {
  return (one.kind === "ipv4" || one.kind === "any4") && one.mapped;
}

/** d91ef1e1b55f: a V6ONLY wildcard and one IPv4 address. */
function isV6onlyWildcard(one: AddressClass): boolean {
  return one.kind === "any6" && one.v6only !== false;
}
