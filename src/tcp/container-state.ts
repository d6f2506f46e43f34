/** A container as its engine tells of it, as far as it concerns a port that the container holds; and why an engine tells nothing. */
import type { Container, Protocol } from "./socket.ts";

export interface ContainerState {
  /** With its whole id, and its name. */
  readonly container: Container;
  /** Paused counts as running: it holds its ports. */
  readonly running: boolean;
  /** In which case the engine starts it again by itself; left out: in none. */
  readonly restartPolicy?: RestartPolicy;
  /** What it publishes on the host; of a container that is stopped, what it would. */
  readonly ports: readonly PublishedPort[];
  /** Who made it, and may have a say in whether it stays stopped. */
  readonly compose?: ComposeService;
  readonly kubernetes?: KubernetesContainer;
  readonly swarmService?: string;
  /** The systemd unit that podman runs it in (Quadlet, `podman generate systemd`). */
  readonly unit?: string;
  /** The socket on which the engine answered. */
  readonly socket: string;
  /** `docker` or `podman`, called by this user without more, asks there. */
  readonly byDefault: boolean;
}

/** The engine's words. A container that was stopped on request stays stopped under each of them, until the engine is started anew. */
export type RestartPolicy = "always" | "unless-stopped" | "on-failure";

export interface PublishedPort {
  readonly protocol: Protocol;
  /** Of the host: 0.0.0.0 or :: for every one of that family. */
  readonly address: string;
  readonly port: number;
  readonly containerPort: number;
}

export interface ComposeService {
  readonly project: string;
  readonly service: string;
}

export interface KubernetesContainer {
  readonly namespace: string;
  readonly pod: string;
  /** Left out for the container that holds the pod's namespaces. */
  readonly container?: string;
}

/**
 * Why an engine did not tell, or did not do it. `right`: its socket may not be opened, or it refuses this user. `engine`: there is none to
 * ask: no socket, nobody behind it, or one that speaks another language (containerd, CRI-O). `container`: it knows no such container.
 * `answer`: it was asked, and answered with an error, with nonsense, or not in time. `interrupted`: by whoever asked.
 */
export interface EngineFailure {
  readonly failure: "right" | "engine" | "container" | "answer" | "interrupted";
  /** One clause, with the engine's own words in it where it had some. */
  readonly why: string;
  /** Of the system call. */
  readonly errno?: string;
  /** Of HTTP. */
  readonly status?: number;
}

export type ContainerAnswer = ContainerState | EngineFailure;

/** `unasked`: engines that are there and could not be asked, so that one of them may be the one. */
export interface PublisherAnswer {
  readonly publisher?: Container;
  readonly unasked: readonly EngineFailure[];
}

/** The container behind the holder of a port. */
export interface ContainerBehind {
  /** The holder is a process in the container; or one outside that publishes the container's port. */
  readonly holder: "inside" | "publisher";
  /** Left out: it could not be told which. */
  readonly container?: Container;
  readonly engine?: ContainerAnswer;
  /** As of PublisherAnswer. */
  readonly unasked: readonly EngineFailure[];
}

/** `already`: it was not running. */
export type StopAnswer = "ok" | "already" | EngineFailure;

/** It becomes part of paths and of commands: nothing but an id may get there. 64 digits in all four runtimes; 12 are shown to people. */
export function isContainerId(text: string | undefined): text is string {
  return text !== undefined && /^[0-9a-f]{12,64}$/.test(text);
}
