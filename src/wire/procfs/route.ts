/** /proc/net/route: the IPv4 main table with its devices (fib_route_seq_show() in net/ipv4/fib_trie.c). Words are in the host's byte order. */
import { maskLengthOf, wordText } from "./address-words.ts";

export interface ConnectedRoute {
  readonly interface: string;
  readonly network: string;
  readonly prefixLength: number;
}

const RTF_UP = 0x1;
const RTF_GATEWAY = 0x2;

/** The routes without a gateway: the networks that devices are directly in. */
export function parseConnectedRoutes(text: string, options: { readonly littleEndian: boolean }): ConnectedRoute[] {
  const routes: ConnectedRoute[] = [];
  for (const line of text.split("\n").slice(1, -1)) {
    const match = /^(\S+)\t([0-9A-F]{8})\t[0-9A-F]{8}\t([0-9A-F]{4})\t\d+\t\d+\t\d+\t([0-9A-F]{8})\t/.exec(line);
    if (match === null) continue;
    const flags = Number.parseInt(match[3]!, 16);
    const prefixLength = maskLengthOf(match[4]!, options.littleEndian);
    if ((flags & RTF_UP) === 0 || (flags & RTF_GATEWAY) !== 0 || prefixLength === undefined) continue;
    routes.push({ interface: match[1]!, network: wordText(match[2]!, options.littleEndian), prefixLength });
  }
  return routes;
}
