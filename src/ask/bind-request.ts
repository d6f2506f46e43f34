/** The bind that is asked about, as a question to one host. */
import { PortmortemError } from "../base/errors.ts";
import type { Host } from "../host/host.ts";
import type { BindRequest } from "../inspect/bind-facts.ts";
import { requireDevice, requireUser } from "../inspect/known-names.ts";
import { parseEndpoint, scopedAddress } from "../tcp/endpoint.ts";
import type { Protocol } from "../tcp/socket.ts";
import { enterCommand, hostFor } from "./hosts.ts";
import { requireKnownOptions } from "./known-options.ts";
import type { HostOptions } from "./hosts.ts";

/** What a program will bind. Without an address: what Node and most servers bind, `::` dual-stack, or `0.0.0.0` where IPv6 is off. */
export type EndpointInput =
  | number
  | string
  | {
      readonly address?: string;
      readonly port: number;
      readonly protocol?: Protocol;
      readonly v6only?: boolean;
      readonly device?: string;
    };

export interface BindOptions extends HostOptions {
  /** As a server that sets SO_REUSEADDR (default true, as Node, nginx and most servers do). */
  readonly reuseAddr?: boolean;
  readonly reusePort?: boolean;
  /** The user the program runs as, by name or number; trying as another user needs root. Default: this user. */
  readonly user?: string | number;
  /** Called while processes are searched for who holds the port. */
  readonly onProgress?: (done: number, what: "sockets" | "processes") => void;
  readonly signal?: AbortSignal;
}

/** Throws PM_BAD_PORT, PM_BAD_ADDRESS, PM_AMBIGUOUS_ADDRESS, PM_USAGE, PM_UNKNOWN_USER, PM_UNKNOWN_DEVICE, and what a host throws. */
export function requestFor(
  endpoint: EndpointInput,
  options: BindOptions,
  probe: boolean,
): { readonly host: Host; readonly request: BindRequest } {
  const wanted = settleEndpoint(endpoint);
  const host = hostFor(options);
  if (wanted.device !== undefined) requireDevice(host, wanted.device);
  const scope = wanted.address?.split("%")[1];
  if (scope !== undefined) requireDevice(host, scope);
  const uid = options.user === undefined ? host.system().uid : requireUser(host, options.user);
  const request = {
    protocol: wanted.protocol,
    ...(wanted.address === undefined ? {} : { address: wanted.address }),
    port: wanted.port,
    v6only: wanted.v6only,
    reuseAddr: options.reuseAddr ?? true,
    reusePort: options.reusePort ?? false,
    ...(uid < 0 ? {} : { uid }),
    ...(wanted.device === undefined ? {} : { device: wanted.device }),
    probe,
    ...(options.onProgress === undefined ? {} : { progress: options.onProgress }),
    ...(options.netns === undefined ? {} : { enterCommand: enterCommand(options.netns), netns: String(options.netns) }),
  };
  return { host, request };
}

interface SettledEndpoint {
  readonly protocol: Protocol;
  readonly address?: string;
  readonly port: number;
  readonly v6only: boolean;
  readonly device?: string;
}

function settleEndpoint(endpoint: EndpointInput): SettledEndpoint {
  const input = typeof endpoint === "object" ? endpoint : undefined;
  if (input !== undefined) {
    requireKnownOptions("an endpoint", input, ["address", "port", "protocol", "v6only", "device"]);
    const protocol: string = input.protocol ?? "tcp";
    if (protocol !== "tcp" && protocol !== "udp") {
      throw new PortmortemError("PM_USAGE", `${JSON.stringify(protocol)} is no protocol`, {
        hint: 'there are "tcp" and "udp"',
      });
    }
  }
  const text = typeof endpoint === "object" ? withAddress(endpoint.address, endpoint.port) : String(endpoint);
  const parsed = parseEndpoint(text);
  const address = scopedAddress(parsed);
  if (input?.v6only === true && address !== undefined && !address.includes(":")) {
    throw new PortmortemError("PM_USAGE", `V6ONLY is an option of IPv6 sockets, and ${address} is an IPv4 address`, {
      hint: "leave --v6only out, or give an IPv6 address",
    });
  }
  return {
    protocol: input?.protocol ?? "tcp",
    ...(address === undefined ? {} : { address }),
    port: parsed.port,
    // A bind to one IPv6 address is V6ONLY whatever was set (__inet6_bind).
    v6only: input?.v6only ?? false,
    ...(input?.device === undefined ? {} : { device: input.device }),
  };
}

function withAddress(address: string | undefined, port: number): string {
  if (address === undefined || address === "") return String(port);
  return address.includes(":") && !address.startsWith("[") ? `[${address}]:${port}` : `${address}:${port}`;
}
