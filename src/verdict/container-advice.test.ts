import assert from "node:assert/strict";
import { test } from "node:test";
import type { ContainerBehind, ContainerState, EngineFailure } from "../tcp/container-state.ts";
import type { Container, Owner } from "../tcp/socket.ts";
import { endContainer } from "./container-advice.ts";
import type { ContainerEnding } from "./container-advice.ts";

const ID = "4f66ad9a0123".padEnd(64, "0");
const API: Container = { runtime: "docker", id: ID, name: "api" };
const INSIDE: Owner = { pid: 812, fd: 3, command: "node", container: API };
const PROXY_ARGS = ["docker-proxy", "-container-ip", "172.17.0.2", "-container-port", "80"];
const PROXY: Owner = { pid: 900, fd: 4, command: "docker-proxy", args: PROXY_ARGS };

function stateOf(more: Partial<ContainerState> = {}): ContainerState {
  return { container: API, running: true, ports: [], socket: "/run/docker.sock", byDefault: true, ...more };
}

function end(owner: Owner, behind?: Partial<ContainerBehind>, sudo = "sudo "): ContainerEnding | undefined {
  const holder = owner.container === undefined ? "publisher" : "inside";
  return endContainer({
    owner,
    protocol: "tcp",
    port: 8080,
    sudo,
    ...(behind === undefined ? {} : { behind: { holder, unasked: [], ...behind } }),
  });
}

/** Of a container in which the holder is. */
function commandFor(
  container: Container,
  state?: Partial<ContainerState>,
  owner: Partial<Owner> = {},
): string | undefined {
  const engine = state === undefined ? {} : { engine: stateOf({ container, ...state }) };
  return end({ ...INSIDE, container, ...owner }, { container, ...engine })?.advice.command;
}

test("a program that is in no container, and works for none, is none of these", () => {
  assert.equal(end({ pid: 1, fd: 3, command: "nginx" }), undefined);
});

test("a container is stopped with the tool of its runtime", () => {
  assert.deepEqual(end(INSIDE), {
    advice: { text: "stop the container api", command: "docker stop api", costs: "downtime" },
    container: API,
  });
  assert.equal(commandFor({ runtime: "podman", id: ID, name: "web" }), "podman stop web");
  assert.equal(commandFor({ runtime: "podman", id: ID, name: "web" }, undefined, { uid: 0 }), "sudo podman stop web");
  assert.equal(commandFor({ runtime: "containerd", id: ID, name: "cache" }), "sudo nerdctl stop cache");
  assert.equal(commandFor({ runtime: "containerd", id: ID }), "sudo crictl stop 4f66ad9a0123");
  assert.equal(commandFor({ runtime: "cri-o", id: ID }), "sudo crictl stop 4f66ad9a0123");
});

test("a tool that would ask another engine is told where this one is", () => {
  const rootless = { socket: "/run/user/1000/docker.sock", byDefault: false };
  assert.equal(commandFor(API, rootless), "docker -H unix:///run/user/1000/docker.sock stop api");
  const podman = { socket: "/run/user/1000/podman/podman.sock", byDefault: false };
  const web: Container = { runtime: "podman", id: ID, name: "web" };
  assert.equal(commandFor(web, podman), "podman --url unix:///run/user/1000/podman/podman.sock stop web");
});

test("an engine that may not be asked is one for sudo", () => {
  const engine: EngineFailure = { failure: "right", why: "/run/docker.sock may not be opened", errno: "EACCES" };
  assert.equal(end(INSIDE, { container: API, engine })?.advice.command, "sudo docker stop api");
  assert.equal(end(PROXY, { unasked: [engine] })?.advice.command, "sudo docker ps --filter publish=8080/tcp");
  assert.equal(end(INSIDE, { container: API, engine }, "")?.advice.command, "docker stop api");
});

test("a name that could be more than a word for the shell is not in the command: the id is", () => {
  for (const name of ["a b", "x;reboot", "$(id)", "-v", "a\nb", "a'b", ""])
    assert.equal(commandFor({ ...API, name }), "docker stop 4f66ad9a0123", name);
  assert.equal(commandFor(API, { compose: { project: "shop", service: "x;id" } }), "docker stop api");
  assert.equal(commandFor(API, { swarmService: "$(id)" }), "docker stop api");
  assert.equal(commandFor(API, { unit: "a b.service" }), "docker stop api");
  assert.equal(commandFor(API, { kubernetes: { namespace: "a;b", pod: "p" } }), "docker stop api");
  assert.match(
    commandFor(API, { socket: "/tmp/a b;c", byDefault: false }) ?? "",
    /^docker -H 'unix:\/\/\/tmp\/a b;c' stop api$/,
  );
});

