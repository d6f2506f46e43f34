// Snapshots for the verdict's tests: sockets of the builders, and what would have been found out about them.
import type { BindQuestion, BindSettings, BindSnapshot, PortHolder } from "../../src/tcp/bind-snapshot.ts";
import type { Owner, Socket } from "../../src/tcp/socket.ts";
import { shownSocket } from "../../src/testing/builders.ts";
import type { FakeSocket } from "../../src/testing/fake-description.ts";
import { judgeBind } from "../../src/verdict/judge-bind.ts";
import type { Why } from "../../src/verdict/why.ts";

export const NODE: Owner = {
  pid: 812,
  fd: 21,
  command: "node",
  args: ["node", "server.js"],
  user: "deploy",
  uid: 1000,
};

/** Held by node, as the inspection tells it. */
export function held(socket: FakeSocket, more: Partial<Socket> = {}): PortHolder {
  const { reuseAddr, reusePort } = socket;
  return { socket: { ...shownSocket(socket), inode: 101, uid: 1000, owners: [NODE], ...more }, reuseAddr, reusePort };
}

/** Held by nobody, so its options cannot be seen. */
export function ownerless(socket: FakeSocket, more: Partial<Socket> = {}): PortHolder {
  return { socket: { ...shownSocket(socket), owners: [], ownerless: "kernel", ...more } };
}

export interface Asked extends Partial<BindQuestion> {
  readonly settings?: Partial<BindSettings>;
  /** Of the real binds: as asked, and with the other SO_REUSEADDR. Left out: none was made. */
  readonly results?: readonly [string, string];
  readonly rest?: Partial<BindSnapshot>;
}

export function judge(holders: readonly PortHolder[], { settings, results, rest, ...question }: Asked = {}): Why {
  const asked = {
    protocol: "tcp",
    address: "::",
    port: 8080,
    v6only: false,
    reuseAddr: true,
    reusePort: false,
    ...question,
  } as const;
  const snapshot: BindSnapshot = {
    question: asked,
    probed:
      results === undefined
        ? []
        : [
            { reuseAddr: asked.reuseAddr, reusePort: asked.reusePort, result: results[0], by: "probe" },
            { reuseAddr: !asked.reuseAddr, reusePort: asked.reusePort, result: results[1], by: "probe" },
          ],
    holders,
    connectedTo: [],
    elsewhere: [],
    settings: {
      kernelRelease: "6.12.0",
      localAddresses: ["127.0.0.1"],
      interfaces: [],
      rootPrefix: "sudo ",
      asker: { uid: 1000 },
      ...settings,
    },
    incomplete: [],
    ...rest,
  };
  return judgeBind(snapshot);
}
