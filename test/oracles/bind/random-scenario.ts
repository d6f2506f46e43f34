/** A scenario from a number: the same number gives the same one. Pools are small, so that owners meet; what is rare alone comes in themes. */
import type { Protocol } from "../../../src/tcp/socket.ts";
import { DEVICES, NOBODY, OWN4, OWN6, ROOT } from "./scenario.ts";
import { Dice } from "../dice.ts";
import type { Ending, OwnerPlan, Role, Scenario } from "./scenario.ts";

export interface Means {
  /** This program can be another user. */
  readonly users: boolean;
  /** There is a second device. */
  readonly devices: boolean;
}

const ADDRESSES = ["::", "::", "0.0.0.0", "0.0.0.0", ...OWN4, ...OWN6, "::ffff:127.0.0.1", "::ffff:0.0.0.0"] as const;
/** Not local, of another kind, or odd. */
const ODD_ADDRESSES = [
  "10.99.0.1",
  "fd99::1",
  "::ffff:10.99.0.1",
  "10.77.0.255",
  "127.0.0.6",
  "127.9.9.9",
  "224.0.0.5",
  "ff05::5",
  "ff01::1",
  "fe80::1",
  "255.255.255.255",
] as const;

const SERVER_ENDINGS: readonly Ending[] = [
  "open",
  "open",
  "unaccepted",
  "time-wait",
  "time-wait",
  "close-wait",
  "fin-wait-2",
  "fin-wait-2-orphan",
  "fin-wait-1-orphan",
  "last-ack-orphan",
  "closing-orphan",
];
const CLIENT_ENDINGS: readonly Ending[] = [
  "syn-sent",
  "syn-sent",
  ...SERVER_ENDINGS.filter((one) => one !== "unaccepted"),
];
const TCP_ROLES: readonly Role[] = ["bound", "listening", "listening", "server", "server", "client", "auto-client"];
const UDP_ROLES: readonly Role[] = ["bound", "bound", "client", "auto-client"];

/** What is rare where all is tossed alone, and decides only together with something else. */
interface Theme {
  readonly protocols: readonly Protocol[];
  /** Left out: all of the protocol's. */
  readonly roles?: readonly Role[];
  /** Flags come in moods: where each were tossed alone, hardly any two would share. */
  readonly reuseAddr: readonly number[];
  /** Of the one who asks; left out: as the owners. */
  readonly asksReuseAddr?: number;
  readonly reusePort: readonly number[];
  readonly counts: readonly number[];
  /** Chances. */
  readonly crowd: number;
  readonly devices: number;
  readonly odd: number;
  readonly oddities: readonly string[];
  readonly privileged: number;
  readonly nonlocal: number;
  readonly addresses: readonly string[];
}

const ALL: Theme = {
  protocols: ["tcp", "tcp", "tcp", "udp"],
  reuseAddr: [0.1, 0.5, 0.9],
  reusePort: [0, 0, 0.5, 0.9],
  counts: [0, 1, 1, 1, 2, 2, 3, 4],
  crowd: 0.05,
  devices: 0.3,
  odd: 0.05,
  oddities: ODD_ADDRESSES,
  privileged: 0.04,
  nonlocal: 0.04,
  addresses: ADDRESSES,
};
/** Who shares by SO_REUSEPORT, and who gets past whom by what the kernel remembers of it: by SO_REUSEADDR, and by another device. */
const SHARING: Theme = {
  ...ALL,
  protocols: ["tcp"],
  roles: ["bound", "bound", "bound", "listening", "server", "client"],
  reuseAddr: [0.3, 0.6],
  asksReuseAddr: 0.1,
  reusePort: [0.6],
  counts: [1, 2, 2, 3, 3],
  devices: 0,
  odd: 0,
  addresses: ["0.0.0.0", "::", "::", "127.0.0.1", "127.0.0.1"],
};
const APART: Theme = {
  ...SHARING,
  roles: ["bound", "listening"],
  reuseAddr: [0.1],
  counts: [2, 3],
  devices: 1,
  addresses: ["0.0.0.0", "127.0.0.1"],
};
/** What is looked at before the port. */
const BEFORE: Theme = { ...ALL, counts: [0, 1], odd: 0.8, privileged: 0.4, nonlocal: 0.3, devices: 0.5 };
/** Connections that are over, of others and of one's own. */
const OVER: Theme = { ...SHARING, roles: ["server", "client"], reusePort: [0.9], counts: [1, 1, 2] };
/** Which of UDP's sockets decides. */
const ORDER: Theme = {
  ...ALL,
  protocols: ["udp"],
  reuseAddr: [0.5, 0.9],
  asksReuseAddr: 0.1,
  reusePort: [0.8],
  counts: [2, 3, 4],
  crowd: 0,
  addresses: [...OWN4, ...OWN4, "0.0.0.0", "::", "::1"],
};
/** …and where there are more of them than it looks at one by one. */
const CROWD: Theme = {
  ...ORDER,
  reuseAddr: [0.95],
  reusePort: [0.5],
  crowd: 1,
  addresses: ["127.0.0.1", "127.0.0.1", "127.0.0.2", "0.0.0.0"],
};
/** IPv4 against IPv6 connections that are not V6ONLY: LOOPBACK4_IPV6, and the wildcards. */
const CLOTHES: Theme = {
  ...ALL,
  protocols: ["tcp", "udp"],
  reuseAddr: [0.1],
  reusePort: [0],
  roles: ["auto-client", "auto-client", "client"],
  counts: [1, 1, 2],
  devices: 0.1,
  odd: 1,
  oddities: ["127.0.0.6", "127.0.0.6", "127.0.0.6", "0.0.0.0", "::ffff:0.0.0.0", "::ffff:127.0.0.6"],
  addresses: ["::1", "::1", "::", "fd77::1"],
};
const RARE = [SHARING, SHARING, APART, OVER, BEFORE, ORDER, CROWD, CLOTHES, CLOTHES] as const;
const THEMES: readonly Theme[] = [...RARE.map(() => ALL), ...RARE];

