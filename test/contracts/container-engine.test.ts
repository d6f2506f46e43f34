// What is read of recorded answers of docker and podman, and which of several engines is believed.
import assert from "node:assert/strict";
import { existsSync, readFileSync, renameSync, symlinkSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { parseInspected, parseListed } from "../../src/wire/engine-answers.ts";
import { serveOn, startEngine } from "./engine-server.ts";
import type { EngineContainer } from "./engine-server.ts";
import { makeEnginePlaces } from "./engine-places.ts";

const A = "a".repeat(64);
const B = "b".repeat(64);

function findRoot(folder: string): string {
  return existsSync(join(folder, "package-lock.json")) ? folder : findRoot(dirname(folder));
}

function recorded(name: string): { readonly text: string; readonly answer: unknown } {
  const text = readFileSync(join(findRoot(import.meta.dirname), `test/fixtures/container-engine/${name}.json`), "utf8");
  return { text, answer: JSON.parse(text) };
}

const API = "f6377b25a697";
const PORTS = [
  { protocol: "tcp", port: 8080, containerPort: 80, address: "127.0.0.1" },
  { protocol: "udp", port: 9090, containerPort: 90, address: "0.0.0.0" },
];

test("docker's answer about a container tells its name, policy, ports and compose service", () => {
  const state = parseInspected(recorded("docker-running").answer, { runtime: "docker", id: API });
  assert.ok(state !== undefined && state.container.id.startsWith(API));
  assert.deepEqual(state, {
    container: { runtime: "docker", id: state.container.id, name: "shop-api-1" },
    running: true,
    restartPolicy: "unless-stopped",
    ports: [...PORTS, { ...PORTS[1], address: "::" }],
    compose: { project: "shop", service: "api" },
  });
});

test("docker's answer about a stopped container tells what it would publish", () => {
  const state = parseInspected(recorded("docker-stopped").answer, { runtime: "docker", id: API });
  assert.deepEqual([state?.running, state?.ports], [false, PORTS]);
});

test("podman's answer about a container tells its unit too", () => {
  const state = parseInspected(recorded("podman-running").answer, { runtime: "podman", id: "12d62ec55cc3" });
  assert.deepEqual([state?.running, state?.restartPolicy, state?.unit], [true, "on-failure", "web.service"]);
  assert.deepEqual(state?.ports, PORTS);
});

test("an answer that is no answer is none, and one that is odd leaves out what is odd", () => {
  const asked = { runtime: "docker", id: A } as const;
  for (const answer of [undefined, null, 7, [], {}, { Id: A }, { Id: A, State: { Running: "yes" } }, { Id: 7 }])
    assert.equal(parseInspected(answer, asked), undefined, JSON.stringify(answer));
  const odd = {
    Id: A,
    Name: 7,
    State: { Running: true },
    HostConfig: { RestartPolicy: { Name: "sometimes" }, PortBindings: { "80/tcp": null, x: [{ HostPort: "1" }] } },
    Config: { Labels: { "com.docker.compose.project": 1, "io.kubernetes.pod.name": "p" } },
    NetworkSettings: { Ports: { "80/sctp": [{ HostPort: "8080" }], "81/tcp": [{ HostPort: "99999" }, null, 7] } },
  };
  assert.deepEqual(parseInspected(odd, asked), {
    container: asked,
    running: true,
    ports: [],
  });
  for (const answer of [undefined, null, {}, "x"]) assert.equal(parseListed(answer), undefined);
  assert.deepEqual(parseListed([null, 7, { Id: "../x" }, { Id: A, Names: "x", Ports: [{}, null] }]), [
    { id: A, ports: [] },
  ]);
});

for (const [engine, port, address, name] of [
  ["docker", 8080, "127.0.0.1", "shop-api-1"],
  ["podman", 8080, "127.0.0.1", "web"],
  ["podman", 8080, "0.0.0.0", undefined],
  // Without root podman's rootlessport listens on `::` for a port that is published on every address.
  ["podman", 6060, "::", "435a796ba00a-infra"],
  ["podman", 6060, "127.0.0.1", undefined],
] as const)
  test(`findPublisher() finds ${name ?? "nobody"} behind ${address} ${port} in ${engine}'s recorded list`, async (t) => {
    const places = makeEnginePlaces(t);
    const { text } = recorded(`${engine}-list`);
    const server = await serveOn(places.path("docker.sock"), (_, response) => {
      if (engine === "podman") response.setHeader("libpod-api-version", "4.3.1");
      response.end(text);
    });
    t.after(() => server.close());
    const { publisher } = await places.containers().findPublisher("tcp", address, port);
    assert.deepEqual(
      [publisher?.name, publisher?.runtime],
      name === undefined ? [undefined, undefined] : [name, engine],
    );
  });

const published = (id: string, name: string, address: string): EngineContainer => ({
  id,
  name,
  running: true,
  ports: [{ protocol: "tcp", address, port: 8080, containerPort: 80 }],
});

test("findPublisher() asks all engines, and takes who publishes on this very address", async (t) => {
  const places = makeEnginePlaces(t);
  const docker = await startEngine(places.path("docker.sock"), [published(A, "wide", "0.0.0.0")]);
  const podman = await startEngine(places.path("user/1000/podman/podman.sock"), [published(B, "near", "::1")], {
    podman: true,
  });
  const broken = await serveOn(places.path("user/1001/docker.sock"), (request) => request.socket.destroy());
  t.after(() => [docker, podman, broken].forEach((each) => each.close()));
  const containers = places.containers();
  const at = async (address: string) => (await containers.findPublisher("tcp", address, 8080)).publisher?.name;
  assert.deepEqual(
    [await at("0.0.0.0"), await at("::1"), await at("0:0:0:0:0:0:0:1"), await at("127.0.0.1")],
    ["wide", "near", "near", undefined],
  );
  const { unasked } = await containers.findPublisher("tcp", "::1", 8080);
  assert.deepEqual(
    unasked.map(({ errno }) => errno),
    ["ECONNRESET"],
  );
});

test("a socket with two names is asked once", async (t) => {
  const places = makeEnginePlaces(t);
  const engine = await startEngine(places.path("docker.sock"), [published(A, "api", "127.0.0.1")]);
  t.after(() => engine.close());
  symlinkSync(places.path("docker.sock"), places.path("podman/podman.sock"));
  const dockerHost = { DOCKER_HOST: `unix://${places.path("docker.sock")}` };
  await places.containers({ environment: dockerHost }).findPublisher("tcp", "127.0.0.1", 8080);
  assert.equal(engine.asked.length, 1);
});

test("containerState() is that of the engine that knows it, whichever could not be asked", async (t) => {
  const places = makeEnginePlaces(t);
  const system = await startEngine(places.path("docker.sock"), []);
  const own = await startEngine(places.path("own/docker.sock"), [published(A, "api", "127.0.0.1")]);
  t.after(() => [system, own].forEach((each) => each.close()));
  const containers = places.containers({ runtimeDirectory: places.path("own") });
  const state = await containers.containerState({ runtime: "docker", id: A });
  assert.ok(!("failure" in state));
  assert.equal(state.socket, places.path("own/docker.sock"));
  const unknown = await containers.containerState({ runtime: "docker", id: B });
  assert.ok("failure" in unknown && unknown.failure === "container");
  renameSync(places.path("own/docker.sock"), places.path("own/gone.sock"));
  const gone = await containers.containerState({ runtime: "docker", id: A });
  assert.ok("failure" in gone && gone.failure === "container");
});

test("containerState() says whether the command-line tool would ask there by itself", async (t) => {
  const places = makeEnginePlaces(t);
  const sockets = ["docker.sock", "own/docker.sock", "podman/podman.sock", "own/podman/podman.sock", "far.sock"];
  for (const [index, name] of sockets.entries()) {
    const engine = await startEngine(places.path(name), [published(String(index).repeat(64), "api", "127.0.0.1")]);
    t.after(() => engine.close());
  }
  const defaults = async (environment: Record<string, string>): Promise<(boolean | undefined)[]> => {
    const containers = places.containers({ environment, runtimeDirectory: places.path("own") });
    return Promise.all(
      sockets.map(async (name, index) => {
        const runtime = name.includes("podman") ? "podman" : "docker";
        const state = await containers.containerState({ runtime, id: String(index).repeat(64) });
        return "failure" in state ? undefined : state.byDefault;
      }),
    );
  };
  const root = process.geteuid?.() === 0;
  assert.deepEqual(await defaults({}), [true, false, root, !root, undefined]);
  const far = { DOCKER_HOST: `unix://${places.path("far.sock")}` };
  assert.deepEqual(await defaults(far), [false, false, root, !root, true]);
  assert.deepEqual(await defaults({ DOCKER_HOST: "tcp://10.0.0.1:2375" }), [false, false, root, !root, undefined]);
});

test("stopContainer() tells only the engine that has it, with the grace in whole seconds", async (t) => {
  const places = makeEnginePlaces(t);
  const other = await startEngine(places.path("docker.sock"), []);
  const has = await startEngine(places.path("user/1000/docker.sock"), [published(A, "api", "127.0.0.1")]);
  t.after(() => [other, has].forEach((each) => each.close()));
  assert.equal(await places.containers().stopContainer({ runtime: "docker", id: A }, { graceMs: 1001 }), "ok");
  const posts = (asked: readonly string[]): string[] => asked.filter((line) => line.startsWith("POST"));
  assert.deepEqual(posts(other.asked), []);
  assert.deepEqual(posts(has.asked), [`POST /containers/${A}/stop?t=2`]);
  assert.equal(await places.containers().stopContainer({ runtime: "docker", id: A }, { graceMs: 1001 }), "already");
  assert.equal(posts(has.asked).length, 1, "nothing is asked of what is known not to run");
});

for (const [status, answer] of [
  [304, "already"],
  [404, "container"],
  [403, "right"],
  [409, "answer"],
  [500, "answer"],
] as const)
  test(`stopContainer() answers ${answer} when the engine answers ${status}`, async (t) => {
    const places = makeEnginePlaces(t);
    const engine = await serveOn(places.path("docker.sock"), (request, response) => {
      response.statusCode = request.method === "POST" ? status : 200;
      const known = { Id: A, Name: "/api", State: { Running: true } };
      response.end(status === 304 && request.method === "POST" ? "" : JSON.stringify({ ...known, message: "not so" }));
    });
    t.after(() => engine.close());
    const stopped = await places.containers().stopContainer({ runtime: "docker", id: A }, { graceMs: 0 });
    if (typeof stopped === "string") return assert.equal(stopped, answer);
    assert.deepEqual([stopped.failure, stopped.status], [answer, status]);
    assert.match(stopped.why, /not so/);
  });

test("stopContainer() gives up on an engine that never answers, and at once when it is interrupted", async (t) => {
  const places = makeEnginePlaces(t);
  const interrupt = new AbortController();
  const engine = await serveOn(places.path("docker.sock"), (request, response) => {
    if (request.method === "GET") response.end(JSON.stringify({ Id: A, Name: "/api", State: { Running: true } }));
    else if (request.url?.endsWith("t=60") === true) interrupt.abort();
  });
  t.after(() => engine.close());
  const containers = places.containers({ beyondGraceMs: 200 });
  const late = await containers.stopContainer({ runtime: "docker", id: A }, { graceMs: 0 });
  assert.ok(typeof late === "object" && late.failure === "answer" && late.errno === "ETIMEDOUT");
  const { signal } = interrupt;
  const left = await containers.stopContainer({ runtime: "docker", id: A }, { graceMs: 60_000, signal });
  assert.ok(typeof left === "object" && left.failure === "interrupted" && left.errno === "ECANCELED");
});

test("nothing but a container's id gets into a path", async (t) => {
  const places = makeEnginePlaces(t);
  const engine = await startEngine(places.path("docker.sock"), []);
  t.after(() => engine.close());
  const containers = places.containers();
  for (const id of ["", "../json", "api", "A".repeat(64), `${A}/x`]) {
    const state = await containers.containerState({ runtime: "docker", id });
    assert.ok("failure" in state && state.failure === "container");
    assert.deepEqual(await containers.stopContainer({ runtime: "docker", id }, { graceMs: 0 }), state);
  }
  assert.deepEqual(engine.asked, []);
});
