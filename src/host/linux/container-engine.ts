/**
 * What docker and podman are asked and told over their local sockets: the Engine API. CRI-O answers HTTP too, but only who a container is
 * (server/inspect.go); containerd speaks gRPC alone.
 */
import type {
  ContainerAnswer,
  ContainerState,
  EngineFailure,
  PublisherAnswer,
  StopAnswer,
} from "../../tcp/container-state.ts";
import { canonicalIp } from "../../tcp/ip-address.ts";
import type { Container, Protocol } from "../../tcp/socket.ts";
import { parseInspected, parseListed, parseRefusal } from "../../wire/engine-answers.ts";
import type { ListedContainer } from "../../wire/engine-answers.ts";
import { nameOf, parseJson, textAt, valueAt } from "../../wire/untrusted-json.ts";
import type { StopOptions } from "../actions.ts";
import type { ContainerFilePlaces } from "./container-files.ts";
import { crioNameOf } from "./container-files.ts";
import { requestEngine } from "./engine-http.ts";
import type { EngineReply } from "./engine-http.ts";
import { findEngineSockets } from "./engine-sockets.ts";

export async function askContainerName(
  container: Container,
  places: ContainerFilePlaces,
  limitMs: number,
): Promise<string | undefined> {
  if (container.runtime !== "cri-o") {
    const state = await askContainerState(container, places, limitMs);
    return "failure" in state ? undefined : state.container.name;
  }
  const socketPath = `${places.roots.run}/crio/crio.sock`;
  const reply = await requestEngine({ socketPath, method: "GET", path: `/containers/${container.id}`, limitMs });
  if ("errno" in reply || reply.status !== 200) return undefined;
  const answer = parseJson(reply.text);
  return crioNameOf(valueAt(answer, "labels")) ?? nameOf(textAt(answer, "name"));
}

/** All engines that can have it are asked at once. */
export async function askContainerState(
  container: Container,
  places: ContainerFilePlaces,
  limitMs: number,
): Promise<ContainerAnswer> {
  const { runtime, id } = container;
  if (runtime === "containerd" || runtime === "cri-o")
    return { failure: "engine", why: `${runtime} does not speak HTTP about its containers` };
  const answers = await Promise.all(
    findEngineSockets([runtime], places).map(async ({ socket, byDefault }): Promise<ContainerAnswer> => {
      const reply = await requestEngine({ socketPath: socket, method: "GET", path: `/containers/${id}/json`, limitMs });
      if ("errno" in reply || reply.status !== 200) return failureOf(reply, socket, limitMs);
      const state = parseInspected(parseJson(reply.text), container);
      return state === undefined ? nonsense(socket) : { ...state, socket, byDefault: byDefault === runtime };
    }),
  );
  const known = answers.find((answer): answer is ContainerState => !("failure" in answer));
  if (known !== undefined) return known;
  const failures = answers as readonly EngineFailure[];
  const worst = WORST_FIRST.map((failure) => failures.find((each) => each.failure === failure));
  return worst.find((each) => each !== undefined) ?? { failure: "engine", why: `no socket of ${runtime} is here` };
}

/** One that could not be asked can be the one that has it. */
const WORST_FIRST: readonly EngineFailure["failure"][] = ["right", "interrupted", "answer", "container", "engine"];

/** Which running container publishes the port. The engines of all users whose sockets may be opened are asked at once. */
export async function askPublisher(
  wanted: { readonly protocol: Protocol; readonly address: string; readonly port: number },
  places: ContainerFilePlaces,
  limitMs: number,
): Promise<PublisherAnswer> {
  const answers = await Promise.all(
    findEngineSockets(["docker", "podman"], places).map(async ({ socket }) => {
      const reply = await requestEngine({ socketPath: socket, method: "GET", path: "/containers/json", limitMs });
      if ("errno" in reply || reply.status !== 200) return failureOf(reply, socket, limitMs);
      const listed = parseListed(parseJson(reply.text));
      const runtime = reply.podman ? ("podman" as const) : ("docker" as const);
      return listed === undefined ? nonsense(socket) : listed.map((each) => ({ ...each, runtime }));
    }),
  );
  const unasked = answers.flatMap((answer) => ("failure" in answer ? [answer] : []));
  const ranked = answers.flatMap((answer) => {
    if ("failure" in answer) return [];
    return answer.flatMap(({ runtime, id, name, ports }) => {
      const rank = rankOf(ports, wanted, name);
      return rank === undefined ? [] : [{ rank, container: { runtime, id, ...(name === undefined ? {} : { name }) } }];
    });
  });
  const publisher = ranked.sort((a, b) => b.rank - a.rank)[0]?.container;
  return { ...(publisher === undefined ? {} : { publisher }), unasked };
}

