import assert from "node:assert/strict";
import { test } from "node:test";
import type { EngineFailure } from "../tcp/container-state.ts";
import type { Owner } from "../tcp/socket.ts";
import { createFakeHost, listener, program } from "../testing/testing.ts";
import type { FakeHostDescription } from "../testing/testing.ts";
import { findContainerBehind } from "./container-behind.ts";

const API = { runtime: "docker", id: "a".repeat(64), name: "api" } as const;
const PORT = { protocol: "tcp", local: { address: "0.0.0.0", port: 8080 } } as const;
const PUBLISHED: FakeHostDescription = {
  containers: [
    {
      container: API,
      restartPolicy: "always",
      ports: [{ protocol: "tcp", address: "0.0.0.0", port: 8080, containerPort: 80 }],
    },
  ],
};
const ENGINE: EngineFailure = { failure: "right", why: "/run/docker.sock may not be opened", errno: "EACCES" };
const ownerOf = (command: string, more: Partial<Owner> = {}): Owner => ({
  pid: 5,
  fd: 3,
  command,
  args: [command],
  ...more,
});

test("findContainerBehind() asks the engine about the container that the holder is in", async () => {
  const behind = await findContainerBehind(createFakeHost(PUBLISHED), ownerOf("node", { container: API }), PORT);
  assert.equal(behind?.holder, "inside");
  assert.deepEqual(behind.container, API);
  assert.ok(behind.engine !== undefined && !("failure" in behind.engine) && behind.engine.restartPolicy === "always");
});

test("findContainerBehind() finds the container for which the holder publishes the port", async () => {
  for (const command of ["rootlessport", "dockerd"]) {
    const behind = await findContainerBehind(createFakeHost(PUBLISHED), ownerOf(command), PORT);
    assert.deepEqual([behind?.holder, behind?.container], ["publisher", API], command);
  }
});

test("findContainerBehind() asks nobody about a program like any other, nor about dockerd's own port", async () => {
  assert.equal(await findContainerBehind(createFakeHost(PUBLISHED), ownerOf("nginx"), PORT), undefined);
  const own = { protocol: "tcp", local: { address: "0.0.0.0", port: 2375 } } as const;
  assert.equal(await findContainerBehind(createFakeHost(PUBLISHED), ownerOf("dockerd"), own), undefined);
  assert.deepEqual(await findContainerBehind(createFakeHost(PUBLISHED), ownerOf("rootlessport"), own), {
    holder: "publisher",
    unasked: [],
  });
});

test("findContainerBehind() says which engine it could not ask", async () => {
  const host = createFakeHost({ ...PUBLISHED, engine: ENGINE });
  for (const command of ["dockerd", "rootlessport"])
    assert.deepEqual(await findContainerBehind(host, ownerOf(command), PORT), {
      holder: "publisher",
      unasked: [ENGINE],
    });
  const inside = await findContainerBehind(host, ownerOf("node", { container: API }), PORT);
  assert.deepEqual(inside?.engine, ENGINE);
});

test("findContainerBehind() believes a monitor's command line without an engine", async () => {
  const id = "b".repeat(64);
  const args = ["conmon", "-c", id, "-n", "web", "--exit-dir", "/run/libpod/exits"];
  const behind = await findContainerBehind(createFakeHost(), ownerOf("conmon", { args }), PORT);
  assert.deepEqual(behind?.container, { runtime: "podman", id, name: "web" });
  assert.ok(behind.engine !== undefined && "failure" in behind.engine && behind.engine.failure === "container");
});

test("a fake container that is stopped takes its proxy and its port with it, and stays stopped", async () => {
  const host = createFakeHost({
    processes: [
      program("docker-proxy", { pid: 20, sockets: [listener({ port: 8080, address: "0.0.0.0" })] }),
      program("node", { pid: 21, container: API }),
      program("nginx", { pid: 22, sockets: [listener({ port: 80 })] }),
    ],
    containers: [{ ...PUBLISHED.containers![0]!, publishedBy: [20] }],
  });
  assert.ok(!("unable" in host.actions));
  assert.equal(await host.actions.stopContainer(API, { graceMs: 0 }), "ok");
  assert.deepEqual(
    host.processes().map(({ pid }) => pid),
    [22],
  );
  assert.equal((await host.findPublisher("tcp", "0.0.0.0", 8080)).publisher, undefined);
  assert.equal(await host.actions.stopContainer(API, { graceMs: 0 }), "already");
  const bind = { protocol: "tcp", address: "0.0.0.0", port: 8080, reuseAddr: true, reusePort: false } as const;
  assert.deepEqual(host.probeBind(bind), { result: "ok", step: "bind" });
});
