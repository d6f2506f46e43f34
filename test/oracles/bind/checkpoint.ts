/** One moment of a scenario: what is predicted of a bind and its listen, and what the kernel does. */
import { errnoName } from "../../../src/base/errno.ts";
import { gatherBindSettings } from "../../../src/inspect/bind-settings.ts";
import { attemptOptions } from "../../../src/tcp/bind-snapshot.ts";
import type { Attempt, BindQuestion, BindSettings, BindSnapshot, PortHolder } from "../../../src/tcp/bind-snapshot.ts";
import type { Socket } from "../../../src/tcp/socket.ts";
import { inferOptions } from "../../../src/verdict/infer-options.ts";
import { predictOn, preparePort } from "../../../src/verdict/predict-bind.ts";
import type { Prediction } from "../../../src/verdict/predict-bind.ts";
import { isStill, socketsOf, withHidden } from "./look.ts";
import type { Scenario } from "./scenario.ts";
import type { Scene } from "./scene.ts";
import type { Stage } from "./stage.ts";

export interface Checkpoint {
  readonly question: BindQuestion;
  readonly sockets: readonly Socket[];
  /** With all that is hidden known. */
  readonly holders: readonly PortHolder[];
  readonly known: Prediction;
  /** From what any user sees. */
  readonly seen: Prediction;
  /** The same, and the options of listeners, which their programs' descriptors tell, and what follows from them. */
  readonly inferred: Prediction;
  /** What was inferred and is not so. */
  readonly mistaken: string | undefined;
  readonly probe: string;
  readonly kernel: Prediction;
  /** How many sockets of the dump were not made by a step of the scenario that knows their options. */
  readonly strangers: number;
  /** The scene changed while it was looked at, so nothing can be said. */
  readonly moved: boolean;
}

export function questionOf({ question }: Scenario, port: number): BindQuestion {
  return { ...question, port };
}

export function check(scene: Scene, stage: Stage, question: BindQuestion): Checkpoint {
  const { host } = scene;
  const { protocol, port } = question;
  const sockets = socketsOf(host, protocol, port);
  const { holders, unknown } = withHidden(sockets, stage);
  const settings = settingsOf(scene, question);
  const release = settings.kernelRelease;
  const known = predictOn(preparePort(holders, protocol, release), settings, question);
  const plain = sockets.map((socket): PortHolder => ({ socket }));
  const seen = predictOn(preparePort(plain, protocol, release), settings, question);
  const listeners = holders.map((holder): PortHolder => {
    const held = holder.socket.state === "LISTEN" && holder.reuseAddr !== undefined;
    return held ? { ...holder, optionsBy: "held" } : { socket: sockets[holders.indexOf(holder)]! };
  });
  const told = inferOptions(snapshotOf(question, settings, listeners, []));
  const inferred = predictOn(preparePort(told, protocol, release), settings, question);
  const probed = host.probeBind(question);
  const kernel = serve(scene, question);
  const attempts = attemptOptions(question).map((options): Attempt => {
    const answer = host.probeBind({ ...question, ...options });
    return { ...options, result: "result" in answer ? answer.result : answer.refused, by: "probe" };
  });
  const byProbes = inferOptions(snapshotOf(question, settings, plain, attempts));
  return {
    question,
    sockets,
    holders,
    known,
    seen,
    inferred,
    mistaken: findMistake(told, holders) ?? findMistake(byProbes, holders),
    probe: "result" in probed ? probed.result : probed.refused,
    kernel,
    strangers: unknown,
    moved: !isStill(host, protocol, port, sockets),
  };
}

function snapshotOf(
  question: BindQuestion,
  settings: BindSettings,
  holders: readonly PortHolder[],
  probed: readonly Attempt[],
): BindSnapshot {
  return { question, settings, holders, probed, connectedTo: [], elsewhere: [], incomplete: [] };
}

function findMistake(inferred: readonly PortHolder[], truth: readonly PortHolder[]): string | undefined {
  for (const [index, { socket, reuseAddr, reusePort, optionsBy }] of inferred.entries()) {
    const real = truth[index]!;
    if (reuseAddr !== undefined && real.reuseAddr !== undefined && reuseAddr !== real.reuseAddr)
      return `SO_REUSEADDR of ${socket.state} ${socket.local.address} ${optionsBy}: ${reuseAddr}`;
    if (reusePort !== undefined && real.reusePort !== undefined && reusePort !== real.reusePort)
      return `SO_REUSEPORT of ${socket.state} ${socket.local.address} ${optionsBy}: ${reusePort}`;
  }
  return undefined;
}

/** As a server would: bind, and listen. */
export function serve({ calls }: Scene, question: BindQuestion): Prediction {
  return calls.as(question.uid ?? 0, () => {
    const fd = calls.open(question.protocol, question.address, question);
    try {
      const bound = calls.bind(fd, question.address, question.port);
      if (bound < 0) return { bind: errnoName(-bound) };
      if (question.protocol === "udp") return { bind: "ok" };
      const listening = calls.listen(fd);
      return { bind: "ok", listen: listening < 0 ? errnoName(-listening) : "ok" };
    } finally {
      calls.close(fd);
    }
  });
}

const remembered = new WeakMap<Scene, Map<string, BindSettings>>();

/** The settings of a scene do not change: read once for each kind of question. */
function settingsOf(scene: Scene, question: BindQuestion): BindSettings {
  const known = remembered.get(scene) ?? new Map<string, BindSettings>();
  remembered.set(scene, known);
  const key = `${question.address} ${question.uid} ${question.device} ${scene.nonlocal}`;
  const found = known.get(key);
  if (found !== undefined) return found;
  const settings = gatherBindSettings(scene.host, question, {
    blocked: true,
    mayDestroy: false,
    enterCommand: undefined,
    netns: undefined,
  });
  known.set(key, settings);
  return settings;
}

/** What is wrong with it; undefined: all agree. */
export function disagreement({
  mistaken,
  inferred,
  known,
  seen,
  probe,
  kernel,
  strangers,
  question,
  sockets,
}: Checkpoint): string | undefined {
  if (probe !== kernel.bind) return `the probe said ${probe}, the bind ${kernel.bind}`;
  if (kernel.bind === "ok" && question.protocol === "tcp" && kernel.listen === undefined) return "no listen";
  for (const [what, told] of [
    ["with all options known", known],
    ["with the options hidden", seen],
    ["with the listeners' options known", inferred],
  ] as const) {
    const bind = told.bind !== "unknown" && told.bind !== kernel.bind;
    const listen = told.listen !== undefined && told.listen !== "unknown" && told.listen !== kernel.listen;
    if (bind || listen) return `${what}: predicted ${text(told)}, the kernel said ${text(kernel)}`;
  }
  if (mistaken !== undefined) return `inferred and wrong: ${mistaken}`;
  // Not knowing is allowed of the kernel's memory of SO_REUSEPORT (forgetting.ts holds it to that), of the order in which UDP has the sockets of
  // two families and the hashes of many, and of strangers; of nothing else.
  const mixed = new Set(sockets.map(({ family }) => family)).size > 1;
  const excused =
    question.protocol === "udp" ? sockets.length > 10 || (question.reusePort && mixed) : question.reusePort;
  if (known.bind === "unknown" && strangers === 0 && !excused) return "unknown, though all is known";
  return undefined;
}

export function text({ bind, listen }: Prediction): string {
  return listen === undefined ? `bind ${bind}` : `bind ${bind}, listen ${listen}`;
}
