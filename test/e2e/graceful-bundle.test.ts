// portmortem/graceful as it is published: its parts share what they must, by import and by require.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { test } from "node:test";
import { root } from "../house/repository.ts";

const WAYS = {
  import: ["--input-type=module", 'const graceful = await import("portmortem/graceful");'],
  require: ["--input-type=commonjs", 'const graceful = require("portmortem/graceful");'],
} as const;

/** A server that listens by a part that was loaded late, and is drained by what was there from the start. */
const PROGRAM = `
const net = await import("node:net");
const server = net.createServer((socket) => socket.on("data", () => socket.end("bye")));
const { port } = await graceful.listen(server, { host: "127.0.0.1" });
const taken = await graceful.listen(net.createServer(), { port, host: "127.0.0.1", retryMs: 0 }).catch((error) => error);
const client = await graceful.connect({ host: "127.0.0.1", port });
const draining = graceful.drain(server, { idleMs: 1000 });
client.write("x");
client.resume();
const { connections } = await draining;
const refused = await graceful.connect({ host: "127.0.0.1", port }).catch((error) => error);
console.log(JSON.stringify({
  taken: [taken.code, taken instanceof graceful.PortTakenError, taken.category, taken.blockers?.[0]?.rule],
  refused: [refused.code, refused instanceof graceful.PortmortemError],
  connections,
}));
`;

for (const [way, [type, load]] of Object.entries(WAYS))
  test(`portmortem/graceful works by ${way}`, () => {
    const program = way === "import" ? `${load}${PROGRAM}` : `(async () => {${load}${PROGRAM}})();`;
    const text = execFileSync(process.execPath, [type, "-e", program], {
      cwd: root,
      encoding: "utf8",
      timeout: 20_000,
    });
    assert.deepEqual(JSON.parse(text), {
      taken: ["PM_PORT_TAKEN", true, "no", "listener"],
      refused: ["PM_CONNECT_REFUSED", true],
      connections: 1,
    });
  });
