/** What the error codes of base/errors.ts mean, and what to do. docs/errors.md is made of this. */
import type { ErrorCode } from "../base/errors.ts";

export interface ErrorText {
  readonly title: string;
  /** Sentences; `words` in backticks, [links](of.md) as docs/errors.md has them. */
  readonly text: string;
}

export const ERROR_TEXTS: Readonly<Record<ErrorCode, ErrorText>> = {
  PM_USAGE: {
    title: "the command line does not fit together",
    text: "An unknown command or option, a missing or superfluous argument, or options that do not go together. The hint names the near word, or where the options are listed.",
  },
  PM_BAD_PORT: {
    title: "that is no port",
    text: "The port is missing, not a number, not from 1 to 65535, or starts with a zero (C libraries read that as octal). Write `49200`, or an address and a port: `127.0.0.1:49200`, `[::1]:49200`.",
  },
  PM_BAD_ADDRESS: {
    title: "that is no address",
    text: "The address before the port is none, or brackets are missing or in the wrong place. Names are not looked up, except `localhost`, which is 127.0.0.1. Write the numeric address.",
  },
  PM_AMBIGUOUS_ADDRESS: {
    title: "an address that can be read in two ways",
    text: "More than one colon and no brackets: `::1:80` can be port 80 of `::1`, or all of it an address. The hint has both readings. Write `[::1]:80`.",
  },
  PM_BAD_FILTER: {
    title: "the filter cannot be read",
    text: "The filter of `ls` or `drop` cannot be read. A caret stands under the place. The language is in [cli.md](cli.md#the-filter).",
  },
  PM_UNKNOWN_HOST: {
    title: "the name has no address",
    text: "The name of `--connect`, or of the `host` of connect(), has no address, or none of the family that `--from` or `localAddress` asks for. `errno` is the resolver's word, `ENOTFOUND` for a name that does not exist. An address works without a resolver.",
  },
  PM_NAME_LOOKUP: {
    title: "the name could not be looked up now",
    text: "The name of `--connect`, or of the `host` of connect(), may well exist, but the resolver gave no answer: `errno` is its word, mostly `EAI_AGAIN`, a name server that does not answer. Try it again, or give the address, which works without a resolver.",
  },
  PM_UNKNOWN_WORD: {
    title: "explain has no page of that name",
    text: "`explain` knows no page of this name, and the hint has the near one. Without a word it lists them all.",
  },
  PM_UNKNOWN_USER: {
    title: "there is no such user",
    text: "`--user` names nobody in the user database. Give a name of `/etc/passwd`, or a number.",
  },
  PM_UNKNOWN_DEVICE: {
    title: "there is no such network device",
    text: "`--device` names no network device of this network namespace. The hint lists those that there are.",
  },
  PM_NETNS_NOT_FOUND: {
    title: "there is no such network namespace",
    text: "`--netns` names no network namespace: no such name below `/run/netns` or `/run/docker/netns`, no such path, no such process, or a path that is something else. A process that ends meanwhile is this error as well. A container's namespace is given by the pid of a process in it.",
  },
  PM_NETNS_FORBIDDEN: {
    title: "the network namespace may not be entered",
    text: "The network namespace exists and may not be entered, or not even be looked at. Entering needs CAP_SYS_ADMIN: use sudo. Without the native part (koffi) none can be entered, whatever the rights.",
  },
  PM_NEEDS_NET_ADMIN: {
    title: "marks are shown with CAP_NET_ADMIN only",
    text: "A filter with `fwmark` needs CAP_NET_ADMIN: without it the kernel shows no marks, and every socket would seem to have none. Use sudo.",
  },
  PM_FILTER_TOO_WIDE: {
    title: "the filter rules nothing out",
    text: '`drop` without a filter, or with one that rules nothing out, would end every connection of the machine. Say which; `state connected` says "all" on purpose.',
  },
  PM_NO_CONNECTION: {
    title: "nothing that drop may end matches",
    text: "Only listeners or bound sockets match the filter of `drop`, and these it never touches: a listener that is destroyed leaves its program deaf, spinning and still in possession of the port. `portmortem why PORT` says whose it is and what to do.",
  },
  PM_NEEDS_CONSENT: {
    title: "somebody has to say yes",
    text: "`drop` would end connections that a program holds or that wait to be accepted, and there is no terminal on which to ask. Look at the plan with `--dry-run`, then say `--yes` (library: `yes: true`, or `confirm`).",
  },
  PM_REPLAY_READ_ONLY: {
    title: "a recording cannot be changed",
    text: "`drop` and `wait` with `--replay`: a recording shows what was, and nothing can be done to it.",
  },
  PM_REPLAY_UNREADABLE: {
    title: "the recording cannot be opened",
    text: "The file given to `--replay` cannot be opened or read, or is a device. `errno` says why.",
  },
  PM_REPLAY_INVALID: {
    title: "that is no recording",
    text: "The file given to `--replay` is not a recording of portmortem. Make one with `--record FILE`.",
  },
  PM_REPLAY_NEWER: {
    title: "the recording is of a later version",
    text: "The recording was made by a later version of portmortem, in a form that this one could misread. Use that version, or a later one.",
  },
  PM_REPLAY_MISSING: {
    title: "the recording does not hold the answer",
    text: "The recording does not hold the answer to what is asked now: it was made for another command, another port or another namespace. The hint says for which one.",
  },
  PM_RECORD_UNWRITABLE: {
    title: "the recording cannot be written",
    text: "The file given to `--record` cannot be created or written. `errno` says why. If it fails at the end, the command's answer has been printed before.",
  },
  PM_RUN_NAME_TAKEN: {
    title: "a run of that name is there",
    text: "`run --name NAME` while another run of that name lives: `--stop NAME` has to mean one. Take another name, or end the first; `portmortem run --list` shows it. Without `--name` a run is called after its command, with a number where that is taken.",
  },
  PM_RUN_RECORD: {
    title: "the record of a run cannot be kept",
    text: "`run` writes down what it started, for `--list` and `--stop`, and found no place for that: none of the folders can be made or written to, or one is not to be trusted, for it belongs to another user, is a link, or others may write to it. `PORTMORTEM_RUN_DIR` names another one; [run.md](run.md#where-the-records-are) says which are taken.",
  },
  PM_NO_SOCKET_SOURCE: {
    title: "this machine shows no sockets",
    text: "There is neither `sock_diag` nor a readable `/proc/net/tcp`: this machine shows no sockets. A sandbox or a missing `/proc` is the usual reason.",
  },
  PM_NO_SOCK_DIAG: {
    title: "connections cannot be told apart",
    text: "`drop` needs `sock_diag`: `/proc/net` shows no cookies, and without its cookie the request for a connection that has just ended would hit the listener of its port. A seccomp filter that refuses netlink has the same effect. The message says why `sock_diag` cannot be had, the hint what would bring it.",
  },
  PM_UNKNOWABLE_FILTER: {
    title: "the filter asks for what cannot be seen",
    text: "The filter asks for what cannot be seen: `dev`, `fwmark`, `cgroup` and `autobound` are not in `/proc/net`, which is all that this machine shows here. The message says why `sock_diag` cannot be had, the hint what would bring it. For `drop`, also a kernel that does not say which ports it chose itself.",
  },
  PM_PORT_TAKEN: {
    title: "the port is taken",
    text: "A program was to be started on this port, and somebody alive has it. The message names who, and by which rule; `portmortem why PORT` tells more. What belongs to nobody (TIME-WAIT and other remains) has been cleared already. `run --take`, or `portmortem free PORT`, ends who has it. Where the program binds one address only, name it, as in `--port 127.0.0.1:8080`: without one, all addresses are meant. In `listen()` of `portmortem/graceful`: EADDRINUSE for longer than `retryMs`; `blockers` has who holds the port, `blockersUnknown` why that could not be told.",
  },
  PM_CANNOT_KEEP: {
    title: "the program cannot be kept like this",
    text: "The kernel, a container or a policy refuses what this mode of `run` needs; the message names the step and the kernel's answer. Mode adopt needs seccomp's user notification (Linux 5.6 and later, x86_64 or arm64), and cannot be had twice for one program: EBUSY says that somebody keeps it already. `--mode auto` takes the next best, and says why.",
  },
  PM_CANNOT_RUN: {
    title: "the program cannot be run",
    text: "The file that was to be run is not there (ENOENT), may not be executed (EACCES), or is no program for this machine (ENOEXEC). A name without a slash is searched for in PATH. The command ends with status 127 for one that is not there, else 126, as a shell does.",
  },
  PM_NO_NATIVE: {
    title: "the native part is missing",
    text: "What was asked for needs calls that Node cannot make, and the native part (koffi) could not be loaded: entering a network namespace by name or path (`--netns`), ending connections (`drop`). Install it without `--omit=optional`; `PORTMORTEM_NO_FFI=1` switches it off. `ls` and `why` of this namespace, and of a pid's, go on without it and say what is missing.",
  },
  PM_PEER_LOST: {
    title: "the peer does not answer any more",
    text: "`guard()` of `portmortem/graceful` has ended a connection whose peer is gone without a word: a cut link, a machine without power, a forgotten NAT entry. It stands on the socket, where a heartbeat was not answered; or it is the `cause` of the kernel's own error (`errno`: mostly ETIMEDOUT), where keepalive or the user timeout found it. Connect again; what was not acknowledged may or may not have arrived.",
  },
  PM_PEER_IDLE: {
    title: "nothing came from the peer for idleTimeoutMs",
    text: "`guard()` of `portmortem/graceful` has ended a connection that was idle for longer than `idleTimeoutMs` allows. The peer may be healthy: `heartbeat` and `keepAlive` tell a dead one from a quiet one.",
  },
  PM_PLATFORM: {
    title: "this is not Linux",
    text: "portmortem reads the sockets of Linux, and this is another system. A recording made on Linux can be read anywhere: `--replay FILE`.",
  },
  PM_CONNECT_REFUSED: {
    title: "nobody listens there",
    text: "The peer answered connect() of `portmortem/graceful` with a reset (ECONNREFUSED): its address is right, and no socket listens on the port. A server that is about to start is waited for with `retries`. A connection of the socket to itself, which TCP allows where no server listens on a local port, is this error as well.",
  },
  PM_CONNECT_TIMEOUT: {
    title: "there was no answer in time",
    text: "connect() of `portmortem/graceful` had no connection within `timeoutMs`, the name, all addresses and TLS included (or the kernel gave up before: ETIMEDOUT). A packet filter that drops, a host that is down, or an accept queue that is full.",
  },
  PM_CONNECT_FAILED: {
    title: "the connection did not come about",
    text: "connect() of `portmortem/graceful` failed for another reason: `errno` is the kernel's word where it has one (such as ENETUNREACH, EHOSTUNREACH or ECONNRESET), `cause` the error of Node, as of a certificate that is not trusted.",
  },
  PM_NO_LOCAL_PORT: {
    title: "no local port is left for this peer",
    text: "connect() of `portmortem/graceful` found no local port that it may have. With `localPorts` the message counts them: in TIME-WAIT to this peer, with the time until the first is free, and in use otherwise. `errno` is EADDRINUSE if bind() refused the last one tried, EADDRNOTAVAIL if connect() did. Without `localPorts`, the whole of `ip_local_port_range` is taken for this peer, and `portmortem why --connect HOST:PORT` says by what. Remedies: keep connections for more than one request (`agent()`), let the peer close first (`closeLast()`), a wider range.",
  },
  PM_LOCAL_PORT_FORBIDDEN: {
    title: "the local port is a privileged one",
    text: "A local port below `net.ipv4.ip_unprivileged_port_start` (1024) was asked for and bind() said EACCES: it needs CAP_NET_BIND_SERVICE, or a lower `ip_unprivileged_port_start`.",
  },
  PM_LOCAL_ADDRESS: {
    title: "the local address is not this machine's",
    text: "bind() answered EADDRNOTAVAIL to `localAddress`: no device of this network namespace has this address.",
  },
  PM_SHADOWED: {
    title: "a listener of one address would come first",
    text: "`listen()` with `refuseShadowed`: a listener of one address gets what comes to it, and one of every address on the same port does not. `blockers` has them. End them, or listen on an address of your own.",
  },
  PM_LISTEN_REFUSED: {
    title: "the kernel refuses the listener, and waiting will not help",
    text: "`listen()` of `portmortem/graceful`: any other error than EADDRINUSE. `errno` has it, the hint what helps: a missing right (EACCES), an address that this machine has not (EADDRNOTAVAIL), a name without address (ENOTFOUND), IPv6 switched off (EAFNOSUPPORT).",
  },
  PM_NO_REUSEPORT: {
    title: "this Node cannot set SO_REUSEPORT",
    text: "`reusePort` needs Node 22.12, 23.1 or later; older ones ignore it without a word. `node:cluster` shares a port between processes in any version.",
  },
  PM_OUTPUT: {
    title: "the output cannot be written",
    text: "The output could not be written: a full disk, most often. A pipe whose reader has gone is no error; it ends the command quietly.",
  },
  PM_DEFECT: {
    title: "a defect of portmortem",
    text: "Something happened that must not. Please report it with the lines that are printed, and if you can with a recording: the same command with `--record FILE`.",
  },
};
