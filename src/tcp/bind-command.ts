/** The commands about one bind, with the very bind that was asked about: address, options, user and namespace. Pure. */
import type { Asker } from "./asker.ts";
import type { BindQuestion } from "./bind-snapshot.ts";
import { formatEndpoint } from "./endpoint.ts";
import { typedCommand } from "./typed-command.ts";

export interface BindCommand {
  readonly verb: "why" | "wait" | "free";
  readonly question: BindQuestion;
  readonly asker: Asker;
  readonly asRoot?: boolean;
  /** More of its options. */
  readonly options?: readonly string[];
}

export function bindCommand({ verb, question, asker, asRoot = false, options = [] }: BindCommand): string {
  const words = [verb, ...bindWords(question), ...userWords(question, asker, asRoot), ...options];
  return typedCommand(words, { netns: asker.netns, asRoot });
}

export type BindWordsOf = Pick<BindQuestion, "address" | "port" | "protocol" | "v6only" | "device"> &
  Partial<Pick<BindQuestion, "reuseAddr" | "reusePort">>;

/** As words of the command line; what is the default is left out. */
export function bindWords(bind: BindWordsOf): string[] {
  const { address, port, protocol, v6only, device, reuseAddr = true, reusePort = false } = bind;
  return [
    address === "::" ? String(port) : formatEndpoint({ address, port }),
    ...(protocol === "udp" ? ["--udp"] : []),
    ...(v6only ? ["--v6only"] : []),
    ...(reuseAddr ? [] : ["--no-reuse-addr"]),
    ...(reusePort ? ["--reuse-port"] : []),
    ...(device === undefined ? [] : ["--device", device]),
  ];
}

/** Who it was asked for, where that is another; and where sudo makes another of the asker and the user matters, which SO_REUSEPORT compares. */
function userWords({ uid, reusePort }: BindQuestion, asker: Asker, asRoot: boolean): string[] {
  const said = uid !== undefined && (uid !== asker.uid || (asRoot && reusePort));
  return said ? ["--user", String(uid)] : [];
}
