import assert from "node:assert/strict";
import { test } from "node:test";
import { publishedContainer, publishesPorts } from "./port-publisher.ts";

const ID = "12d62ec55cc30f1ceb2696e89463f882fba910f662e1638385644e51275148c0";
const owner = (command: string, args: readonly string[] = []) => ({
  pid: 812,
  fd: 5,
  command,
  args: [command, ...args],
});
/** As podman 4.3 starts it. */
const CONMON = ["--api-version", "1", "-c", ID, "-u", ID, "-r", "/usr/bin/runc", "-n", "web", "--exit-dir"];

test("publishesPorts() knows who holds ports for containers, and who may hold them for itself", () => {
  const proxy = ["-proto", "tcp", "-host-ip", "0.0.0.0", "-host-port", "80", "-container-ip", "172.17.0.2"];
  assert.equal(publishesPorts(owner("docker-proxy", [...proxy, "-container-port", "80"])), "always");
  for (const command of ["rootlessport", "conmon"]) assert.equal(publishesPorts(owner(command)), "always");
  for (const command of ["dockerd", "rootlesskit", "slirp4netns", "pasta"])
    assert.equal(publishesPorts(owner(command)), "perhaps");
  for (const command of ["nginx", "containerd", "podman"]) assert.equal(publishesPorts(owner(command)), undefined);
});

test("publishedContainer() reads the container from conmon's and slirp4netns' command lines", () => {
  const web = { id: ID, name: "web" };
  assert.deepEqual(publishedContainer(owner("conmon", [...CONMON, "/run/libpod/exits"])), {
    runtime: "podman",
    ...web,
  });
  assert.deepEqual(publishedContainer(owner("conmon", [...CONMON, "/var/run/crio/exits"])), {
    runtime: "cri-o",
    ...web,
  });
  const socket = ["--api-socket", `/run/user/1000/libpod/tmp/${ID}.net`];
  assert.deepEqual(publishedContainer(owner("slirp4netns", socket)), { runtime: "podman", id: ID });
});

test("publishedContainer() takes no id that is none, and nothing from other programs", () => {
  for (const each of [
    owner("conmon"),
    owner("conmon", ["-c"]),
    owner("conmon", ["-c", "../web"]),
    owner("nginx", ["-c", ID]),
    owner("slirp4netns", ["--api-socket", "/tmp/a.net"]),
    owner("rootlessport"),
    { pid: 1, fd: 3, command: "conmon" },
  ])
    assert.equal(publishedContainer(each), undefined);
});
