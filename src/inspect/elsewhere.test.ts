import assert from "node:assert/strict";
import { test } from "node:test";
import { counted } from "../../test/contracts/counting-host.ts";
import type { Incomplete, Socket } from "../tcp/socket.ts";
import { createFakeHost, listener, program, udp } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { findElsewhere } from "./elsewhere.ts";

async function look(
  description: FakeHostDescription,
  holders: readonly Socket[] = [],
  protocol: "tcp" | "udp" = "tcp",
) {
  const { host, calls } = counted(createFakeHost(description));
  const incomplete: Incomplete[] = [];
  const found = await findElsewhere(host, 8080, protocol, holders, incomplete);
  return { found, incomplete, calls };
}

const proxy: Socket = {
  protocol: "tcp",
  family: "ipv4",
  state: "LISTEN",
  local: { address: "0.0.0.0", port: 8080 },
  owners: [
    {
      pid: 5,
      fd: 4,
      command: "docker-proxy",
      args: ["docker-proxy", "-container-ip", "172.17.0.2", "-container-port", "80"],
    },
  ],
};
const container = (address: string, port: number) => ({
  names: [`at-${address}`],
  addresses: [{ address, family: "ipv4", interface: "eth0", prefixLength: 16 } as const],
  processes: [program("nginx", { sockets: [listener({ port })] })],
});

test("findElsewhere() finds listeners on the port in other namespaces, with their owners", async () => {
  const { found, incomplete } = await look({ namespaces: [container("10.0.0.2", 8080), container("10.0.0.3", 9090)] });
  assert.deepEqual(
    found.map(({ names, socket, pid }) => [names, socket.owners?.[0]?.command, pid]),
    [[["at-10.0.0.2"], "nginx", 1000]],
  );
  assert.deepEqual(incomplete, []);
});

test("findElsewhere() does not look into its own namespace", async () => {
  const { found, calls } = await look({ processes: [program("here", { sockets: [listener({ port: 8080 })] })] });
  assert.deepEqual(found, []);
  assert.ok(!calls.some((call) => call.startsWith("enter")));
});

test("findElsewhere() looks for UDP sockets that are bound when UDP is asked about", async () => {
  const inside = { names: ["dns"], sockets: [udp({ port: 8080 }), listener({ port: 8080 })] };
  const { found } = await look({ namespaces: [inside] }, [], "udp");
  assert.deepEqual(
    found.map(({ socket }) => socket.protocol),
    ["udp"],
  );
});

test("findElsewhere() follows docker-proxy to the container's port, in the namespace with that address", async () => {
  const namespaces = [container("172.17.0.2", 80), container("172.17.0.3", 80)];
  const { found } = await look({ namespaces }, [proxy]);
  assert.deepEqual(
    found.map(({ names, socket }) => [names[0], socket.local.port]),
    [["at-172.17.0.2", 80]],
  );
  assert.deepEqual((await look({ namespaces })).found, [], "without docker-proxy port 80 means nothing");
});

test("findElsewhere() says how many namespaces it may not enter, and what would help", async () => {
  const locked = { ...container("10.0.0.2", 8080), mayEnter: false };
  const { found, incomplete } = await look({ namespaces: [locked, { ...locked, names: ["two"] }] });
  assert.deepEqual(found, []);
  assert.deepEqual(incomplete, [
    { what: "2 other network namespaces", why: "entering one needs CAP_SYS_ADMIN", hint: "run it with sudo" },
  ]);
});

test("findElsewhere() looks into no more than 128 namespaces, and says so", async () => {
  const namespaces = Array.from({ length: 130 }, (_, at) => ({ names: [`n${at}`] }));
  const { incomplete, calls } = await look({ namespaces });
  assert.equal(calls.filter((call) => call.startsWith("enter")).length, 128);
  assert.deepEqual(incomplete, [{ what: "2 other network namespaces", why: "only 128 were looked into" }]);
});
