// A table of constants: Linux errno numbers that sockets, netlink and procfs answer with (asm-generic/errno*.h; the same on
// x86, arm, riscv, ppc and loong).
const NAMES: Record<number, string> = {
  1: "EPERM", 2: "ENOENT", 3: "ESRCH", 4: "EINTR", 5: "EIO", 9: "EBADF", 11: "EAGAIN", 12: "ENOMEM", 13: "EACCES",
  14: "EFAULT", 16: "EBUSY", 17: "EEXIST", 19: "ENODEV", 20: "ENOTDIR", 22: "EINVAL", 23: "ENFILE", 24: "EMFILE",
  25: "ENOTTY", 30: "EROFS", 32: "EPIPE", 38: "ENOSYS", 71: "EPROTO", 75: "EOVERFLOW", 88: "ENOTSOCK", 89: "EDESTADDRREQ",
  90: "EMSGSIZE", 91: "EPROTOTYPE", 92: "ENOPROTOOPT", 93: "EPROTONOSUPPORT", 94: "ESOCKTNOSUPPORT", 95: "EOPNOTSUPP",
  97: "EAFNOSUPPORT", 98: "EADDRINUSE", 99: "EADDRNOTAVAIL", 100: "ENETDOWN", 101: "ENETUNREACH", 103: "ECONNABORTED",
  104: "ECONNRESET", 105: "ENOBUFS", 106: "EISCONN", 107: "ENOTCONN", 110: "ETIMEDOUT", 111: "ECONNREFUSED",
  113: "EHOSTUNREACH", 114: "EALREADY", 115: "EINPROGRESS", 116: "ESTALE",
}; // prettier-ignore

/** "EADDRINUSE" for 98; "errno 4711" for a number that the table does not have. */
export function errnoName(errno: number): string {
  return NAMES[errno] ?? `errno ${errno}`;
}
