/** Both ends of every connection that must live say something to each other, and every listener is called upon. */
import type { Bystander } from "./bystander.ts";
import type { Ground } from "./ground.ts";
import type { Connection, End, Played, World } from "./played.ts";
import { Owner } from "./owner.ts";

export type Complain = (played: Played, problem: string) => void;

interface Talk {
  readonly played: Played;
  readonly connection: Connection;
}

/** What is on its way while the port is freed, and read afterwards. */
const BEFORE = "sent before";
const AFTER = ", sent after";
const BACK = "and back";

/** Only between two bystanders: what a server has not read when it ends would change how its connections end. */
export async function speakBefore(scenes: readonly Played[]): Promise<void> {
  await eachBystander(
    talksOf(scenes).filter(isBetweenBystanders),
    ({ connection }) => connection.near,
    (by, ends) => by.call("write", { fds: fdsOf(ends), text: BEFORE }),
  );
}

export async function speakAfter(scenes: readonly Played[], after: World, complain: Complain): Promise<number> {
  const alive = talksOf(scenes).filter(
    ({ connection: { portCookie } }) =>
      portCookie === undefined || after.get(portCookie)?.socket.state === "ESTABLISHED",
  );
  const between = alive.filter(isBetweenBystanders);
  const echoed = alive.filter(
    ({ played, connection: { far } }) => far instanceof Owner && far.echoes !== undefined && isAnswered(played, far),
  );
  const expect = async (
    talks: readonly Talk[],
    end: (talk: Talk) => End,
    wanted: string,
    work: (by: Bystander, ends: readonly End[]) => Promise<string[]>,
  ): Promise<void> => {
    await eachBystander(talks, end, async (by, ends, some) => {
      for (const [index, answer] of (await work(by, ends)).entries())
        if (answer !== wanted)
          complain(some[index]!.played, `${some[index]!.connection.what}: "${answer}" for "${wanted}"`);
    });
  };
  const near = ({ connection }: Talk): End => connection.near;
  const far = ({ connection }: Talk): End => connection.far as End;
  const write = (text: string) => (by: Bystander, ends: readonly End[]) => by.call("write", { fds: fdsOf(ends), text });
  const read = (text: string) => (by: Bystander, ends: readonly End[]) =>
    by.call("read", { fds: fdsOf(ends), length: text.length });
  await expect([...between, ...echoed], near, "ok", write(AFTER));
  await expect(between, far, BEFORE + AFTER, read(BEFORE + AFTER));
  await expect(between, far, "ok", write(BACK));
  await expect(between, near, BACK, read(BACK));
  await expect(echoed, near, AFTER, read(AFTER));
  return between.length + echoed.length;
}

/** Who drains gives back what it gets once it was asked to end. */
function isAnswered(_played: Played, owner: Owner): boolean {
  return owner.echoes === "always" || owner.isDraining();
}

export async function callListeners(
  { calls, beyond }: Ground,
  scenes: readonly Played[],
  complain: Complain,
): Promise<void> {
  const all = scenes.flatMap((played) => played.listeners.map((listener) => ({ played, listener })));
  const called: number[] = [];
  for (const { played, listener } of all) {
    const { address, port } = listener;
    const call = (): number => {
      const fd = calls.open("tcp", address, { v6only: false, reuseAddr: false, reusePort: false });
      const result = calls.connect(fd, address, port, address.includes(":"));
      if (result < 0) complain(played, `the listener on ${address}:${port} refuses: ${result}`);
      return fd;
    };
    called.push(listener.beyond ? beyond(call) : call());
  }
  await eachBystander(
    all,
    ({ listener }) => listener.end,
    async (by, ends, some) => {
      for (const [index, answer] of (await by.call("accept", { fds: fdsOf(ends) })).entries())
        if (answer !== "ok")
          complain(
            some[index]!.played,
            `the listener on ${some[index]!.listener.address}:${some[index]!.listener.port}: ${answer}`,
          );
    },
  );
  for (const fd of called) calls.abandon(fd);
}

function talksOf(scenes: readonly Played[]): Talk[] {
  return scenes.flatMap((played) => played.connections.map((connection) => ({ played, connection })));
}

function isBetweenBystanders({ connection }: Talk): boolean {
  return !(connection.far instanceof Owner);
}

/** One message for each of them. */
export async function eachBystander<T>(
  list: readonly T[],
  endOf: (one: T) => End,
  work: (by: Bystander, ends: readonly End[], some: readonly T[]) => Promise<unknown>,
): Promise<void> {
  const groups = new Map<Bystander, T[]>();
  for (const one of list) {
    const { by } = endOf(one);
    const group = groups.get(by);
    if (group === undefined) groups.set(by, [one]);
    else group.push(one);
  }
  await Promise.all([...groups].map(([by, some]) => work(by, some.map(endOf), some)));
}

export function fdsOf(ends: readonly End[]): number[] {
  return ends.map(({ fd }) => fd);
}
