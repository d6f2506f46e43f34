/** Under a service manager (systemd, Type=notify): it is told when the program serves, is down, reloads, is stopped; and the watchdog, that we live. */
import { ServiceManager } from "../host/linux/service-manager.ts";
import type { Keeper } from "../keep/keep.ts";
import type { KeepNews } from "../keep/keep-news.ts";
import { formatEndpoint } from "../tcp/endpoint.ts";

/** A program that does not listen at all has been started well if it lives so long. */
const SILENT_MS = 5000;

/** From now on. Answers how to leave off, and what the manager asks for that cannot be done. */
export function tellServiceManager(keeper: Keeper): {
  readonly close: () => void;
  readonly problems: readonly string[];
} {
  const manager = ServiceManager.fromEnvironment();
  const { problems } = manager;
  if (!manager.isListening) return { close: () => undefined, problems };
  let silent: NodeJS.Timeout | undefined;
  const ready = (): void => {
    clearTimeout(silent);
    silent = undefined;
    manager.ready(servingText(keeper));
  };
  keeper.on("event", (news) => {
    if (news.kind === "started" && silent === undefined)
      silent = setTimeout(ready, keeper.mode === "adopt" ? SILENT_MS : 0).unref();
    else if (news.kind === "listening") ready();
    else tell(manager, news, ready);
  });
  manager.startWatchdog(() => true);
  return {
    problems,
    close: () => {
      clearTimeout(silent);
      manager.close();
    },
  };
}

function tell(manager: ServiceManager, news: KeepNews, ready: () => void): void {
  if (news.kind === "reloading") manager.reloading(`a new program is started beside pid ${news.pid}`);
  else if (news.kind === "reloaded") ready();
  else if (news.kind === "restarting") manager.status("the program has died and is started again");
  else if (news.kind === "refusing") manager.status("the program is down, clients are refused");
  else if (news.kind === "stopping") manager.stopping();
}

function servingText({ pid, places }: Keeper): string {
  const ports = places.map(({ address, port }) => formatEndpoint({ address, port }));
  return `pid ${pid ?? "-"}${ports.length === 0 ? "" : ` on ${ports.join(", ")}`}`;
}
