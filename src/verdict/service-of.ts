/**
 * Is it the service of a unit that holds the port, or only a process that the unit has somewhere below it? A process is in the cgroup of
 * whatever it was started from: an ssh session without logind in ssh.service, a job of cron in cron.service, docker-proxy in docker.service.
 * systemd starts a service again when its main process ends (systemd.service(5), Restart=). Pure.
 */
import { ancestorsOf } from "../tcp/process-ancestors.ts";
import type { ProcessNode } from "../tcp/process-node.ts";
import { programWords } from "../tcp/program-words.ts";
import { keeperOf } from "./service-keepers.ts";
import { isServiceUnit } from "./service-unit.ts";

export interface OwnService {
  readonly unit: string;
  /** The topmost of its processes, which systemd has started, and waits for. */
  readonly main: ProcessNode;
  /** It ends when the owner ends. */
  readonly endsWithIt: boolean;
}

/** Programs that wait for the one that they start, and end with it. */
const WRAPPER =
  /^(?:(?:ba|da|z|k|a)?sh|npm|npx|yarn|pnpm|bun|uv|poetry|pipenv|sudo|su|runuser|setpriv|gosu|env|nice|ionice|time|timeout|tini|dumb-init|catatonit|chpst|softlimit|make|dotenv|cross-env)$/;

export function serviceOf(owner: ProcessNode, nodes: ReadonlyMap<number, ProcessNode>): OwnService | undefined {
  const { unit, userManager } = owner;
  if (!isServiceUnit(unit)) return undefined;
  const above = ancestorsOf(owner, nodes);
  const outside = above.findIndex((each) => each.unit !== unit || each.userManager !== userManager);
  const inside = outside < 0 ? above : above.slice(0, outside);
  const main = inside.at(-1) ?? owner;
  const between = inside.slice(0, -1);
  // sshd, cron, supervisord: what they keep is none of the unit's business.
  if (inside.some((each) => keeperOf(each) !== undefined)) return undefined;
  const endsWithIt = main === owner || [main, ...between].every(isWrapper);
  return { unit, main, endsWithIt };
}

function isWrapper({ args }: ProcessNode): boolean {
  return programWords(args).names.some((name) => WRAPPER.test(name));
}
