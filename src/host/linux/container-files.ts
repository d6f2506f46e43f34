/**
 * Names of containers from the files that the runtimes keep. Root reads them all; a user reads those of rootless engines. Each file is
 * written by its runtime alone, but what is in it is still checked: a strange file gives no name, never an error.
 */
import { readdirSync } from "node:fs";
import type { Container } from "../../tcp/socket.ts";
import { nameOf, parseJson, textAt } from "../../wire/untrusted-json.ts";
import { readTextOrErrno } from "./read-file.ts";
import type { SystemRoots } from "./system-roots.ts";

const MOST_BYTES = 16 << 20;

export interface ContainerFilePlaces {
  readonly roots: SystemRoots;
  /** Home of the user whose rootless containers are looked up too. */
  readonly home?: string;
  /** XDG_RUNTIME_DIR of that user. */
  readonly runtimeDirectory?: string;
  /** DOCKER_HOST and CONTAINER_HOST: a URL each. */
  readonly dockerHost?: string;
  readonly containerHost?: string;
  readonly uid?: number;
}

export function readContainerName(container: Container, places: ContainerFilePlaces): string | undefined {
  switch (container.runtime) {
    case "docker":
      return readDockerName(container.id, places);
    case "podman":
      return readPodmanName(container.id, places);
    case "containerd":
      return readContainerdName(container.id, places);
    case "cri-o":
      return readCrioName(container.id, places);
  }
}

/** `Name` of config.v2.json, with a slash before it (moby, container/container.go). */
function readDockerName(id: string, { roots, home }: ContainerFilePlaces): string | undefined {
  const directories = [`${roots.var}/lib/docker`, `${roots.var}/snap/docker/common/var-lib-docker`];
  if (home !== undefined) directories.push(`${home}/.local/share/docker`);
  return firstOf(directories, (directory) => {
    const config = readJson(`${directory}/containers/${id}/config.v2.json`);
    return nameOf(textAt(config, "Name")?.replace(/^\//, ""));
  });
}

/** The list of containers/storage (container store, containers.json); those of `podman run --rm` stand in a list of their own. */
function readPodmanName(id: string, { roots, home, runtimeDirectory }: ContainerFilePlaces): string | undefined {
  const stores = [`${roots.var}/lib/containers/storage`, `${roots.run}/containers/storage`];
  if (home !== undefined) stores.push(`${home}/.local/share/containers/storage`);
  if (runtimeDirectory !== undefined) stores.push(`${runtimeDirectory}/containers`);
  const files = stores.flatMap((store) =>
    ["overlay-containers", "vfs-containers"].flatMap((directory) => [
      `${store}/${directory}/containers.json`,
      `${store}/${directory}/volatile-containers.json`,
    ]),
  );
  return firstOf(files, (file) => {
    const list = readJson(file);
    if (!Array.isArray(list)) return undefined;
    const entry = list.find((each) => textAt(each, "id") === id);
    const names = (entry as { names?: unknown } | undefined)?.names;
    return Array.isArray(names) ? nameOf(names[0]) : undefined;
  });
}

/** The OCI bundle of the running task: annotations of the CRI plugin (pkg/cri/annotations) or of nerdctl (pkg/labels). */
function readContainerdName(id: string, { roots }: ContainerFilePlaces): string | undefined {
  const tasks = [
    `${roots.run}/containerd/io.containerd.runtime.v2.task`,
    `${roots.run}/k3s/containerd/io.containerd.runtime.v2.task`,
  ];
  return firstOf(tasks, (directory) =>
    firstOf(namesIn(directory), (namespace) => {
      const annotations = annotationsOf(readJson(`${directory}/${namespace}/${id}/config.json`));
      return (
        kubernetesName(
          textAt(annotations, "io.kubernetes.cri.sandbox-namespace"),
          textAt(annotations, "io.kubernetes.cri.sandbox-name"),
          textAt(annotations, "io.kubernetes.cri.container-name"),
        ) ?? nameOf(textAt(annotations, "nerdctl/name"))
      );
    }),
  );
}

/** The OCI bundle, in the run directory while it runs and in the store. */
function readCrioName(id: string, { roots }: ContainerFilePlaces): string | undefined {
  const stores = [`${roots.run}/containers/storage`, `${roots.var}/lib/containers/storage`];
  return firstOf(stores, (store) =>
    crioNameOf(annotationsOf(readJson(`${store}/overlay-containers/${id}/userdata/config.json`))),
  );
}

/** From the labels that the kubelet gives every container; the pod's own container is called POD. */
export function crioNameOf(labels: unknown): string | undefined {
  return kubernetesName(
    textAt(labels, "io.kubernetes.pod.namespace"),
    textAt(labels, "io.kubernetes.pod.name"),
    textAt(labels, "io.kubernetes.container.name"),
  );
}

/** `namespace/pod/container`: all that `kubectl` needs to reach it. The container that holds a pod's namespaces has no name of its own. */
function kubernetesName(
  namespace: string | undefined,
  pod: string | undefined,
  container: string | undefined,
): string | undefined {
  if (namespace === undefined || pod === undefined) return nameOf(container);
  return nameOf([namespace, pod, ...(container === undefined ? [] : [container])].join("/"));
}

function annotationsOf(spec: unknown): unknown {
  return (spec as { annotations?: unknown } | null | undefined)?.annotations;
}

function readJson(path: string): unknown {
  const answer = readTextOrErrno(path, MOST_BYTES);
  return "text" in answer ? parseJson(answer.text) : undefined;
}

function namesIn(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch {
    return [];
  }
}

function firstOf<T>(items: readonly T[], find: (item: T) => string | undefined): string | undefined {
  for (const item of items) {
    const found = find(item);
    if (found !== undefined) return found;
  }
  return undefined;
}
