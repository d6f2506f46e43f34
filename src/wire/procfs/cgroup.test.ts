import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { containerOfCgroupPath, unitOfCgroupPath } from "./cgroup-path.ts";
import { parseCgroup } from "./cgroup.ts";

const ID = "3f29a1c0b7d84e5f6a0912cd34ef56ab78901234cdef5678ab90123456789abc";
const OTHER = "b".repeat(64);

test("parseCgroup() prefers the version-2 path and finds the unit in either hierarchy", () => {
  assert.deepEqual(parseCgroup("0::/system.slice/api.service\n"), {
    path: "/system.slice/api.service",
    unit: "api.service",
  });
  // A hybrid host: systemd still uses its own hierarchy of version 1. (Shape as on Debian 10 with systemd 241.)
  assert.deepEqual(parseCgroup("9:memory:/x\n1:name=systemd:/system.slice/api.service\n0::/\n"), {
    path: "/",
    unit: "api.service",
  });
  assert.deepEqual(parseCgroup("1:name=systemd:/system.slice/api.service\n"), {
    path: "/system.slice/api.service",
    unit: "api.service",
  });
  // A machine without systemd, Linux 6.18: nothing to tell but the root.
  assert.deepEqual(parseCgroup("9:name=systemd:/\n8:pids:/\n0::/\n"), { path: "/" });
});

test("parseCgroup() finds a container that only a controller of version 1 shows", () => {
  assert.deepEqual(parseCgroup(`4:memory:/docker/${ID}\n1:name=systemd:/\n0::/\n`), {
    path: "/",
    container: { runtime: "docker", id: ID },
  });
});

test("parseCgroup() strips the mark of a removed directory and ignores a cut line", () => {
  assert.deepEqual(parseCgroup("0::/system.slice/api.service (deleted)\n"), {
    path: "/system.slice/api.service",
    unit: "api.service",
  });
  assert.deepEqual(parseCgroup("0::/system.slice/api.serv"), {});
});

test("unitOfCgroupPath() finds the innermost unit, a user's too", () => {
  const cases: [string, string | undefined][] = [
    ["/system.slice/ssh.service", "ssh.service"],
    ["/system.slice/postgresql.service/payload", "postgresql.service"],
    ["/system.slice/api.socket", "api.socket"],
    ["/user.slice/user-1000.slice/session-3.scope", "session-3.scope"],
    ["/user.slice/user-1000.slice/user@1000.service/app.slice/web.service", "web.service"],
    ["/user.slice/user-1000.slice/user@1000.service/init.scope", "user@1000.service"],
    ["/init.scope", "init.scope"],
    ["/system.slice/_cpu.service", "cpu.service"],
    ["/system.slice", undefined],
    ["/", undefined],
  ];
  for (const [path, unit] of cases) assert.equal(unitOfCgroupPath(path), unit, path);
});

test("containerOfCgroupPath() knows every runtime's way to write the path", () => {
  const cases: [string, string | undefined][] = [
    [`/system.slice/docker-${ID}.scope`, "docker"],
    [`/docker/${ID}`, "docker"],
    [`/docker/${ID}/init`, "docker"],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/docker-${ID}.scope`, "docker"],
    [`/my-own-parent/${ID}`, "docker"],
    [`/ecs/0123456789abcdef0123456789abcdef/${ID}`, "docker"],
    [`/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1e_2d.slice/docker-${ID}.scope`, "docker"],
    [
      `/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod0f1e_2d.slice/cri-containerd-${ID}.scope`,
      "containerd",
    ],
    [`/kubepods/burstable/pod0f1e2d3c-0001-4a5b-8c9d-000000000001/${ID}`, "containerd"],
    [`/kubepods/pod0f1e2d3c-0001-4a5b-8c9d-000000000001/${ID}`, "containerd"],
    [`/system.slice/containerd.service/kubepods-burstable-pod0f1e_2d.slice:cri-containerd:${ID}`, "containerd"],
    [`/system.slice/nerdctl-${ID}.scope`, "containerd"],
    [`/default/${ID}`, "containerd"],
    [`/k8s.io/${ID}`, "containerd"],
    [`/../cri-containerd-${ID}.scope`, "containerd"],
    [
      `/kubepods.slice/kubepods-besteffort.slice/kubepods-besteffort-pod0f1e_2d.slice/crio-${ID}.scope/container`,
      "cri-o",
    ],
    [`/kubepods/besteffort/pod0f1e2d3c-0001-4a5b-8c9d-000000000001/crio-${ID}`, "cri-o"],
    [`/machine.slice/libpod-${ID}.scope/container`, "podman"],
    [`/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-${ID}.scope`, "podman"],
    [`/system.slice/web.service/libpod-payload-${ID}`, "podman"],
    [`/libpod_parent/libpod-${ID}`, "podman"],
    [`/machine.slice/machine-libpod_pod_${OTHER}.slice/libpod-${ID}.scope`, "podman"],
  ];
  for (const [path, runtime] of cases) assert.deepEqual(containerOfCgroupPath(path), { runtime, id: ID }, path);
});

test("containerOfCgroupPath() takes the inner one of nested containers", () => {
  const kind = `/docker/${OTHER}/kubelet.slice/kubelet-kubepods.slice/kubelet-kubepods-pod0f1e.slice/cri-containerd-${ID}.scope`;
  assert.deepEqual(containerOfCgroupPath(kind), { runtime: "containerd", id: ID });
  assert.deepEqual(containerOfCgroupPath(`/docker/${OTHER}/kubelet/kubepods/burstable/pod0f1e/${ID}`), {
    runtime: "containerd",
    id: ID,
  });
  assert.deepEqual(containerOfCgroupPath(`/docker/${OTHER}/docker/${ID}`), { runtime: "docker", id: ID });
  assert.deepEqual(
    containerOfCgroupPath(`/docker/${ID}/libpod-conmon-${OTHER}.scope`),
    { runtime: "docker", id: ID },
    "podman in docker",
  );
  assert.deepEqual(containerOfCgroupPath(`/docker/${ID}/system.slice/nginx.service`), { runtime: "docker", id: ID });
});

test("containerOfCgroupPath() does not take a monitor, a pod or a longer number for a container", () => {
  for (const path of [
    `/machine.slice/libpod-conmon-${ID}.scope`,
    `/system.slice/crio-conmon-${ID}.scope`,
    `/user.slice/libpod-conmon-${ID}.scope/x`,
    `/machine.slice/machine-libpod_pod_${ID}.slice`,
    `/libpod_parent/${ID}/conmon`,
    `/system.slice/docker-${ID}f.scope`,
    `/system.slice/docker-${ID.slice(1)}.scope`,
    `/system.slice/docker-${ID.toUpperCase()}.scope`,
    "/system.slice/docker.service",
    `/constructor-${ID}.scope`,
    `/lxc/web`,
    `/foo-${ID}.scope`,
  ]) {
    assert.equal(containerOfCgroupPath(path), undefined, path);
  }
});

test("parseCgroup() survives any text, and an id it gives was in it", () => {
  const part = fc.oneof(
    fc.constantFrom("docker", "kubepods", `docker-${ID}.scope`, ID, "a.service", "::", ":", "0", "..", ""),
    fc.string({ unit: "binary" }),
  );
  fc.assert(
    fc.property(fc.array(part), fc.constantFrom("/", "\n", ":"), (parts, separator) => {
      const text = `${parts.join(separator)}\n`;
      const { container, unit } = parseCgroup(text);
      if (container !== undefined) assert.ok(text.includes(container.id));
      if (unit !== undefined) assert.ok(text.includes(unit));
    }),
  );
});
