/** A namespace full of sockets in every state that can be had without a foreign kernel: IPv4, IPv6 and mapped, TCP and UDP. */
import { SECOND_USER } from "./needs.ts";
import type { Actor } from "./actor.ts";
import type { Story } from "./story.ts";

/** Where a client reaches each listener, and which states are made on it. */
const LISTENERS = [
  { at: "0.0.0.0:8000", reach: "127.0.0.1:8000", from: "127.0.0.2:0" },
  { at: "[::]:8001", reach: "[::1]:8001", from: "[::1]:0" },
  { at: "[::]:8002", reach: "127.0.0.1:8002", from: "127.0.0.3:0" },
  { at: "[::1]:8003", reach: "[::1]:8003", from: "[::1]:40001" },
  { at: "127.0.0.1:8004", reach: "127.0.0.1:8004", from: "127.0.0.1:40002" },
] as const;

export async function populate(story: Story): Promise<void> {
  const server = story.actor();
  const client = story.actor();
  for (const { at, reach, from } of LISTENERS) {
    const listener = await server.listen(at, {
      reuseAddr: true,
      backlog: 4,
      ...(at.startsWith("[::]") ? { v6only: false } : {}),
    });
    await closings(server, client, listener, reach);
    await server.accept(await connected(client, reach, listener, { from, reuseAddr: true }));
    // One that nobody accepts.
    await client.connect(reach);
  }
  await stuck(server, client);
  await special(server, client);
  await datagrams(server, client);
  if (SECOND_USER() === undefined) {
    const nobody = story.actor();
    await nobody.call("setuid", { uid: 65_534 });
    await nobody.accept(await connected(nobody, "127.0.0.1:8010", await nobody.listen("127.0.0.1:8010")));
  }
  await story.socket("state last-ack");
  await story.socket("state fin-wait-1");
}

/** Connects, and answers the listener, for accept(). */
async function connected(
  client: Actor,
  reach: string,
  listener: number,
  options: Parameters<Actor["connect"]>[1] = {},
): Promise<number> {
  await client.connect(reach, options);
  return listener;
}

/** A connection each: open with unread bytes, closed by the client, half closed by the client, closed by the server, closed by both. */
async function closings(server: Actor, client: Actor, listener: number, reach: string): Promise<void> {
  const pair = async (): Promise<[client: number, server: number]> => {
    const fd = await client.connect(reach, { keepAlive: true });
    return [fd, await server.accept(listener)];
  };
  const [open] = await pair();
  await client.call("write", { fd: open, text: "unread" });
  const [left] = await pair();
  await client.close(left);
  const [half] = await pair();
  await client.call("shutdown", { fd: half });
  const [, dropped] = await pair();
  await server.close(dropped);
  const [last, first] = await pair();
  await server.close(first);
  await client.close(last);
}

/** FIN-WAIT-1 and LAST-ACK that cannot deliver, SYN-SENT that nobody answers. */
async function stuck(server: Actor, client: Actor): Promise<void> {
  const listener = await server.listen("127.0.0.1:8005", { reuseAddr: true });
  for (const half of [false, true]) {
    const reader = await client.connect("127.0.0.1:8005", { receiveBufferBytes: 4096 });
    const writer = await server.accept(listener);
    if (half) await client.call("shutdown", { fd: reader });
    await server.call("fill", { fd: writer });
    await server.close(writer);
  }
  await server.listen("[::1]:8006", { backlog: 0 });
  for (let count = 0; count < 3; count++) await client.connect("[::1]:8006", { nonBlocking: true });
}

/** Devices, marks, V6ONLY. */
async function special(server: Actor, client: Actor): Promise<void> {
  await server.bound("127.0.0.1:8009");
  await server.bound("[::1]:8009");
  await server.listen("[::]:8007", { v6only: true });
  await server.listen("0.0.0.0:8008", { device: "lo", backlog: 2 });
  await client.connect("127.0.0.1:8008", { mark: 0x33 });
  await client.connect("127.0.0.1:8008", { device: "lo" });
}

async function datagrams(server: Actor, client: Actor): Promise<void> {
  await server.bound("0.0.0.0:8000", { type: "dgram" });
  await server.bound("[::]:8001", { type: "dgram", v6only: false });
  await server.bound("[::1]:8003", { type: "dgram" });
  await server.bound("[::]:8007", { type: "dgram", v6only: true });
  await server.bound("127.0.0.1:8008", { type: "dgram", device: "lo" });
  for (const reach of ["127.0.0.1:8000", "[::1]:8001", "[::1]:8003"]) {
    const fd = await client.connect(reach, { type: "dgram" });
    await client.call("write", { fd, text: "nobody reads this" });
  }
}
