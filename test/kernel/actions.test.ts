// The contract of src/host/actions.ts on the running kernel.
import { test } from "node:test";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { ACTION_CASES } from "../contracts/action-cases.ts";
import type { ActionScene } from "../contracts/action-cases.ts";
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
  return {
    host: createLinuxHost(),
    client: { pid: client.pid, fd: clientFd, socket: await story.socket("state established dport = :8080") },
    server: { pid: server.pid, fd: serverFd, socket: await story.socket("state established sport = :8080") },
    listener: await story.socket("state listening sport = :8080"),
    timeWait,
  };
}

for (const { title, run } of ACTION_CASES)
  test(
    `Linux host: ${title}`,
    story(async (s) => run(await createScene(s))),
  );
