/**
 * What docker's Engine API answers about containers (ContainerInspect, ContainerList), and podman's, which speaks the same: its own words
 * are read from labels. Shapes: docs.docker.com/reference/api/engine; docker 20.10 and podman 4.3 were asked. Pure.
 */
import type {
  ComposeService,
  ContainerState,
  KubernetesContainer,
  PublishedPort,
  RestartPolicy,
} from "../tcp/container-state.ts";
import { isContainerId } from "../tcp/container-state.ts";
import type { Container } from "../tcp/socket.ts";
import { listAt, nameOf, parseJson, textAt, valueAt } from "./untrusted-json.ts";

/** The answer to `GET /containers/ID/json`; undefined when it is none, or another container's. */
export function parseInspected(
  answer: unknown,
  asked: Container,
): Omit<ContainerState, "socket" | "byDefault"> | undefined {
  const id = textAt(answer, "Id");
  const running = valueAt(answer, "State", "Running");
  if (!isContainerId(id) || !id.startsWith(asked.id) || typeof running !== "boolean") return undefined;
  const name = nameWithoutSlash(textAt(answer, "Name"));
  const restartPolicy = restartPolicyOf(textAt(answer, "HostConfig", "RestartPolicy", "Name"));
  const published = portsOf(valueAt(answer, "NetworkSettings", "Ports"));
  const labels = valueAt(answer, "Config", "Labels");
  const compose = composeOf(labels);
  const kubernetes = kubernetesOf(labels);
  const swarmService = nameOf(textAt(labels, "com.docker.swarm.service.name"));
  const unit = nameOf(textAt(labels, "PODMAN_SYSTEMD_UNIT"));
  return {
    container: { runtime: asked.runtime, id, ...(name === undefined ? {} : { name }) },
    running,
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
    // Docker lists no ports of a container that is stopped: then those that it was made with.
    ports: published.length > 0 ? published : portsOf(valueAt(answer, "HostConfig", "PortBindings")),
    ...(compose === undefined ? {} : { compose }),
    ...(kubernetes === undefined ? {} : { kubernetes }),
    ...(swarmService === undefined ? {} : { swarmService }),
    ...(unit === undefined ? {} : { unit }),
  };
}

/** One of those that run, and what it publishes. */
export interface ListedContainer {
  readonly id: string;
  readonly name?: string;
  /** Without an address: on every one. */
  readonly ports: readonly (Omit<PublishedPort, "address"> & { readonly address?: string })[];
}

/** The answer to `GET /containers/json`; undefined when it is none. */
export function parseListed(answer: unknown): ListedContainer[] | undefined {
  if (!Array.isArray(answer)) return undefined;
  return answer.flatMap((each: unknown) => {
    const id = textAt(each, "Id");
    if (!isContainerId(id)) return [];
    const name = nameWithoutSlash(listAt(each, "Names")[0]);
    const ports = listAt(each, "Ports").flatMap((port) => {
      const address = textAt(port, "IP");
      const ends = endsOf(textAt(port, "Type"), valueAt(port, "PublicPort"), valueAt(port, "PrivatePort"));
      return ends === undefined ? [] : [{ ...ends, ...(address === undefined ? {} : { address }) }];
    });
    return [{ id, ...(name === undefined ? {} : { name }), ports }];
  });
}

/** The engine's own words for why not, on one line. */
export function parseRefusal(text: string): string | undefined {
  return textAt(parseJson(text), "message")?.replace(/\s+/g, " ").trim().slice(0, 200);
}

/** `{"80/tcp": [{"HostIp": "", "HostPort": "8080"}]}`. */
function portsOf(bindings: unknown): PublishedPort[] {
  if (typeof bindings !== "object" || bindings === null) return [];
  return Object.entries(bindings).flatMap(([inside, outside]: [string, unknown]) => {
    const [containerPort, protocol] = inside.split("/");
    return listAt({ outside }, "outside").flatMap((end) => {
      const ends = endsOf(protocol, Number(textAt(end, "HostPort")), Number(containerPort));
      return ends === undefined ? [] : [{ ...ends, address: textAt(end, "HostIp") ?? "0.0.0.0" }];
    });
  });
}

/** Undefined for sctp, and for a port that is still to be chosen. */
function endsOf(protocol: unknown, port: unknown, containerPort: unknown): Omit<PublishedPort, "address"> | undefined {
  return (protocol === "tcp" || protocol === "udp") && isPort(port) && isPort(containerPort)
    ? { protocol, port, containerPort }
    : undefined;
}

function isPort(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value > 0 && value < 65_536;
}

/** "no" is podman's word, "" docker's of old. */
function restartPolicyOf(name: string | undefined): RestartPolicy | undefined {
  return name === "always" || name === "unless-stopped" || name === "on-failure" ? name : undefined;
}

function composeOf(labels: unknown): ComposeService | undefined {
  const project = nameOf(textAt(labels, "com.docker.compose.project"));
  const service = nameOf(textAt(labels, "com.docker.compose.service"));
  return project === undefined || service === undefined ? undefined : { project, service };
}

/** Labels that the kubelet gives every container. The one that holds a pod's namespaces is called POD. */
export function kubernetesOf(labels: unknown): KubernetesContainer | undefined {
  const namespace = nameOf(textAt(labels, "io.kubernetes.pod.namespace"));
  const pod = nameOf(textAt(labels, "io.kubernetes.pod.name"));
  const container = nameOf(textAt(labels, "io.kubernetes.container.name"));
  if (namespace === undefined || pod === undefined) return undefined;
  return { namespace, pod, ...(container === undefined || container === "POD" ? {} : { container }) };
}

function nameWithoutSlash(name: unknown): string | undefined {
  return typeof name === "string" ? nameOf(name.replace(/^\//, "")) : undefined;
}
