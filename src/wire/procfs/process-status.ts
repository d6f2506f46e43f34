/** /proc/PID/status, proc_pid_status(5): the lines that we need. A line that is cut or missing is left out. */
export interface ProcessStatus {
  readonly realUid?: number;
  readonly effectiveUid?: number;
  /** The bits of the effective capability set (capabilities(7)). */
  readonly effectiveCapabilities?: bigint;
}

/** Its bit in the capability sets, include/uapi/linux/capability.h. */
export const CAP_NET_ADMIN = 12;
export const CAP_SYS_PTRACE = 19;

export function parseProcessStatus(text: string): ProcessStatus {
  const uids = /^Uid:\t(\d{1,10})\t(\d{1,10})\t/m.exec(text);
  const capabilities = /^CapEff:\t([0-9a-f]{16})$/m.exec(text);
  return {
    ...(uids === null ? {} : { realUid: Number(uids[1]), effectiveUid: Number(uids[2]) }),
    ...(capabilities === null ? {} : { effectiveCapabilities: BigInt(`0x${capabilities[1]}`) }),
  };
}

export function hasCapability(status: ProcessStatus, bit: number): boolean | undefined {
  if (status.effectiveCapabilities === undefined) return undefined;
  return ((status.effectiveCapabilities >> BigInt(bit)) & 1n) === 1n;
}
