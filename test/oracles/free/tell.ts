/** A scene, and what went wrong in it, in readable steps. */
import type { Harm } from "./campaign.ts";
import type { Binding, FreeScene, Innocent, Occupant } from "./scene.ts";

export function tellHarm({ scene, problems, told, result }: Harm): string {
  return [
    ...tellScene(scene),
    ...told.map((one) => `    (${one})`),
    "what was planned:",
    ...(result?.plan ?? []).map(({ text }) => `  ${text}`),
    "what was refused:",
    ...(result?.refused ?? []).map(({ text }) => `  ${text}`),
    "what was done:",
    ...(result?.done ?? []).map(
      (step) =>
        `  ${step.result}${step.errno === undefined ? "" : ` ${step.errno}`}: ${step.text}${step.why === undefined ? "" : ` (${step.why})`}`,
    ),
    ...(result?.cameBack === undefined ? [] : [`came back: ${result.cameBack.text}`]),
    `it says: ${result?.bindable === true ? "bindable" : "not bindable"}`,
    ...problems.map((problem) => `problem: ${problem}`),
    `again: SEED=${scene.seed} SCENES=1`,
  ].join("\n");
}

function tellScene({ question, wish, occupants, innocents }: FreeScene): string[] {
  const words = Object.entries(wish).flatMap(([name, on]) => (on ? [name] : []));
  return [
    ...occupants.map((one, index) => `occupant ${index + 1}: ${tellOccupant(one)}`),
    ...innocents.map((one, index) => `innocent ${index + 1}: ${tellInnocent(one)}`),
    `question: ${question.protocol} ${tellBinding(question)}; ${words.join(", ")}`,
  ];
}

function tellOccupant(one: Occupant): string {
  const binding = tellBinding(one);
  switch (one.kind) {
    case "server":
      return `${one.conduct} server of uid ${one.uid}, ${binding}, ${one.clients} clients${one.queued ? ", one more in its queue" : ""}`;
    case "bound":
      return `${one.conduct} process of uid ${one.uid}, bound to ${binding}`;
    case "left":
      return `${one.ending} without a descriptor, ${binding}`;
    case "accepted":
      return `a connection of a server that is gone, ${one.ending}, ${binding}`;
    case "client":
      return `a client, ${one.chosen ? "given the port" : "bound to it"}, ${one.ending}, ${one.tidy ? "tidy" : "untidy"}, ${binding}`;
  }
}

function tellInnocent(one: Innocent): string {
  return Object.values(one).join(" ");
}

function tellBinding({ address, v6only, reuseAddr, reusePort, device }: Binding): string {
  return `${address}${device === undefined ? "" : ` on ${device}`}${v6only ? " V6ONLY" : ""}${reuseAddr ? " SO_REUSEADDR" : ""}${reusePort ? " SO_REUSEPORT" : ""}`;
}
