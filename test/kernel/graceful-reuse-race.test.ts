// Requests that are made just when the server closes the idle connection: what an agent of Node loses, and what ours does not.
import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { agent, retryable } from "../../src/graceful/graceful.ts";
import { story } from "./story.ts";

const IDLE_MS = 10;
const ROUNDS = 150;

/** The last milliseconds without a look at the network, as in a busy program. */
async function idle(): Promise<void> {
  const end = performance.now() + IDLE_MS - 2 + Math.random() * 4;
  await sleep(IDLE_MS - 6);
  while (performance.now() < end);
}

async function ask(make: () => http.ClientRequest | Promise<http.IncomingMessage>): Promise<void> {
  const made = make();
  const response = made instanceof Promise ? await made : ((await once(made, "response")) as [http.IncomingMessage])[0];
  await once(response.resume(), "end");
}

test(
  "agent() and retryable() lose no request to a server that closes just then, where Node's agent does",
  story(async (s) => {
    const port = Number(await s.program("idle-closing-server", [String(IDLE_MS)]).line());
    const plain = new http.Agent({ keepAlive: true });
    const losesOne = async (): Promise<void> => {
      for (const end = performance.now() + 20_000; performance.now() < end; await idle())
        await ask(() => http.get({ port, agent: plain }));
    };
    await assert.rejects(losesOne, { code: "ECONNRESET" }, "the scene is not what it should be");
    plain.destroy();

    const ours = agent().http;
    let asked = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await ask(() => retryable(() => http.get({ port, agent: ours }).on("socket", () => asked++)));
      await idle();
    }
    assert.ok(asked >= ROUNDS);
    ours.destroy();
  }),
);
