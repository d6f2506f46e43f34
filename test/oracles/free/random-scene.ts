/** A scene from a number: the same number gives the same one. */
import { Dice } from "../dice.ts";
import { ASIDE4, HERE4, NOBODY, ROOT } from "./scene.ts";
import type { Binding, Conduct, FreeScene, Half, Innocent, Left, Occupant, Shape } from "./scene.ts";
import { meets } from "./conflict.ts";

export interface Means {
  /** Processes can be another user's. */
  readonly users: boolean;
  /** There is a device to another namespace. */
  readonly devices: boolean;
}

const QUESTIONS: readonly (readonly [address: string, v6only: boolean])[] = [
  ["::", false],
  ["::", false],
  ["0.0.0.0", false],
  ["0.0.0.0", false],
  ["127.0.0.1", false],
  ["127.0.0.1", false],
  ["127.0.0.2", false],
  ["::", true],
  ["::1", true],
];
const ADDRESSES = ["::", "::", "0.0.0.0", "0.0.0.0", ...HERE4, "127.0.0.1", "::1"] as const;
const CONDUCTS: readonly Conduct[] = [
  "prompt",
  "prompt",
  "prompt",
  "deaf",
  "stopped",
  "slow",
  "drains",
  "drains",
  "forked",
  "shared",
  "heir",
  "parent",
];
const LEFT: readonly Left[] = [
  "time-wait",
  "time-wait",
  "time-wait",
  "fin-wait-2",
  "fin-wait-1",
  "last-ack",
  "closing",
];
const HALVES: readonly Half[] = ["open", "close-wait", "close-wait", "fin-wait-2"];
const SHAPES: readonly Shape[] = ["connection", "connection", "time-wait", "client", "fin-wait-1"];
const SERVER_KINDS = ["server", "server", "server", "bound"] as const;
const ANY_KIND = ["server", "server", "bound", "left", "left", "accepted", "client", "client"] as const;

interface Mood {
  readonly protocol: "tcp" | "udp";
  readonly reuseAddr: number;
  readonly reusePort: number;
  readonly devices: readonly (string | undefined)[];
  readonly users: readonly number[];
  readonly kinds: readonly Occupant["kind"][];
}

export function randomScene(seed: number, means: Means): FreeScene {
  const dice = new Dice(seed);
  const protocol = dice.chance(0.12) ? "udp" : "tcp";
  const [address, v6only] = dice.pick(QUESTIONS);
  const grouped = dice.chance(0.12);
  const mood: Mood = {
    protocol,
    reuseAddr: dice.pick([0.05, 0.4, 0.9]),
    reusePort: grouped ? 1 : 0.05,
    devices: means.devices && dice.chance(0.15) ? [undefined, "lo", "pm0"] : [undefined],
    users: means.users ? [ROOT, ROOT, NOBODY] : [ROOT],
    kinds: grouped ? SERVER_KINDS : dice.pick([ANY_KIND, ANY_KIND, SERVER_KINDS, ["left", "accepted", "client"]]),
  };
  // An address that the device does not have is refused for that, whoever has the port.
  const isAnywhere = address === "::" || address === "0.0.0.0";
  const device = dice.chance(0.3) ? dice.pick(isAnywhere ? mood.devices : [undefined]) : undefined;
  const question = {
    protocol,
    address,
    v6only,
    reuseAddr: dice.chance(0.5),
    reusePort: grouped ? dice.chance(0.3) : dice.chance(0.03),
    ...(device === undefined ? {} : { device }),
  } as const;
  // In a group all have one address and one user, as the kernel wants it.
  const together = dice.pick(ADDRESSES);
  const uid = dice.pick(mood.users);
  const occupants = Array.from({ length: dice.pick([0, 1, 1, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]) }, () => {
    const one = randomOccupant(dice, mood, address);
    return grouped && "uid" in one ? { ...one, address: together, v6only: false, uid } : one;
  });
  const special = dice.chance(0.03) && occupants.length > 0 ? dice.pick([...occupants.keys()]) : -1;
  return {
    seed,
    question,
    wish: { dryRun: dice.chance(0.08), force: !dice.chance(0.06), dropClients: !dice.chance(0.08) },
    swapped: dice.chance(0.08),
    occupants: occupants.map((one, index) =>
      index === special && "conduct" in one ? { ...one, conduct: "self" } : one,
    ),
    innocents: Array.from({ length: dice.pick([2, 3, 4, 5]) }, () => randomInnocent(dice, question, mood, means)),
  };
}

function randomOccupant(dice: Dice, mood: Mood, asked: string): Occupant {
  const address = dice.chance(0.75) ? asked : dice.pick(ADDRESSES);
  const device = dice.pick(mood.devices);
  const binding: Binding = {
    address,
    v6only: address === "::1" || (address === "::" && dice.chance(0.2)),
    reuseAddr: dice.chance(mood.reuseAddr),
    reusePort: dice.chance(mood.reusePort),
    ...(device === undefined ? {} : { device }),
  };
  const held = { uid: dice.pick(mood.users), conduct: dice.pick(CONDUCTS) };
  if (mood.protocol === "udp") return { kind: "bound", ...binding, ...held };
  const kind = dice.pick(mood.kinds);
  switch (kind) {
    case "server":
      return { kind, ...binding, ...held, clients: dice.pick([0, 1, 1, 2]), queued: dice.chance(0.15) };
    case "bound":
      return { kind, ...binding, ...held };
    case "left":
      return { kind, ...binding, ending: dice.pick(LEFT) };
    case "accepted":
      return { kind, ...binding, ending: dice.pick(HALVES) };
    case "client": {
      const chosen = dice.chance(0.6);
      return {
        kind,
        ...binding,
        chosen,
        // One that neither closes nor lets the kernel take the port back is to be ended by its user.
        tidy: chosen || !dice.chance(0.1),
        ending: dice.pick(["open", "open", ...HALVES, "syn-sent"]),
      };
    }
  }
}

function randomInnocent(dice: Dice, question: FreeScene["question"], mood: Mood, means: Means): Innocent {
  const uid = dice.pick(mood.users);
  const shape = dice.pick(SHAPES);
  const kinds: Innocent["kind"][] = ["alike", "alike", "elsewhere", "other-protocol"];
  if (means.devices) kinds.push("across");
  const aside = [ASIDE4, ...HERE4, "::1"].filter(
    (address) => !meets(question, { address, v6only: address.includes(":") }),
  );
  if (aside.length > 0 && question.protocol === "tcp") kinds.push("beside", "beside");
  const kind = dice.pick(kinds);
  switch (kind) {
    case "alike":
      return { kind, digits: dice.pick(["one-more", "one-less"]), shape, uid };
    case "beside":
      return { kind, address: dice.pick(aside), shape, uid };
    case "elsewhere":
      return { kind, address: dice.pick(["127.0.0.1", "0.0.0.0", "::", "::1"]) };
    case "across":
    case "other-protocol":
      return { kind, uid };
  }
}
