/** Which container to stop, and how, so that a port comes free; and who would start it again. Pure. */
import type { ContainerBehind, ContainerState, KubernetesContainer } from "../tcp/container-state.ts";
import { dockerProxyTarget } from "../tcp/docker-proxy.ts";
import type { Supervisor } from "../tcp/process-node.ts";
import { publishedContainer, publishesPorts } from "../tcp/port-publisher.ts";
import type { Container, Owner, Protocol } from "../tcp/socket.ts";
import type { Advice } from "./why.ts";

export interface ContainerEnding {
  readonly advice: Advice & { readonly command: string };
  /** Left out: it could not be told which. */
  readonly container?: Container;
  /** Who starts it again when it ends by itself, or is killed. Left out: nobody does, or nobody could be asked. */
  readonly supervisor?: Supervisor;
  /**
   * Stopped by its engine, it stays stopped. A restart policy is the engine's own, and does not act against its stop; the kubelet and a swarm
   * do. Left out: that is not known.
   */
  readonly staysStopped?: boolean;
}

export interface ContainerHold {
  readonly owner: Owner;
  readonly protocol: Protocol;
  readonly port: number;
  /** What the engine said; left out: nobody was asked. */
  readonly behind?: ContainerBehind;
  /** What a command needs before it that acts on the whole machine: "sudo ", or nothing for root. */
  readonly sudo: string;
}

/** Undefined: the holder is a program like any other. */
export function endContainer(hold: ContainerHold): ContainerEnding | undefined {
  const { owner, behind } = hold;
  const publishes = behind === undefined ? publishesPorts(owner) : undefined;
  const container = behind?.container ?? owner.container ?? publishedContainer(owner);
  if (container === undefined)
    return behind === undefined && publishes === undefined ? undefined : unknownContainer(hold);
  const state = behind?.engine !== undefined && !("failure" in behind.engine) ? behind.engine : undefined;
  const known = state?.container ?? container;
  const way = wayToStop(hold, known, state);
  const inside = owner.container !== undefined;
  const text = inside ? way.text : `${way.text}: ${programOf(owner)} only publishes its port`;
  return {
    advice: { text, command: way.command, costs: "downtime" },
    container: known,
    ...(way.supervisor === undefined ? {} : { supervisor: { ...way.supervisor, of: owner.pid, command: way.command } }),
    ...(way.staysStopped === undefined ? {} : { staysStopped: way.staysStopped }),
  };
}

interface Way {
  readonly text: string;
  readonly command: string;
  readonly supervisor?: Omit<Supervisor, "of" | "command">;
  readonly staysStopped?: boolean;
}

/** The one who made it is told, where that is somebody else than its engine. */
function wayToStop(hold: ContainerHold, container: Container, state: ContainerState | undefined): Way {
  const pod = state?.kubernetes ?? podOf(container);
  if (pod !== undefined && isWord(pod.pod) && isWord(pod.namespace)) return wayOfPod(pod);
  if (state?.swarmService !== undefined && isWord(state.swarmService)) return wayOfSwarm(state.swarmService);
  if (state?.unit !== undefined && isUnit(state.unit)) return wayOfUnit(hold, container, state, state.unit);
  const supervisor = state === undefined ? undefined : policyOf(state);
  return {
    ...commandToStop(hold, container, state),
    ...(supervisor === undefined ? {} : { supervisor }),
    ...(state === undefined ? {} : { staysStopped: true }),
  };
}

function commandToStop(hold: ContainerHold, container: Container, state: ContainerState | undefined): Way {
  const shown = shownName(container);
  const text = `stop the container ${shown}`;
  switch (container.runtime) {
    case "docker": {
      const docker = `${toolSudo(hold, container)}docker${elsewhere(state, "-H")}`;
      const compose = state?.compose;
      if (compose === undefined || !isWord(compose.project) || !isWord(compose.service))
        return { text, command: `${docker} stop ${shown}` };
      return {
        text: `stop the service ${compose.service} of the compose project ${compose.project} (container ${shown})`,
        command: `${docker} compose -p ${compose.project} stop ${compose.service}`,
      };
    }
    case "podman": {
      const pod = INFRA.exec(container.name ?? "")?.[1];
      const podman = `${toolSudo(hold, container)}podman${elsewhere(state, "--url")}`;
      return pod === undefined
        ? { text, command: `${podman} stop ${shown}` }
        : {
            text: `stop the pod ${pod}, whose container ${shown} holds its ports`,
            command: `${podman} pod stop ${pod}`,
          };
    }
    // nerdctl gives names; what has none was made through the CRI.
    case "containerd":
      return { text, command: `${hold.sudo}${container.name === undefined ? "crictl" : "nerdctl"} stop ${shown}` };
    case "cri-o":
      return { text, command: `${hold.sudo}crictl stop ${shown}` };
  }
}