export function randomScenario(seed: number, means: Means): Scenario {
  const dice = new Dice(seed);
  const theme = dice.pick(THEMES);
  const protocol = dice.pick(theme.protocols);
  const mood = { reuseAddr: dice.pick(theme.reuseAddr), reusePort: dice.pick(theme.reusePort) };
  const users = means.users ? [ROOT, ROOT, NOBODY] : [ROOT];
  const crowd = protocol === "udp" && dice.chance(theme.crowd) ? 14 : 0;
  const count = crowd + dice.pick(theme.counts);
  const devices: readonly (string | undefined)[] =
    means.devices && dice.chance(theme.devices) ? [undefined, ...DEVICES] : [undefined];
  const { addresses, roles = protocol === "tcp" ? TCP_ROLES : UDP_ROLES } = theme;
  const owners = Array.from({ length: count }, () =>
    randomOwner(dice, { protocol, roles, mood, users, devices, addresses }),
  );
  const address = dice.pick(dice.chance(theme.odd) ? theme.oddities : addresses);
  const device = dice.pick(devices);
  return {
    seed,
    protocol,
    privilegedPort: dice.chance(theme.privileged),
    nonlocal: dice.chance(theme.nonlocal),
    lateBetween: dice.chance(0.5),
    owners,
    question: {
      protocol,
      address,
      v6only: address.includes(":") && dice.chance(0.25),
      reuseAddr: dice.chance(theme.asksReuseAddr ?? mood.reuseAddr),
      reusePort: dice.chance(mood.reusePort),
      uid: dice.pick(users),
      ...(device === undefined ? {} : { device }),
    },
  };
}

interface Setting {
  readonly protocol: Protocol;
  readonly roles: readonly Role[];
  readonly addresses: readonly string[];
  readonly mood: { readonly reuseAddr: number; readonly reusePort: number };
  readonly users: readonly number[];
  readonly devices: readonly (string | undefined)[];
}

function randomOwner(dice: Dice, { protocol, roles, mood, users, devices, addresses }: Setting): OwnerPlan {
  const role = dice.pick(roles);
  const address = dice.pick(addresses);
  const device = dice.pick(devices);
  const v6only = address.includes(":") && dice.chance(0.2);
  return {
    role,
    address,
    v6only,
    reuseAddr: dice.chance(mood.reuseAddr),
    reusePort: dice.chance(mood.reusePort),
    uid: dice.pick(users),
    ...(device === undefined ? {} : { device }),
    target: targetOf(dice, address, v6only, role),
    ending:
      protocol === "udp"
        ? dice.pick(["open", "open", "disconnected"])
        : dice.pick(role === "server" ? SERVER_ENDINGS : CLIENT_ENDINGS),
    late: dice.chance(0.3),
    listenerGone: dice.chance(0.4),
    acceptedBy: dice.pick(users),
  };
}

/** An address that a socket bound to `address` can be reached by, or can reach. */
function targetOf(dice: Dice, address: string, v6only: boolean, role: Role): string {
  const plain = address.replace("::ffff:", "");
  if (address === "::" && role !== "server") return dice.pick(v6only ? OWN6 : [...OWN4, ...OWN6]);
  if (address === "::") return dice.pick(v6only ? OWN6 : [...OWN4, ...OWN6]);
  if (plain === "0.0.0.0") return dice.pick(OWN4);
  if (role === "server") return plain;
  return dice.pick(plain.includes(":") ? OWN6 : OWN4);
}