/**
 * Undefined: it does not publish this port; else the higher, the surer. Docker's proxies listen on exactly the address that is published.
 * Podman publishes on every address by 0.0.0.0 or by a `::` that takes IPv4 too, and tells neither: then one wildcard is as good as the
 * other. It tells a pod's ports of each container in the pod, and it is the pod's own that holds them.
 */
function rankOf(
  ports: ListedContainer["ports"],
  { protocol, address, port }: { readonly protocol: Protocol; readonly address: string; readonly port: number },
  name: string | undefined,
): number | undefined {
  const same = ports.filter((each) => each.protocol === protocol && each.port === port);
  const asked = canonicalIp(address);
  const holdsPod = name !== undefined && INFRA.test(name) ? 1 : 0;
  if (same.some((each) => each.address !== undefined && canonicalIp(each.address) === asked)) return 2 + holdsPod;
  const isWildcard = (text: string | undefined): boolean => text === undefined || text === "0.0.0.0" || text === "::";
  return isWildcard(asked) && same.some((each) => isWildcard(each.address)) ? holdsPod : undefined;
}

/** podman names a pod's own container after the pod's id. */
const INFRA = /^[0-9a-f]{12}-infra$/;

/**
 * ContainerStop, at the engine that knows the container. An engine goes on when nobody waits for its answer any more (docker 20.10 and podman
 * 4.3 were tried).
 */
export async function askToStop(
  container: Container,
  { graceMs, signal }: StopOptions,
  places: ContainerFilePlaces,
  { stateLimitMs, beyondGraceMs }: { readonly stateLimitMs: number; readonly beyondGraceMs: number },
): Promise<StopAnswer> {
  const state = await askContainerState(container, places, stateLimitMs);
  if (signal?.aborted === true) return { failure: "interrupted", why: "it was interrupted before it was asked" };
  if ("failure" in state) return state;
  if (!state.running) return "already";
  const graceSeconds = Math.ceil(graceMs / 1000);
  const mostMs = graceSeconds * 1000 + beyondGraceMs;
  const reply = await requestEngine({
    socketPath: state.socket,
    method: "POST",
    path: `/containers/${state.container.id}/stop?t=${graceSeconds}`,
    limitMs: mostMs,
    ...(signal === undefined ? {} : { signal }),
  });
  if (!("errno" in reply)) {
    if (reply.status === 304) return "already";
    if (reply.status >= 200 && reply.status < 300) return "ok";
  }
  return failureOf(reply, state.socket, mostMs);
}

function nonsense(socket: string): EngineFailure {
  return { failure: "answer", why: `what ${socket} answers makes no sense` };
}

function failureOf(reply: EngineReply, socket: string, limitMs: number): EngineFailure {
  if ("errno" in reply) return { ...failureOfErrno(reply.errno, socket, limitMs), errno: reply.errno };
  const { status, text } = reply;
  if (status >= 200 && status < 300) return nonsense(socket);
  const said = parseRefusal(text);
  const why = `${socket} answers ${status}${said === undefined ? "" : `: ${said}`}`;
  const failure = status === 404 ? "container" : status === 401 || status === 403 ? "right" : "answer";
  return { failure, why, status };
}

function failureOfErrno(errno: string, socket: string, limitMs: number): EngineFailure {
  switch (errno) {
    case "EACCES":
    case "EPERM":
      return { failure: "right", why: `${socket} may not be opened` };
    case "ENOENT":
    case "ECONNREFUSED":
    case "ENOTSOCK":
      return { failure: "engine", why: `nobody listens on ${socket}` };
    case "ETIMEDOUT":
      return { failure: "answer", why: `${socket} did not answer within ${Math.round(limitMs / 100) / 10} s` };
    case "ECANCELED":
      return { failure: "interrupted", why: "it was interrupted; the engine goes on" };
    case "ECONNRESET":
      return { failure: "answer", why: `${socket} cut its answer short` };
    case "EMSGSIZE":
      return { failure: "answer", why: `the answer of ${socket} is too long` };
    default:
      return { failure: "answer", why: `${socket} cannot be asked: ${errno}` };
  }
}