test("a service of compose is stopped as one", () => {
  const ending = end(INSIDE, { container: API, engine: stateOf({ compose: { project: "shop", service: "api" } }) });
  assert.equal(ending?.advice.text, "stop the service api of the compose project shop (container api)");
  assert.equal(ending.advice.command, "docker compose -p shop stop api");
  assert.equal(ending.staysStopped, true);
});

test("a restart policy restarts what is killed, and not what its engine has stopped", () => {
  for (const [restartPolicy, restarts] of [
    ["always", "at-once"],
    ["unless-stopped", "at-once"],
    ["on-failure", "perhaps"],
  ] as const) {
    const ending = end(INSIDE, { container: API, engine: stateOf({ restartPolicy }) });
    assert.deepEqual(ending?.supervisor, {
      kind: "docker",
      name: "api",
      of: 812,
      text: `docker restarts it (restart policy ${restartPolicy})`,
      command: "docker stop api",
      restarts,
    });
    assert.equal(ending.staysStopped, true);
  }
  assert.equal(end(INSIDE, { container: API, engine: stateOf() })?.supervisor, undefined);
  assert.equal(end(INSIDE)?.staysStopped, undefined, "nobody was asked");
});

test("what Kubernetes made is deleted there: its kubelet restarts what is only stopped", () => {
  const pod = "kubectl delete pod api-7f9c -n shop";
  for (const container of [
    { runtime: "containerd", id: ID, name: "shop/api-7f9c/api" },
    { runtime: "cri-o", id: ID, name: "shop/api-7f9c" },
    { runtime: "cri-o", id: ID, name: "k8s_api_api-7f9c_shop_0a1b-2c_0" },
    { runtime: "docker", id: ID, name: "k8s_api_api-7f9c_shop_0a1b-2c_0" },
  ] as const) {
    const ending = end({ ...INSIDE, container });
    assert.equal(ending?.advice.command, pod, container.name);
    assert.deepEqual([ending.supervisor?.kind, ending.supervisor?.restarts], ["kubelet", "at-once"]);
    assert.equal(ending.staysStopped, false);
  }
  assert.equal(commandFor(API, { kubernetes: { namespace: "shop", pod: "api-7f9c", container: "api" } }), pod);
});

test("what a swarm runs is scaled down, and what systemd runs is stopped as a unit", () => {
  const swarm = end(INSIDE, { container: API, engine: stateOf({ swarmService: "shop_api" }) });
  assert.equal(swarm?.advice.command, "docker service scale shop_api=0");
  assert.equal(swarm.staysStopped, false);
  const web: Container = { runtime: "podman", id: ID, name: "web" };
  const unit = { unit: "web.service", socket: "/run/podman/podman.sock" };
  assert.equal(commandFor(web, unit), "sudo systemctl stop web.service");
  assert.equal(
    commandFor(web, { ...unit, socket: "/run/user/1000/podman/podman.sock" }),
    "systemctl --user stop web.service",
  );
  const ending = end({ ...INSIDE, container: web }, { container: web, engine: stateOf({ container: web, ...unit }) });
  assert.deepEqual(
    [ending?.supervisor?.kind, ending?.supervisor?.restarts, ending?.staysStopped],
    ["systemd", "perhaps", undefined],
  );
});

test("who only publishes a port is not the one to stop", () => {
  const ending = end(PROXY, { container: API, engine: stateOf({ restartPolicy: "always" }) });
  assert.equal(ending?.advice.text, "stop the container api: docker-proxy only publishes its port");
  assert.equal(ending.advice.command, "docker stop api");
  assert.equal(ending.supervisor?.of, 900);
});

test("where nobody knows which container it is, its engine is asked by hand", () => {
  const proxy = end(PROXY);
  assert.equal(proxy?.advice.text, "docker-proxy publishes a container's port: stop that container, not the proxy");
  assert.equal(proxy.advice.command, "docker ps --filter publish=8080/tcp");
  assert.equal(proxy.container, undefined);
  assert.equal(end({ pid: 5, fd: 3, command: "rootlessport", uid: 1000 })?.advice.command, "podman port --all");
  assert.match(end({ pid: 5, fd: 3, command: "dockerd" })?.advice.text ?? "", /perhaps/);
});

test("a port of podman's pod is its own container's, and the pod is what to stop", () => {
  const container: Container = { runtime: "podman", id: ID, name: "435a796ba00a-infra" };
  const args = ["conmon", "-c", ID, "-n", "435a796ba00a-infra", "--exit-dir", "/run/libpod/exits"];
  const ending = end({ pid: 7, fd: 5, command: "conmon", args, uid: 1000 });
  assert.deepEqual(ending?.container, container);
  assert.equal(ending?.advice.command, "podman pod stop 435a796ba00a");
});
