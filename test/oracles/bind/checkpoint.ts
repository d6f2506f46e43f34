/** One moment of a scenario: what is predicted of a bind and its listen, and what the kernel does. */
import { errnoName } from "../../../src/base/errno.ts";
import { gatherBindSettings } from "../../../src/inspect/bind-settings.ts";
import type { BindQuestion, BindSettings, PortHolder } from "../../../src/tcp/bind-snapshot.ts";
import type { Socket } from "../../../src/tcp/socket.ts";
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
  const probed = host.probeBind(question);
  const kernel = serve(scene, question);
  return {
    question,
    sockets,
    holders,
    known,
    seen,
    probe: "result" in probed ? probed.result : probed.refused,
    kernel,
    strangers: unknown,
    moved: !isStill(host, protocol, port, sockets),
  };
}

/** As a server would: bind, and listen. */
function serve({ calls }: Scene, question: BindQuestion): Prediction {
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
  const key = `${question.address} ${question.uid} ${question.device}`;
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
export function disagreement({ known, seen, probe, kernel, strangers, question }: Checkpoint): string | undefined {
  if (probe !== kernel.bind) return `the probe said ${probe}, the bind ${kernel.bind}`;
  if (kernel.bind === "ok" && question.protocol === "tcp" && kernel.listen === undefined) return "no listen";
  for (const [what, told] of [
    ["with all options known", known],
    ["with the options hidden", seen],
  ] as const) {
    const bind = told.bind !== "unknown" && told.bind !== kernel.bind;
    const listen = told.listen !== undefined && told.listen !== "unknown" && told.listen !== kernel.listen;
    if (bind || listen) return `${what}: predicted ${text(told)}, the kernel said ${text(kernel)}`;
  }
  // Not knowing is allowed of the kernel's memory of SO_REUSEPORT, of UDP's order, and of strangers; of nothing else.
  if (known.bind === "unknown" && strangers === 0 && !question.reusePort) return "unknown, though all is known";
  return undefined;
}

export function text({ bind, listen }: Prediction): string {
  return listen === undefined ? `bind ${bind}` : `bind ${bind}, listen ${listen}`;
}
