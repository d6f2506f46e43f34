/** Names of containers from the engine itself, over HTTP on its local socket. `node:http` is loaded only when such a socket is there. */
import { statSync } from "node:fs";
import type { Container } from "../../tcp/socket.ts";
import type { ContainerFilePlaces } from "./container-files.ts";
import { crioNameOf, nameOf, parseJson, textAt } from "./container-files.ts";

/** An inspected container is about 10 KB. */
const MOST_BYTES = 4 << 20;

interface Engine {
  readonly sockets: readonly string[];
  readonly path: string;
  nameIn(answer: unknown): string | undefined;
}

/** Asks one socket after the other until one knows the container, or until the time is over. */
export async function askContainerName(
  container: Container,
  places: ContainerFilePlaces,
  limitMs: number,
): Promise<string | undefined> {
  const engine = engineOf(container, places);
  const sockets = engine.sockets.filter(isSocket);
  if (sockets.length === 0) return undefined;
  const deadline = Date.now() + limitMs;
  const http = await import("node:http");
  for (const socketPath of sockets) {
    const leftMs = deadline - Date.now();
    if (leftMs <= 0) return undefined;
    const text = await getText(http, socketPath, engine.path, leftMs);
    const name = text === undefined ? undefined : engine.nameIn(parseJson(text));
    if (name !== undefined) return name;
  }
  return undefined;
}

/**
 * docker and podman speak the same language: ContainerInspect, `Name` with a slash before it. CRI-O answers HTTP beside gRPC on its socket
 * (server/inspect.go). containerd speaks gRPC only: its names come from files.
 */
function engineOf({ runtime, id }: Container, { roots, runtimeDirectory }: ContainerFilePlaces): Engine {
  const places = (name: string): string[] =>
    runtimeDirectory === undefined ? [`${roots.run}/${name}`] : [`${roots.run}/${name}`, `${runtimeDirectory}/${name}`];
  const inspected = (answer: unknown): string | undefined => nameOf(textAt(answer, "Name")?.replace(/^\//, ""));
  switch (runtime) {
    case "docker":
      return { sockets: places("docker.sock"), path: `/containers/${id}/json`, nameIn: inspected };
    case "podman":
      return { sockets: places("podman/podman.sock"), path: `/containers/${id}/json`, nameIn: inspected };
    case "cri-o":
      return {
        sockets: [`${roots.run}/crio/crio.sock`],
        path: `/containers/${id}`,
        nameIn: (answer) =>
          crioNameOf((answer as { labels?: unknown } | null | undefined)?.labels) ?? nameOf(textAt(answer, "name")),
      };
    case "containerd":
      return { sockets: [], path: "", nameIn: () => undefined };
  }
}

/** The body of a 200 answer; undefined for anything else. Settles within the limit, whatever the other side does. */
function getText(
  http: typeof import("node:http"),
  socketPath: string,
  path: string,
  limitMs: number,
): Promise<string | undefined> {
  return new Promise((resolve) => {
    const request = http.get(
      { socketPath, path, agent: false, headers: { host: "localhost", connection: "close" } },
      (response) => {
        if (response.statusCode !== 200) return settle(undefined);
        const pieces: Buffer[] = [];
        let bytes = 0;
        response.on("data", (piece: Buffer) => {
          bytes += piece.length;
          if (bytes > MOST_BYTES) settle(undefined);
          else pieces.push(piece);
        });
        response.on("end", () => settle(response.complete ? Buffer.concat(pieces).toString("utf8") : undefined));
        response.on("error", () => settle(undefined));
      },
    );
    const timer = setTimeout(() => settle(undefined), limitMs);
    function settle(text: string | undefined): void {
      clearTimeout(timer);
      resolve(text);
      request.destroy();
    }
    request.on("error", () => settle(undefined));
  });
}

function isSocket(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isSocket() === true;
  } catch {
    return false;
  }
}
