// Random sockets, holders of a port and snapshots, from pools small enough that they meet each other.
import fc from "fast-check";
import type {
  BindQuestion,
  BindSettings,
  BindSnapshot,
  ElsewhereListener,
  PortHolder,
} from "../../src/tcp/bind-snapshot.ts";
import type { Endpoint, Incomplete, Owner, Protocol, Queues, Socket, SocketTimer } from "../../src/tcp/socket.ts";
import { STATES } from "../../src/tcp/states.ts";

export const PORT = 8080;
export const ADDRESSES = [
  "0.0.0.0",
  "127.0.0.1",
  "10.0.0.1",
  "::",
  "::1",
  "fd00::1",
  "::ffff:0.0.0.0",
  "::ffff:127.0.0.1",
] as const;
const DEVICES = ["lo", "eth0"] as const;

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

/** Without the keys whose value is undefined: the kernel's answers leave out what they do not tell. */
export function dense<T extends object>(value: Optional<T>): T {
  return Object.fromEntries(Object.entries(value).filter(([, one]) => one !== undefined)) as T;
}

export function maybe<T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> {
  return fc.option(arbitrary, { nil: undefined });
}

/** Ordinary objects, as JSON makes them. */
function record<T>(model: { readonly [K in keyof T]: fc.Arbitrary<T[K]> }): fc.Arbitrary<T> {
  return fc.record(model, { noNullPrototype: true }) as fc.Arbitrary<T>;
}

const state = fc.constantFrom(...STATES.map(({ name }) => name));
const uid = fc.constantFrom(0, 1000, 33);
const endpoint: fc.Arbitrary<Endpoint> = record({
  address: fc.constantFrom("10.9.9.9", "127.0.0.1", "fd00::9"),
  port: fc.constantFrom(443, PORT, 40_001),
});
const timer: fc.Arbitrary<SocketTimer> = record({
  kind: fc.constantFrom("retransmit", "keepalive", "time-wait", "zero-window-probe", "delayed-ack"),
  remainingMs: fc.nat(120_000),
  retransmits: fc.nat(15),
});
const queues: fc.Arbitrary<Queues> = fc.oneof(
  record({ receiveBytes: fc.nat(), sendBytes: fc.nat() }),
  record({ accepting: fc.nat(511) }),
  record({ accepting: fc.nat(511), backlog: fc.nat(4096) }),
);
/** Names as hostile as they come. */
export const hostileText = fc.string({ unit: "binary", maxLength: 30 });

const owner: fc.Arbitrary<Owner> = record({
  pid: fc.integer({ min: 1, max: 9 }),
  fd: fc.nat(30),
  command: fc.oneof(fc.constantFrom("node", "nginx", "docker-proxy"), hostileText),
  args: maybe(fc.array(hostileText, { maxLength: 4 })),
  user: maybe(hostileText),
  uid: maybe(uid),
  startedAt: maybe(fc.constant("2025-01-01T12:00:00.000Z")),
  state: maybe(fc.constantFrom("S", "R", "T", "Z")),
  unit: maybe(fc.constantFrom("api.service", "session-1.scope")),
  container: maybe(
    record({
      runtime: fc.constantFrom("docker", "podman", "containerd", "cri-o"),
      id: fc.constant("c".repeat(64)),
      name: maybe(hostileText),
    }).map((one) => dense<NonNullable<Owner["container"]>>(one)),
  ),
}).map((one) => dense<Owner>(one));

/** Keys in the order in which the kernel's answer is decoded. */
export function randomSocket(local: { protocol?: Protocol; port?: number } = {}): fc.Arbitrary<Socket> {
  return record({
    protocol: local.protocol === undefined ? fc.constantFrom("tcp", "udp") : fc.constant(local.protocol),
    state,
    address: fc.constantFrom(...ADDRESSES),
    port: local.port === undefined ? fc.integer({ min: 1, max: 65_535 }) : fc.constant(local.port),
    device: maybe(fc.constantFrom(...DEVICES)),
    remote: maybe(endpoint),
    queues: maybe(queues),
    timer: maybe(timer),
    uid: maybe(uid),
    inode: maybe(fc.integer({ min: 1, max: 99_999 })),
    cookie: maybe(fc.integer({ min: 1, max: 0xffff }).map((one) => `0x${one.toString(16).padStart(16, "0")}`)),
    netns: maybe(fc.constant(4_026_531_840)),
    v6only: maybe(fc.boolean()),
    cgroupId: maybe(fc.integer({ min: 1, max: 9999 })),
    owners: maybe(fc.array(owner, { maxLength: 5 })),
    ownerless: maybe(
      fc.constantFrom("kernel", "unaccepted", "no-permission", "other-namespace", "in-flight", "unknown"),
    ),
  }).map(({ protocol, address, port, device, ...rest }) =>
    dense<Socket>({
      protocol,
      family: address.includes(":") ? "ipv6" : "ipv4",
      state: protocol === "tcp" ? rest.state : rest.remote === undefined ? "BOUND" : "ESTABLISHED",
      local: { address, port, ...(device === undefined ? {} : { interface: device }) },
      remote: rest.remote,
      queues: rest.queues,
      timer: rest.timer,
      uid: rest.uid,
      inode: rest.inode,
      cookie: rest.cookie,
      netns: rest.netns,
      v6only: rest.v6only,
      cgroupId: rest.cgroupId,
      owners: rest.owners,
      ownerless: rest.ownerless,
    }),
  );
}

