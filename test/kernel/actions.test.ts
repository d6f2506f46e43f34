// The contract of src/host/actions.ts on the running kernel.
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { ACTION_CASES } from "../contracts/action-cases.ts";
import type { ActionScene } from "../contracts/action-cases.ts";
import type { Container } from "../../src/tcp/socket.ts";
import { startEngine } from "../contracts/engine-server.ts";
import type { Actor } from "./actor.ts";
import { until } from "./until.ts";
import { story } from "./story.ts";
import type { Story } from "./story.ts";

async function createScene(story: Story): Promise<ActionScene> {
  const server = story.actor();
  const client = story.actor();
  const listening = await server.listen("127.0.0.1:8080");
  const brief = await client.connect("127.0.0.1:8080");
  const accepted = await server.accept(listening);
  await client.close(brief);
  await server.close(accepted);
  const timeWait = await story.socket("state time-wait dport = :8080");
  const clientFd = await client.connect("127.0.0.1:8080");
  const serverFd = await server.accept(listening);
  const container = await contain(story, server);
  return {
    host: createLinuxHost(),
    client: { pid: client.pid, fd: clientFd, socket: await story.socket("state established dport = :8080") },
    server: { pid: server.pid, fd: serverFd, socket: await story.socket("state established sport = :8080") },
    listener: await story.socket("state listening sport = :8080"),
    timeWait,
    container,
  };
}

/** An engine that has the actor for a container, and ends it as docker does. */
async function contain(story: Story, actor: Actor): Promise<Container> {
  const directory = mkdtempSync(join(tmpdir(), "pm-engine-"));
  story.atEnd(() => rmSync(directory, { recursive: true }));
  const container = { runtime: "docker", id: "a".repeat(64), name: "server" } as const;
  const end = async (graceSeconds: number): Promise<void> => {
    // What is asked for in ms is rounded up.
    assert.equal(graceSeconds, 2);
    process.kill(actor.pid, "SIGTERM");
    await until("the container's process has ended", () => !isAlive(actor.pid));
  };
  const engine = await startEngine(join(directory, "docker.sock"), [
    { id: container.id, name: container.name, restartPolicy: "always", running: true, end },
  ]);
  story.atEnd(() => engine.close());
  const before = process.env["DOCKER_HOST"];
  process.env["DOCKER_HOST"] = `unix://${join(directory, "docker.sock")}`;
  story.atEnd(() => {
    if (before === undefined) delete process.env["DOCKER_HOST"];
    else process.env["DOCKER_HOST"] = before;
  });
  return container;
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

for (const { title, run } of ACTION_CASES)
  test(
    `Linux host: ${title}`,
    story(async (s) => run(await createScene(s))),
  );
