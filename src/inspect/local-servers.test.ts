import assert from "node:assert/strict";
import { test } from "node:test";
import { createFakeHost, listener, program } from "../testing/testing.ts";
import { LocalServers } from "./local-servers.ts";

const OWN = ["127.0.0.1", "10.0.0.1", "::1", "fd00::9", "fe80::1"];

const cases: readonly (readonly [bound: string, v6only: boolean | undefined, reached: readonly string[]])[] = [
  ["::", false, [...OWN, "127.9.9.9", "::ffff:10.0.0.1", "fe80::1%eth0"]],
  ["::", true, ["::1", "fd00::9", "fe80::1", "fe80::1%eth0"]],
  ["0.0.0.0", undefined, ["127.0.0.1", "127.9.9.9", "10.0.0.1", "::ffff:10.0.0.1"]],
  ["10.0.0.1", undefined, ["10.0.0.1", "::ffff:10.0.0.1"]],
  ["::ffff:10.0.0.1", undefined, ["10.0.0.1", "::ffff:10.0.0.1"]],
  ["fd00::9", undefined, ["fd00::9"]],
  ["fe80::1%eth0", undefined, ["fe80::1%eth0", "fe80::1"]],
];

for (const [address, v6only, reached] of cases)
  test(`LocalServers knows whom a listener on ${address}${v6only === true ? ", IPv6 only," : ""} answers`, () => {
    const server = listener({ port: 80, address, ...(v6only === undefined ? {} : { v6only }) });
    const host = createFakeHost({ processes: [program("server", { sockets: [server] })] });
    const servers = new LocalServers(host, OWN);
    const asked = [...OWN, "127.9.9.9", "::ffff:10.0.0.1", "fe80::1%eth0", "10.0.0.2", "fd00::8"];
    assert.deepEqual(asked.filter((one) => servers.has(one, 80)).sort(), [...reached].sort());
    assert.equal(servers.has(reached[0]!, 81), false);
  });
