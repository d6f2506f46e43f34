/**
 * ss's `inet:` and `inet6:` before an address or a port. In ss the last one decides the family of the whole answer, wherever it stands;
 * here it is a condition like any other, so that `or` and `not` mean what they say.
 */
import type { Family } from "../socket.ts";
import type { Cursor } from "./cursor.ts";
import type { Token } from "./tokens.ts";

export function familyPrefix(cursor: Cursor, word: Token): { readonly family?: Family; readonly rest: string } {
  const prefix = /^(inet6?|unix|link|netlink|vsock|tipc|xdp):/i.exec(word.text)?.[1]?.toLowerCase();
  if (prefix === undefined) return { rest: word.text };
  const rest = word.text.slice(prefix.length + 1);
  if (prefix === "inet") return { family: "ipv4", rest };
  if (prefix === "inet6") return { family: "ipv6", rest };
  return cursor.fail(word.at, `${prefix}: sockets are not looked at here`, "families: inet: inet6:");
}
