/**
 * May sockets be destroyed here? Found out on a listener of our own, on a free port of some address of 127.0.0.0/8: with the cookie of
 * exactly that socket, the request can touch no other (docs/kernel/sock-destroy.md).
 */
import { errnoName } from "../../base/errno.ts";
import { SOCK_DESTROY, encodeDiagRequest } from "../../wire/inet-diag.ts";
import {
  LITTLE_ENDIAN,
  NLMSG_ERROR,
  NLM_F_ACK,
  NLM_F_REQUEST,
  decodeErrno,
  encodeMessage,
} from "../../wire/netlink.ts";
import { formatIpv4Bytes } from "../../tcp/ip-address.ts";
import { encodeSockaddr } from "../../wire/sockaddr.ts";
import type { Probed } from "../host.ts";
import {
  AF_INET,
  EPROTO,
  IPPROTO_IP,
  IP_FREEBIND,
  SOCK_CLOEXEC,
  SOCK_STREAM,
  SOL_SOCKET,
  SO_COOKIE,
} from "./constants.ts";
import type { Libc } from "./libc.ts";
import { belongsToOthers } from "./namespace-owner.ts";
import { NetlinkSocket } from "./netlink-socket.ts";

export interface DestroyProbe {
  readonly sockDestroy: Probed;
  readonly netAdmin: Probed;
}

/** How far it came: the listener could not be made, the request was not taken, or it was answered. */
interface Tried {
  readonly at: "listener" | "send" | "answer";
  /** Or "ok". */
  readonly errno: string;
}

export function probeDestroy(libc: Libc): DestroyProbe {
  const tried = destroyOwnListener(libc);
  if (tried.errno === "ok") return { sockDestroy: { answer: "yes" }, netAdmin: { answer: "yes" } };
  const text = TEXT[tried.at](tried.errno);
  if (tried.at === "answer" && tried.errno === "EPERM") {
    const others = belongsToOthers(libc);
    const whose = others ? ", which belongs to another user namespace than this user's" : "";
    const outside = others ? ({ outside: true } as const) : {};
    return {
      sockDestroy: { ...no("right", `needs CAP_NET_ADMIN in this network namespace${whose}`), ...outside },
      netAdmin: { ...no("right", text), ...outside },
    };
  }
  const netAdmin: Probed = { answer: "unknown", why: text };
  if (tried.at === "send" && (tried.errno === "EPERM" || tried.errno === "EACCES")) {
    const who = "a seccomp filter or a security module";
    return {
      sockDestroy: no("right", `is refused by ${who}, before the kernel looks at it (${tried.errno})`),
      netAdmin,
    };
  }
  if (tried.at === "answer" && tried.errno === "EOPNOTSUPP")
    return { sockDestroy: no("kernel", "this kernel is built without CONFIG_INET_DIAG_DESTROY"), netAdmin };
  // EINVAL: a kernel before 4.5 (sock_diag_rcv_msg). ENOENT, of a listener that is there: nobody serves such requests.
  if (tried.at !== "listener" && UNSERVED.has(tried.errno))
    return { sockDestroy: no("kernel", `no socket can be destroyed here: ${text}`), netAdmin };
  return { sockDestroy: { answer: "unknown", why: text }, netAdmin };
}

const UNSERVED = new Set(["EINVAL", "ENOENT", "ENOSYS", "EOPNOTSUPP"]);

const TEXT: Record<Tried["at"], (errno: string) => string> = {
  listener: (errno) => `a listener to try SOCK_DESTROY on could not be made (${errno})`,
  send: (errno) => `the request for SOCK_DESTROY could not be sent (${errno})`,
  answer: (errno) => `SOCK_DESTROY of an own socket was answered with ${errno}`,
};

function no(lacks: "right" | "kernel", why: string): Extract<Probed, { readonly answer: "no" }> {
  return { answer: "no", lacks, why };
}

const ON = new Uint8Array(new Uint32Array([1]).buffer);

/**
 * 127.0.0.1 is where ports have run out when connections are to be dropped: to look for a free one there would take the kernel 24 ms among
 * a hundred thousand TIME-WAITs, and be in vain.
 */
function someLoopbackAddress(): Uint8Array {
  const part = (): number => 1 + Math.floor(Math.random() * 254);
  return new Uint8Array([127, part(), part(), part()]);
}

function destroyOwnListener(libc: Libc): Tried {
  const address = someLoopbackAddress();
  const failed = (result: number): Tried => ({ at: "listener", errno: errnoName(-result) });
  const fd = libc.socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return failed(fd);
  try {
    // Nobody minds on which address it was tried; and with it the bind works where `lo` is down.
    libc.setsockopt(fd, IPPROTO_IP, IP_FREEBIND, ON, ON.length);
    const loopback = encodeSockaddr(formatIpv4Bytes(address), 0)!;
    const bound = libc.bind(fd, loopback, loopback.length);
    if (bound < 0) return failed(bound);
    const listening = libc.listen(fd, 1);
    if (listening < 0) return failed(listening);
    const name = new Uint8Array(16);
    const cookie = new Uint8Array(8);
    const named = libc.getsockname(fd, name, new Uint32Array([name.length]));
    if (named < 0) return failed(named);
    const told = libc.getsockopt(fd, SOL_SOCKET, SO_COOKIE, cookie, new Uint32Array([8]));
    if (told < 0) return failed(told);
    return sendDestroy(
      libc,
      address,
      new DataView(name.buffer).getUint16(2, false),
      new DataView(cookie.buffer).getBigUint64(0, LITTLE_ENDIAN),
    );
  } finally {
    libc.close(fd);
  }
}

function sendDestroy(libc: Libc, address: Uint8Array, localPort: number, cookie: bigint): Tried {
  const socket = NetlinkSocket.open(libc);
  if ("errno" in socket) return { at: "send", errno: socket.errno };
  try {
    const local = new Uint8Array(16);
    local.set(address);
    const identity = { local, remote: new Uint8Array(16), interfaceIndex: 0, cookie };
    const body = encodeDiagRequest({ family: "ipv4", protocol: "tcp", kernelStates: 0, localPort, identity });
    const sent = socket.send(
      encodeMessage({ type: SOCK_DESTROY, flags: NLM_F_REQUEST | NLM_F_ACK, sequence: socket.nextSequence() }, body),
    );
    if (sent < 0) return { at: "send", errno: errnoName(-sent) };
    const buffer = new Uint8Array(4096);
    const length = socket.receive(buffer);
    if (length < 0) return { at: "answer", errno: errnoName(-length) };
    const view = new DataView(buffer.buffer);
    const known = length >= 20 && view.getUint16(4, LITTLE_ENDIAN) === NLMSG_ERROR;
    const errno = known ? (decodeErrno(view, 0, length) ?? EPROTO) : EPROTO;
    return { at: "answer", errno: errno === 0 ? "ok" : errnoName(errno) };
  } finally {
    socket.close();
  }
}