export function randomQuestion(protocol: Protocol): fc.Arbitrary<BindQuestion> {
  return record({
    protocol: fc.constant(protocol),
    address: fc.constantFrom(...ADDRESSES),
    port: fc.constant(PORT),
    v6only: fc.boolean(),
    reuseAddr: fc.boolean(),
    reusePort: fc.boolean(),
    uid: maybe(uid),
    device: maybe(fc.constantFrom(...DEVICES)),
  }).map((one) => dense<BindQuestion>(one));
}

export function randomHolder(protocol: Protocol): fc.Arbitrary<PortHolder> {
  return record({
    socket: randomSocket({ protocol, port: PORT }),
    reuseAddr: maybe(fc.boolean()),
    reusePort: maybe(fc.boolean()),
  }).map((one) => dense<PortHolder>(one));
}

const settings: fc.Arbitrary<BindSettings> = record({
  kernelRelease: fc.constantFrom("5.10.0", "6.1.0", "6.12.0", "none"),
  unprivilegedPortStart: maybe(fc.constantFrom(0, 1024, 9000)),
  nonlocalBind: maybe(fc.boolean()),
  localPortRange: maybe(fc.constantFrom({ first: 32_768, last: 60_999 }, { first: 1024, last: 65_535 })),
  reservedPorts: maybe(fc.constantFrom("", "8080", "9000-9100", "not,a,list")),
  localAddresses: fc.subarray(["127.0.0.1", "10.0.0.1", "::1"]),
  interfaces: fc.subarray([...DEVICES]),
  mayBindPrivileged: maybe(fc.boolean()),
  kernelDestroys: maybe(fc.boolean()),
  rootPrefix: fc.constantFrom("", "sudo ", "sudo ip netns exec web "),
  asker: fc.constantFrom({ uid: 0 }, { uid: 1000 }, { uid: 1000, netAdmin: true, netns: "a 'b'" }),
}).map((one) => dense<BindSettings>(one));

const elsewhere: fc.Arbitrary<ElsewhereListener> = record({
  socket: randomSocket({ protocol: "tcp", port: PORT }),
  netns: fc.constant(4_026_532_000),
  names: fc.array(hostileText, { maxLength: 2 }),
  pid: maybe(fc.constant(77)),
}).map((one) => dense<ElsewhereListener>(one));

const incomplete: fc.Arbitrary<Incomplete> = record({
  what: hostileText,
  why: hostileText,
  hint: maybe(hostileText),
}).map((one) => dense<Incomplete>(one));

const RESULTS = ["ok", "EADDRINUSE", "EACCES", "EADDRNOTAVAIL", "EINVAL", "ENODEV", "EPERM", "EAFNOSUPPORT", "EMFILE"];

/** With or without real binds, whose results are any. */
export const randomSnapshot: fc.Arbitrary<BindSnapshot> = fc.constantFrom<Protocol>("tcp", "udp").chain((protocol) =>
  record({
    question: randomQuestion(protocol),
    results: maybe(fc.tuple(fc.constantFrom(...RESULTS), fc.constantFrom(...RESULTS))),
    holders: fc.array(randomHolder(protocol), { maxLength: 6 }),
    connectedTo: fc.array(
      record({ socket: randomSocket({ protocol, port: 50_000 }), count: fc.integer({ min: 1, max: 9 }) }),
      {
        maxLength: 2,
      },
    ),
    elsewhere: fc.array(elsewhere, { maxLength: 2 }),
    settings,
    incomplete: fc.array(incomplete, { maxLength: 2 }),
  }).map(({ results, ...rest }) => {
    const { reuseAddr, reusePort } = rest.question;
    const options = [
      { reuseAddr, reusePort },
      { reuseAddr: !reuseAddr, reusePort },
    ];
    const probed = options.flatMap((one, index) =>
      results === undefined ? [] : [{ ...one, result: results[index]!, by: "probe" as const }],
    );
    return { ...rest, probed };
  }),
);
