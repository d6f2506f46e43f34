/** In which mode a program is kept: the best one that this machine allows, and why not a better one. */
import { PortmortemError } from "../base/errors.ts";
import { hostFor } from "../ask/hosts.ts";
import type { Host } from "../host/host.ts";
import type { CannotKeep, HostKeeping } from "../host/keeping.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";
import type { ParsedEndpoint } from "../tcp/endpoint.ts";
import { parseSysctlPortRange } from "../tcp/sysctl-values.ts";
import { parseIp } from "../tcp/ip-address.ts";
import { ActivatedSockets } from "./activated-sockets.ts";
import type { WantedListener } from "./activated-sockets.ts";
import { clearTheWay, waitForTheWay } from "./clear-the-way.ts";
import type { KeepNews, ModeRefusal } from "./keep-news.ts";
import type { KeepMode, SettledKeepOptions } from "./keep-options.ts";
import { EventOrder } from "./event-order.ts";
import { KeptSockets } from "./kept-sockets.ts";
import { ProgramKeeper } from "./keeper.ts";
import { NoSockets } from "./mode-sockets.ts";
import type { ModeSockets } from "./mode-sockets.ts";
import { wantedPorts } from "./wanted-ports.ts";
import type { PortRange } from "./wanted-ports.ts";

export interface ChosenMode {
  readonly mode: KeepMode;
  readonly keeper: ProgramKeeper;
  readonly instead: readonly ModeRefusal[];
}

/** Linux's own, where they cannot be read. */
const USUAL_LOCAL_PORTS: PortRange = { from: 32_768, to: 60_999 };

/** What a program that takes LISTEN_FDS has in its text. */
const SIGNS_OF_ACTIVATION = ["LISTEN_FDS", "sd_listen_fds"];

export class ModeChoice {
  readonly #options: SettledKeepOptions;
  readonly #host: HostKeeping;
  readonly #tell: (news: KeepNews) => void;
  readonly #machine: Host;
  readonly #order: EventOrder;
  readonly #instead: ModeRefusal[] = [];
  #isFirst = true;

  constructor(options: SettledKeepOptions, host: HostKeeping, tell: (news: KeepNews) => void) {
    this.#options = options;
    this.#host = host;
    this.#tell = tell;
    this.#order = new EventOrder(tell);
    this.#machine = hostFor(options.host === undefined ? {} : { host: options.host });
  }

  /** Throws PM_CANNOT_KEEP: not in the mode that was asked for. */
  async make(): Promise<ChosenMode> {
    const { mode } = this.#options;
    for (const one of mode === "auto" ? (["adopt", "activate", "plain"] as const) : [mode]) {
      const made = await this.#try(one, mode === "auto");
      if (made instanceof ProgramKeeper) return { mode: one, keeper: made, instead: this.#instead };
      this.#instead.push({ mode: one, why: made });
    }
    const [refusal] = this.#instead;
    throw new PortmortemError("PM_CANNOT_KEEP", `mode ${mode} cannot be had here: ${refusal?.why}`, {
      hint: "--mode auto takes the next best",
    });
  }

  /** Answers why not. */
  async #try(mode: KeepMode, isAuto: boolean): Promise<ProgramKeeper | string> {
    if (mode === "activate" && isAuto) {
      if (this.#options.ports.length === 0) return "no port was named";
      if (!this.#host.mentions(this.#options.program, SIGNS_OF_ACTIVATION))
        return "the program does not seem to know LISTEN_FDS";
    }
    const sockets = await this.#socketsOf(mode);
    if ("errno" in sockets) return textOf(sockets);
    const { program, restarts, whileDown, holdMs, graceMs } = this.#options;
    const keeper = new ProgramKeeper({
      host: this.#host,
      program,
      sockets,
      restarts,
      whileDown,
      holdMs,
      graceMs,
      emit: this.#tell,
      order: this.#order,
    });
    const refused = await keeper.prepare();
    if (refused === undefined) return keeper;
    sockets.releaseAll("ended");
    return textOf(refused);
  }

  async #socketsOf(mode: KeepMode): Promise<ModeSockets | CannotKeep> {
    const { ports } = this.#options;
    if (mode === "activate")
      return ActivatedSockets.open(
        this.#host,
        ports.map((port) => this.#listenerFor(port)),
        this.#order.tell,
      );
    if (mode === "adopt")
      return new KeptSockets({
        wanted: wantedPorts(ports, this.#localPorts()),
        host: this.#host,
        emit: this.#order.tell,
      });
    return new NoSockets((signal) => this.#clearTheWay(signal));
  }

  #localPorts(): PortRange {
    const range = parseSysctlPortRange(this.#machine.sysctl("net.ipv4.ip_local_port_range"));
    return range === undefined ? USUAL_LOCAL_PORTS : { from: range.first, to: range.last };
  }

  #listenerFor(endpoint: ParsedEndpoint): WantedListener {
    const { address = "::", port, scope } = endpoint;
    const family = parseIp(address)?.bytes.length === 4 ? "ipv4" : "ipv6";
    const device = this.#machine.interfaces().find(({ name, index }) => name === scope || String(index) === scope);
    return {
      endpoint: {
        protocol: "tcp",
        family,
        address,
        port,
        scopeIndex: device?.index ?? 0,
        ...(family === "ipv6" ? { v6only: address !== "::" } : {}),
      },
      name: formatEndpoint(endpoint).replace(/^:/, ""),
    };
  }

  /** At the first start whoever lives in the way is an error; at a restart he is waited for. */
  async #clearTheWay(signal: AbortSignal): Promise<void> {
    const { ports, take, graceMs, host } = this.#options;
    const options = {
      host,
      // It may be one that does not set it.
      reuseAddr: false,
      take,
      graceMs,
      signal,
      tell: this.#tell,
    };
    if (this.#isFirst) await clearTheWay(ports, options);
    else await waitForTheWay(ports, options, ({ message }) => this.#tell({ kind: "port-taken", text: message }));
    this.#isFirst = false;
  }
}

function textOf({ step, errno }: CannotKeep): string {
  if (errno === "EBUSY") return `${step}: EBUSY, somebody keeps this program already (portmortem run within itself?)`;
  return `${step}: ${errno}`;
}
