import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { RequestListener } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import type { Container } from "../../tcp/socket.ts";
import { Containers } from "./containers.ts";
import { SYSTEM_ROOTS } from "./system-roots.ts";

const ID = "3f29a1c0b7d84e5f6a0912cd34ef56ab78901234cdef5678ab90123456789abc";

function withTree(
  files: Readonly<Record<string, unknown>>,
  run: (containers: Containers, directory: string) => Promise<void>,
): () => Promise<void> {
  return async () => {
    const directory = mkdtempSync(join(tmpdir(), "pm-c-"));
    try {
      for (const [path, content] of Object.entries(files)) {
        mkdirSync(dirname(join(directory, path)), { recursive: true });
        writeFileSync(join(directory, path), typeof content === "string" ? content : JSON.stringify(content));
      }
      for (const name of ["run", "var"]) mkdirSync(join(directory, name), { recursive: true });
      const roots = { ...SYSTEM_ROOTS, run: join(directory, "run"), var: join(directory, "var") };
      await run(
        new Containers({
          roots,
          home: join(directory, "home"),
          runtimeDirectory: join(directory, "user"),
          limitMs: 250,
        }),
        directory,
      );
    } finally {
      rmSync(directory, { recursive: true });
    }
  };
}

async function withEngine(socketPath: string, answer: RequestListener, run: () => Promise<void>): Promise<void> {
  mkdirSync(dirname(socketPath), { recursive: true });
  const server = createServer(answer).listen(socketPath);
  await once(server, "listening");
  try {
    await run();
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

const of = (runtime: Container["runtime"], id = ID): Container => ({ runtime, id });

// The shapes of these files are those of moby 27 (config.v2.json), containers/storage 1.5x (containers.json), containerd 1.7 and 2.0 (the
// bundle of a task) and CRI-O 1.30; cut down to what is read, by hand.
test(
  "containerName() reads docker's file",
  withTree({ [`var/lib/docker/containers/${ID}/config.v2.json`]: { ID, Name: "/api" } }, async (containers) => {
    assert.equal(await containers.containerName(of("docker")), "api");
  }),
);

test(
  "containerName() reads podman's lists, root's and a user's, of containers that stay and that do not",
  withTree(
    {
      "var/lib/containers/storage/overlay-containers/containers.json": [{ id: "a".repeat(64), names: ["other"] }],
      "home/.local/share/containers/storage/overlay-containers/volatile-containers.json": [
        { id: ID, names: ["web", "alias"] },
      ],
    },
    async (containers) => {
      assert.equal(await containers.containerName(of("podman")), "web");
      assert.equal(await containers.containerName(of("podman", "a".repeat(64))), "other");
    },
  ),
);

test(
  "containerName() reads Kubernetes' names from the bundle of a containerd task",
  withTree(
    {
      [`run/containerd/io.containerd.runtime.v2.task/k8s.io/${ID}/config.json`]: {
        annotations: {
          "io.kubernetes.cri.container-name": "api",
          "io.kubernetes.cri.sandbox-name": "api-7f9c",
          "io.kubernetes.cri.sandbox-namespace": "shop",
        },
      },
      [`run/containerd/io.containerd.runtime.v2.task/default/${"d".repeat(64)}/config.json`]: {
        annotations: { "nerdctl/name": "cache" },
      },
    },
    async (containers) => {
      assert.equal(await containers.containerName(of("containerd")), "shop/api-7f9c/api");
      assert.equal(await containers.containerName(of("containerd", "d".repeat(64))), "cache");
    },
  ),
);

test(
  "containerName() reads CRI-O's bundle",
  withTree(
    {
      [`run/containers/storage/overlay-containers/${ID}/userdata/config.json`]: {
        annotations: {
          "io.kubernetes.container.name": "db",
          "io.kubernetes.pod.name": "db-0",
          "io.kubernetes.pod.namespace": "shop",
        },
      },
    },
    async (containers) => {
      assert.equal(await containers.containerName(of("cri-o")), "shop/db-0/db");
    },
  ),
);

test(
  "containerName() asks docker's engine on its socket when no file can be read, and asks once",
  withTree({}, async (containers, directory) => {
    const asked: string[] = [];
    await withEngine(
      join(directory, "run/docker.sock"),
      (request, response) => {
        asked.push(request.url ?? "");
        response.setHeader("content-type", "application/json");
        response.end(JSON.stringify({ Id: ID, Name: "/api", State: { Running: true } }));
      },
      async () => {
        assert.equal(await containers.containerName(of("docker")), "api");
        assert.equal(await containers.containerName(of("docker")), "api");
        assert.deepEqual(asked, [`/containers/${ID}/json`]);
      },
    );
  }),
);

test(
  "containerName() goes on to the user's own engine when the system's does not know the container",
  withTree({}, async (containers, directory) => {
    await withEngine(
      join(directory, "run/podman/podman.sock"),
      (_, response) => {
        response.statusCode = 404;
        response.end(JSON.stringify({ message: "no such container", Name: "wrong" }));
      },
      () =>
        withEngine(
          join(directory, "user/podman/podman.sock"),
          (_, response) => response.end(JSON.stringify({ Id: ID, Name: "web", State: { Running: true } })),
          async () => assert.equal(await containers.containerName(of("podman")), "web"),
        ),
    );
  }),
);

test(
  "containerName() reads the labels that CRI-O's socket gives",
  withTree({}, async (containers, directory) => {
    const labels = {
      "io.kubernetes.container.name": "db",
      "io.kubernetes.pod.name": "db-0",
      "io.kubernetes.pod.namespace": "shop",
    };
    await withEngine(
      join(directory, "run/crio/crio.sock"),
      (request, response) =>
        response.end(request.url === `/containers/${ID}` ? JSON.stringify({ name: "k8s_db", labels }) : "{}"),
      async () => assert.equal(await containers.containerName(of("cri-o")), "shop/db-0/db"),
    );
  }),
);

test(
  "containerName() gives up on an engine that never answers, or never ends, within the limit",
  withTree({}, async (containers, directory) => {
    for (const [id, answer] of [
      ["a".repeat(64), () => undefined],
      ["b".repeat(64), (_: unknown, response: { write(text: string): void }) => response.write('{"Name":"/slow"')],
    ] as const) {
      await withEngine(join(directory, "run/docker.sock"), answer, async () => {
        const start = performance.now();
        assert.equal(await containers.containerName(of("docker", id)), undefined);
        const elapsedMs = performance.now() - start;
        assert.ok(elapsedMs < 10_000, `${elapsedMs} ms`);
      });
    }
  }),
);

test(
  "containerName() takes nothing from nonsense, and never throws",
  withTree(
    {
      [`var/lib/docker/containers/${"1".repeat(64)}/config.v2.json`]: "not json",
      [`var/lib/docker/containers/${"2".repeat(64)}/config.v2.json`]: { Name: 7 },
      [`var/lib/docker/containers/${"3".repeat(64)}/config.v2.json`]: "null",
      [`var/lib/docker/containers/${"4".repeat(64)}/config.v2.json`]: { Name: "/" },
      "var/lib/containers/storage/overlay-containers/containers.json": [null, 7, { id: ID }, { id: ID, names: "x" }],
      "var/lib/docker/containers/../../../secret/config.v2.json": { Name: "/secret" },
    },
    async (containers, directory) => {
      for (const digit of "1234")
        assert.equal(await containers.containerName(of("docker", digit.repeat(64))), undefined);
      assert.equal(await containers.containerName(of("podman")), undefined);
      assert.equal(await containers.containerName(of("docker", "../../../secret")), undefined);
      await withEngine(
        join(directory, "run/docker.sock"),
        (_, response) => response.end("<html>"),
        async () => assert.equal(await containers.containerName(of("docker")), undefined),
      );
    },
  ),
);
