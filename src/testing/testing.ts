/**
 * `portmortem/testing`: machines made of plain data, for tests of programs that use this library. The same fake machine as in our own
 * tests; a contract suite holds it to what the real kernel does.
 *
 * @example
 * ```ts
 * import { why } from "portmortem";
 * import { createFakeHost, listener, program } from "portmortem/testing";
 *
 * const host = createFakeHost({ processes: [program("nginx", { pid: 812, sockets: [listener({ port: 8080 })] })] });
 * const { bindable, blockers } = await why(8080, { host });
 * // bindable: false; blockers[0].text: "nginx (pid 812) listens on [::]:8080"
 * ```
 */
export { createFakeHost } from "./fake-host.ts";
export { bound, connection, listener, program, timeWait, udp } from "./builders.ts";
export type { ConnectionOptions, ListenerOptions, TimeWaitOptions, UdpOptions } from "./builders.ts";
export type {
  FakeContainer,
  FakeHostDescription,
  FakeNetns,
  FakeProcess,
  FakeSocket,
  FakeUnit,
} from "./fake-description.ts";
