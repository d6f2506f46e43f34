// A host that remembers what it was asked: what a question costs is part of its answer.
import type { Host } from "../../src/host/host.ts";

export interface CountedHost {
  readonly host: Host;
  /** "socketFds 812 32", in the order of asking; arguments as JSON. */
  readonly calls: string[];
}

export function counted(host: Host): CountedHost {
  const calls: string[] = [];
  const spy: ProxyHandler<Host> = {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== "function") return value;
      return (...args: unknown[]): unknown => {
        const given = args.filter((arg) => arg !== undefined).map((arg) => JSON.stringify(arg));
        calls.push([String(name), ...given].join(" "));
        const answer: unknown = value.apply(target, args);
        return name === "enter" ? new Proxy(answer as Host, spy) : answer;
      };
    },
  };
  return { host: new Proxy(host, spy), calls };
}
