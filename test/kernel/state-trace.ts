/**
 * The kernel's own record of socket states: the tracepoint sock/inet_sock_set_state, in a trace instance of its own. Tracing sees every network
 * namespace of the machine, so events are chosen by port and address; nothing else of the machine's tracing is touched.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { SocketState } from "../../src/tcp/states.ts";
import { once } from "./needs.ts";
import type { Need } from "./needs.ts";

/** The kernel's names (include/net/tcp_states.h), as the tracepoint prints them. */
const STATE_OF: Readonly<Record<string, SocketState>> = {
  TCP_ESTABLISHED: "ESTABLISHED",
  TCP_SYN_SENT: "SYN-SENT",
  TCP_SYN_RECV: "SYN-RECEIVED",
  TCP_FIN_WAIT1: "FIN-WAIT-1",
  TCP_FIN_WAIT2: "FIN-WAIT-2",
  TCP_TIME_WAIT: "TIME-WAIT",
  TCP_CLOSE: "CLOSED",
  TCP_CLOSE_WAIT: "CLOSE-WAIT",
  TCP_LAST_ACK: "LAST-ACK",
  TCP_LISTEN: "LISTEN",
  TCP_CLOSING: "CLOSING",
  TCP_NEW_SYN_RECV: "SYN-RECEIVED",
};

export interface StateChange {
  readonly localAddress: string;
  readonly localPort: number;
  readonly from: SocketState;
  readonly to: SocketState;
}

export class StateTrace {
  readonly #mount: string;
  readonly #instance: string;

  /** Of the sockets whose local port is one of these. Throws what the system says where it cannot be had. */
  constructor(ports: readonly number[]) {
    this.#mount = mkdtempSync(join(tmpdir(), "portmortem-tracefs-"));
    const { status, stderr, error } = spawnSync("mount", ["-t", "tracefs", "nodev", this.#mount], { encoding: "utf8" });
    if (status !== 0) {
      rmdirSync(this.#mount);
      throw new Error(`mount -t tracefs: ${error?.message ?? stderr.trim()}`);
    }
    this.#instance = join(this.#mount, "instances", `portmortem-${process.pid}-${ports.join("-")}`);
    try {
      mkdirSync(this.#instance);
      const event = join(this.#instance, "events/sock/inet_sock_set_state");
      writeFileSync(join(event, "filter"), ports.map((port) => `sport == ${port}`).join(" || "));
      writeFileSync(join(event, "enable"), "1");
    } catch (error) {
      this.end();
      throw error;
    }
  }

  /** What has happened so far is forgotten. */
  clear(): void {
    writeFileSync(join(this.#instance, "trace"), "");
  }

  changes(): StateChange[] {
    const lines = readFileSync(join(this.#instance, "trace"), "utf8").matchAll(
      /inet_sock_set_state:.* sport=(\d+) .* saddr=(\S+) .* oldstate=(\w+) newstate=(\w+)/g,
    );
    return Array.from(lines, ([, localPort, localAddress = "", from, to]) => ({
      localAddress,
      localPort: Number(localPort),
      from: STATE_OF[from ?? ""] ?? "CLOSED",
      to: STATE_OF[to ?? ""] ?? "CLOSED",
    }));
  }

  end(): void {
    if (existsSync(this.#instance)) rmdirSync(this.#instance);
    const { status, stderr } = spawnSync("umount", [this.#mount], { encoding: "utf8" });
    if (status !== 0) throw new Error(`umount ${this.#mount}: ${stderr.trim()}`);
    rmdirSync(this.#mount);
  }
}

/** Root of the machine, and a kernel with tracepoints. */
export const STATE_TRACE: Need = once(() => {
  try {
    new StateTrace([9]).end();
    return undefined;
  } catch (error) {
    return `probed: a trace instance with sock/inet_sock_set_state; ${error instanceof Error ? error.message : String(error)}`;
  }
});
