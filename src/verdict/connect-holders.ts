/** Programs that have to do with the ports of a connection, in words. Pure. */
import { countText } from "../base/duration.ts";
import type { PortHolders } from "../tcp/connect-snapshot.ts";
import type { Socket } from "../tcp/socket.ts";
import type { ConnectHolder } from "./why-connect.ts";

export function whoHas(socket: Socket): string {
  const owner = socket.owners?.[0];
  if (owner !== undefined) return `${owner.command} (pid ${owner.pid})`;
  return socket.ownerless === "no-permission" ? "a program of another user" : "a program that was not found";
}

export function withHolderTexts(holders: readonly PortHolders[]): ConnectHolder[] {
  return holders.map(({ socket, ports }) => ({
    ports,
    socket,
    text: `${whoHas(socket)} keeps ${ports === 1 ? `port ${socket.local.port}` : `${ports} ports`}`,
  }));
}

/** `count`: how many there are altogether; where fewer were traced, the text says of how many it speaks. */
export function withShareTexts(holders: readonly PortHolders[], count: number, what: string): ConnectHolder[] {
  const traced = holders.reduce((sum, { ports }) => sum + ports, 0);
  return holders.map(({ socket, ports }) => {
    const share =
      traced < count
        ? `${countText(ports)} of ${countText(traced)} that were traced`
        : ports === count
          ? count === 1
            ? "it"
            : `all ${countText(count)}`
          : countText(ports);
    const text =
      socket.ownerless === "unaccepted"
        ? `${share} not accepted yet by the server on port ${socket.local.port}`
        : `${whoHas(socket)} ${what} ${share}`;
    return { ports, socket, text };
  });
}
