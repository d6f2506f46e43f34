/** What to do about connections that hold a port, with their programs left alone: `drop`. Pure. */
import { needsRootToDestroy } from "../tcp/asker.ts";
import type { BindSnapshot } from "../tcp/bind-snapshot.ts";
import { STATES } from "../tcp/states.ts";
import { typedCommand } from "../tcp/typed-command.ts";
import { isWildcardAddress } from "./address-scope.ts";
import type { FreeingQuestion } from "./freeing-advice.ts";
import { isServed } from "./holder-rule.ts";
import type { Advice, Blocker } from "./why.ts";

/** Does the port come free when no more than these connections are ended? */
export function isDroppable({ rule, socket }: Blocker, { holders, settings }: BindSnapshot): boolean {
  if (socket?.remote === undefined || (rule !== "client" && rule !== "connection" && rule !== "close-wait"))
    return false;
  if (rule !== "client" && isServed(holders)) return false;
  // A port that was asked for in bind() stays with the descriptor, whatever becomes of the connection (SOCK_BINDPORT_LOCK).
  if (holders.some((holder) => holder.socket === socket && holder.autoBound === false)) return false;
  // Without SOCK_DESTROY it takes the program's descriptor.
  return settings.kernelDestroys !== false || (socket.owners ?? []).length > 0;
}

/** Only for those of which nobody can tell who opened them: the connection of a client is `free`'s. */
export function dropAdvice({ rule, socket, count }: Blocker, { snapshot, question }: FreeingQuestion): Advice[] {
  if (rule === "client" || socket?.remote === undefined) return [];
  const { asker, kernelDestroys } = snapshot.settings;
  if (kernelDestroys === false) return [];
  const state = STATES.find(({ name }) => name === socket.state)?.ss ?? "connected";
  const { remote } = socket;
  const only =
    count === 1
      ? ` dst ${inFilter(remote.address)} dport = :${remote.port}`
      : isWildcardAddress(question.address)
        ? ""
        : ` src ${inFilter(question.address)}`;
  const filter = `state ${state} sport = :${question.port}${only}`;
  return [
    {
      text:
        count > 1
          ? "drop those connections; their programs see ECONNABORTED"
          : "drop that one connection; its program sees ECONNABORTED",
      command: typedCommand(["drop", filter], { netns: asker.netns, asRoot: needsRootToDestroy(asker) }),
      costs: "data",
    },
  ];
}

/** An address as the filter takes it. */
export function inFilter(address: string): string {
  return address.includes(":") ? `[${address}]` : address;
}