/** What the tool has to be told when it would ask another engine. */
function elsewhere(state: ContainerState | undefined, option: string): string {
  if (state === undefined || state.byDefault) return "";
  const url = `unix://${state.socket}`;
  return ` ${option} ${/^[\w./:@-]+$/.test(url) ? url : `'${url.replaceAll("'", "'\\''")}'`}`;
}

/** A pod of podman: its own container is called after its id. */
const INFRA = /^([0-9a-f]{12})-infra$/;

/** Whoever may not open the engine's socket needs root; what root's podman runs is root's alone. */
function toolSudo({ owner, behind, sudo }: ContainerHold, { runtime }: Container): string {
  const failures = [...(behind?.engine === undefined ? [] : [behind.engine]), ...(behind?.unasked ?? [])];
  const refused = failures.some((each) => "failure" in each && each.failure === "right");
  return refused || (runtime === "podman" && owner.uid === 0) ? sudo : "";
}

function wayOfPod({ namespace, pod }: KubernetesContainer): Way {
  return {
    text: `delete the pod ${pod} of the namespace ${namespace}, or scale down what makes it anew: the kubelet restarts a container that is only stopped`,
    command: `kubectl delete pod ${pod} -n ${namespace}`,
    supervisor: { kind: "kubelet", name: pod, text: "the kubelet restarts it", restarts: "at-once" },
    staysStopped: false,
  };
}

function wayOfSwarm(service: string): Way {
  return {
    text: `scale the service ${service} of the swarm down: it starts another container in the place of one that is stopped`,
    command: `docker service scale ${service}=0`,
    supervisor: { kind: "swarm", name: service, text: "the swarm starts another in its place", restarts: "at-once" },
    staysStopped: false,
  };
}

/** What systemd does with a container that ends depends on Restart= of its unit. Below a user's directory it is that user's systemd. */
function wayOfUnit({ sudo }: ContainerHold, container: Container, { socket }: ContainerState, unit: string): Way {
  const systemctl = /^\/run\/user\/\d+\//.test(socket) ? "systemctl --user" : `${sudo}systemctl`;
  return {
    text: `stop the unit ${unit}, which runs the container ${shownName(container)}`,
    command: `${systemctl} stop ${unit}`,
    supervisor: { kind: "systemd", name: unit, text: "systemd may restart it", restarts: "perhaps" },
  };
}

function policyOf({ container, restartPolicy }: ContainerState): Omit<Supervisor, "of" | "command"> | undefined {
  if (restartPolicy === undefined) return undefined;
  return {
    kind: container.runtime,
    ...(container.name === undefined ? {} : { name: container.name }),
    text: `${container.runtime} restarts it (restart policy ${restartPolicy})`,
    // A program that ends as it should after SIGTERM has not failed.
    restarts: restartPolicy === "on-failure" ? "perhaps" : "at-once",
  };
}

const PODMANS: ReadonlySet<string> = new Set(["rootlessport", "conmon", "slirp4netns", "pasta", "pasta.avx2"]);

/** It publishes a port for a container, but nobody could tell for which. */
function unknownContainer(hold: ContainerHold): ContainerEnding {
  const { owner, port, protocol } = hold;
  const isPodman = PODMANS.has(owner.command);
  const runtime = isPodman ? "podman" : "docker";
  const list = isPodman ? "podman port --all" : `docker ps --filter publish=${port}/${protocol}`;
  const text =
    publishesPorts(owner) === "perhaps"
      ? `${owner.command} holds ports for containers, and this one perhaps: see which container it is, and stop that`
      : `${programOf(owner)} publishes a container's port: stop that container, not the proxy`;
  return {
    advice: { text, command: `${toolSudo(hold, { runtime, id: "" })}${list}`, costs: "downtime" },
  };
}

/** docker-proxy is known by its command line, whatever its process is called. */
function programOf(owner: Owner): string {
  return dockerProxyTarget(owner) === undefined ? owner.command : "docker-proxy";
}

/**
 * From the name alone: `namespace/pod/container` is what the host reads from containerd's and CRI-O's files, `k8s_CONTAINER_POD_NAMESPACE_UID_N`
 * what the kubelet has docker and CRI-O call a container. Kubernetes' own names have no underscore.
 */
function podOf({ name = "" }: Container): KubernetesContainer | undefined {
  const parts = name.split("/");
  const [namespace, pod] =
    parts.length > 1 ? parts : (/^k8s_[^_]+_([^_]+)_([^_]+)_/.exec(name)?.slice(1).reverse() ?? []);
  return namespace === undefined || pod === undefined ? undefined : { namespace, pod };
}

/** What may stand in a command as it is. A name that may not has an id beside it. */
function shownName({ name, id }: Container): string {
  return name !== undefined && isWord(name) ? name : id.slice(0, 12);
}

function isWord(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text);
}

function isUnit(text: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9:_.@-]*\.service$/.test(text);
}
