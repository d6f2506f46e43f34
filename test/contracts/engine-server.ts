// A container engine's interface on a Unix socket: docker's, or podman's, for the containers that it is told of. What it answers has the
// shape of the recordings in test/fixtures/container-engine/.
import { once } from "node:events";
import { createServer } from "node:http";
import type { RequestListener, ServerResponse } from "node:http";

export interface EngineContainer {
  readonly id: string;
  readonly name: string;
  readonly restartPolicy?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly { protocol: string; address: string; port: number; containerPort: number }[];
  running: boolean;
  /** Ends what runs in it. */
  readonly end?: (graceSeconds: number) => Promise<void>;
}

export interface EngineServer {
  /** "POST /containers/…/stop?t=1", in their order. */
  readonly asked: readonly string[];
  close(): void;
}

/** Listens on the path until it is closed. `podman` makes it say that it is podman. */
export function startEngine(
  socketPath: string,
  containers: readonly EngineContainer[],
  options: { readonly podman?: boolean } = {},
): Promise<EngineServer> {
  return serveOn(socketPath, (request, response) => {
    response.setHeader("server", options.podman === true ? "Libpod/4.3.1 (linux)" : "Docker/20.10.24 (linux)");
    if (options.podman === true) response.setHeader("libpod-api-version", "4.3.1");
    const { pathname, searchParams } = new URL(request.url ?? "", "http://localhost");
    if (request.method === "GET" && pathname === "/containers/json")
      return answer(response, 200, containers.filter(({ running }) => running).map(listed));
    const [, id, verb] = /^\/containers\/([0-9a-f]+)\/(json|stop)$/.exec(pathname) ?? [];
    const container = containers.find((each) => each.id === id);
    if (container === undefined) return answer(response, 404, { message: `No such container: ${id}` });
    if (request.method === "GET" && verb === "json") return answer(response, 200, inspected(container));
    if (request.method !== "POST" || verb !== "stop") return answer(response, 400, { message: "page not found" });
    if (!container.running) return answer(response, 304);
    void stop(container, Number(searchParams.get("t")), response);
  });
}

async function stop(container: EngineContainer, graceSeconds: number, response: ServerResponse): Promise<void> {
  await container.end?.(graceSeconds);
  container.running = false;
  answer(response, 204);
}

/** Whatever answers, on a Unix socket. */
export async function serveOn(socketPath: string, listener: RequestListener): Promise<EngineServer> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    listener(request, response);
  }).listen(socketPath);
  await once(server, "listening");
  return {
    asked,
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
}

function answer(response: ServerResponse, status: number, body?: unknown): void {
  response.statusCode = status;
  response.setHeader("content-type", "application/json");
  response.end(body === undefined ? "" : JSON.stringify(body));
}

/** Without an address it is every one: docker says which two these are, podman leaves it out. */
function listed({ id, name, labels = {}, ports = [] }: EngineContainer): unknown {
  const Ports = ports.map(({ protocol, address, port, containerPort }) => ({
    ...(address === "" ? {} : { IP: address }),
    PrivatePort: containerPort,
    PublicPort: port,
    Type: protocol,
  }));
  return { Id: id, Names: [`/${name}`], Labels: labels, State: "running", Ports };
}

function inspected({ id, name, running, restartPolicy = "no", labels = {}, ports = [] }: EngineContainer): unknown {
  const bindings: Record<string, { HostIp: string; HostPort: string }[]> = {};
  for (const { protocol, address, port, containerPort } of ports)
    (bindings[`${containerPort}/${protocol}`] ??= []).push({ HostIp: address, HostPort: String(port) });
  return {
    Id: id,
    Name: `/${name}`,
    State: { Status: running ? "running" : "exited", Running: running, Paused: false },
    HostConfig: { RestartPolicy: { Name: restartPolicy, MaximumRetryCount: 0 }, PortBindings: bindings },
    Config: { Labels: labels },
    NetworkSettings: { Ports: running ? bindings : {} },
  };
}
