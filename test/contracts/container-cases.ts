// What every host promises about containers.
import assert from "node:assert/strict";
import type { ContractCase } from "./scene.ts";

const UNKNOWN = "0".repeat(64);

export const CONTAINER_CASES: readonly ContractCase[] = [
  {
    title: "containerState() tells the name, whether it runs, the restart policy and the published ports",
    async run(host, { container }) {
      const { id, runtime } = container;
      const state = await host.containerState({ id, runtime });
      assert.ok(!("failure" in state), JSON.stringify(state));
      assert.deepEqual(state.container, container);
      assert.deepEqual([state.running, state.restartPolicy], [true, "always"]);
      assert.deepEqual(state.ports, [{ protocol: "tcp", address: "127.0.0.1", port: 8088, containerPort: 80 }]);
      assert.match(state.socket, /^\//);
    },
  },
  {
    title: "containerState() says that the engine knows no such container, and that some engines are not spoken to",
    async run(host) {
      const unknown = await host.containerState({ runtime: "docker", id: UNKNOWN });
      assert.ok("failure" in unknown && unknown.failure === "container" && unknown.status === 404);
      for (const runtime of ["containerd", "cri-o"] as const) {
        const answer = await host.containerState({ runtime, id: UNKNOWN });
        assert.ok("failure" in answer && answer.failure === "engine");
        assert.match(answer.why, new RegExp(runtime));
      }
    },
  },
  {
    title: "findPublisher() names the container that publishes the port there, and nobody for what is not published",
    async run(host, { container, freePort }) {
      const { publisher, unasked } = await host.findPublisher("tcp", "127.0.0.1", 8088);
      assert.deepEqual(publisher, container);
      assert.ok(unasked.every(({ failure, why }) => failure !== "container" && why.length > 5));
      for (const [protocol, address, port] of [
        ["udp", "127.0.0.1", 8088],
        ["tcp", "127.0.0.2", 8088],
        ["tcp", "0.0.0.0", 8088],
        ["tcp", "127.0.0.1", freePort],
      ] as const)
        assert.equal((await host.findPublisher(protocol, address, port)).publisher, undefined);
    },
  },
  {
    title: "what is said of containers survives JSON",
    async run(host, { container }) {
      for (const answer of [
        await host.containerState({ id: container.id, runtime: container.runtime }),
        await host.containerState({ runtime: "docker", id: UNKNOWN }),
        await host.findPublisher("tcp", "127.0.0.1", 8088),
      ])
        assert.deepStrictEqual(JSON.parse(JSON.stringify(answer)), answer);
    },
  },
];
