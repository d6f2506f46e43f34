/** The options that say how a bind is made, as the library takes them: `why` and `wait` have the same. */
import type { EndpointInput } from "../ask/bind-request.ts";
import type { WhyOptions } from "../ask/why.ts";
import { scopedAddress } from "../tcp/endpoint.ts";
import type { parseEndpoint } from "../tcp/endpoint.ts";
import type { Context } from "./context.ts";

export interface BindFlags {
  readonly udp?: boolean;
  readonly v6only?: boolean;
  readonly reuseAddr?: boolean;
  readonly reusePort?: boolean;
  readonly user?: string;
  readonly device?: string;
}

export function endpointOf(parsed: ReturnType<typeof parseEndpoint>, flags: BindFlags): EndpointInput {
  const address = scopedAddress(parsed);
  return {
    port: parsed.port,
    protocol: flags.udp === true ? "udp" : "tcp",
    v6only: flags.v6only ?? false,
    ...(address === undefined ? {} : { address }),
    ...(flags.device === undefined ? {} : { device: flags.device }),
  };
}

export function bindOptionsOf(
  flags: BindFlags,
  context: Context,
): Pick<WhyOptions, "reuseAddr" | "reusePort" | "user" | "host" | "netns"> {
  return {
    reuseAddr: flags.reuseAddr ?? true,
    reusePort: flags.reusePort ?? false,
    ...(flags.user === undefined ? {} : { user: flags.user }),
    ...(context.host === undefined ? {} : { host: context.host }),
    ...(context.netns === undefined ? {} : { netns: context.netns }),
  };
}
