/** Holders of a port of which the same can be said are one group. Pure. */
import type { BindSettings, PortHolder } from "../tcp/bind-snapshot.ts";
import type { Owner, Socket } from "../tcp/socket.ts";
import { ruleOf } from "./holder-rule.ts";
import type { BlockerRule } from "./why.ts";

export interface HolderGroup {
  readonly rule: BlockerRule;
  /** Never empty. */
  readonly members: readonly PortHolder[];
  /** The programs of those that were traced, where not all of them were. */
  readonly someOwners?: readonly Owner[];
}

/**
 * By rule, state and owners. Of a rule and state in which not everybody was traced (there are too many, or they were looked for in passing) one
 * group: a program's sockets are not split by whether they turned up.
 */
export function foldHolders(
  holders: readonly PortHolder[],
  served: boolean,
  settings: BindSettings,
): readonly HolderGroup[] {
  const ruled = holders.map((holder) => ({ holder, rule: ruleOf(holder, served, settings) }));
  const kindOf = (rule: BlockerRule, { state }: Socket): string => `${rule}|${state}`;
  const partly = new Set(
    ruled.filter(({ holder }) => isUntraced(holder.socket)).map(({ holder, rule }) => kindOf(rule, holder.socket)),
  );
  const groups = new Map<string, { readonly rule: BlockerRule; readonly members: PortHolder[] }>();
  for (const { holder, rule } of ruled) {
    const { socket } = holder;
    const isFolded = socket.inode !== undefined && partly.has(kindOf(rule, socket));
    const key = foldKey(rule, socket, isFolded ? "some" : pidsOf(socket));
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { rule, members: [holder] });
    else group.members.push(holder);
  }
  return [...groups.values()].map((group) => {
    const someOwners = someOwnersOf(group.members);
    return { ...group, ...(someOwners === undefined ? {} : { someOwners }) };
  });
}

function someOwnersOf(members: readonly PortHolder[]): readonly Owner[] | undefined {
  if (!members.some(({ socket }) => isUntraced(socket))) return undefined;
  const owners = members.flatMap(({ socket }) => socket.owners ?? []);
  return owners.length === 0 ? undefined : [...new Map(owners.map((owner) => [owner.pid, owner])).values()];
}

/** A program holds it, and nobody has searched until that one was found. */
export function isUntraced({ inode, owners }: Socket): boolean {
  return inode !== undefined && owners === undefined;
}

function pidsOf({ owners = [], ownerless }: Socket): string {
  return `${owners.map(({ pid }) => pid).join(",")}|${ownerless ?? ""}`;
}

function foldKey(rule: BlockerRule, socket: Socket, whose: string): string {
  const where = rule === "listener" || rule === "bound" ? socket.local.address : "";
  return [rule, socket.protocol, socket.state, whose, where].join("|");
}
