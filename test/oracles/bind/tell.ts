/** A scenario in readable steps. */
import { text } from "./checkpoint.ts";
import type { Failure } from "./campaign.ts";
import type { OwnerPlan, Scenario } from "./scenario.ts";

export function tellFailure({ scenario, problem, checkpoint, told }: Failure): string {
  const { known, seen, probe, kernel, sockets, holders, question } = checkpoint;
  return [
    ...tellScenario(scenario).flatMap((line, index) => [
      line,
      ...told.filter(({ owner }) => owner === index).map((one) => `    (${one.text})`),
    ]),
    "what is there:",
    ...sockets.map((socket, index) => {
      const { reuseAddr, reusePort } = holders[index] ?? {};
      const device = socket.local.interface === undefined ? "" : ` on ${socket.local.interface}`;
      const v6only = holders[index]?.socket.v6only === true ? " V6ONLY" : "";
      return `  ${socket.state} ${socket.local.address}${device}${v6only} uid ${socket.uid ?? "not told"}${flags({ reuseAddr, reusePort })}`;
    }),
    `asked: ${question.address} ${flags(question)}`,
    `predicted with all options known: ${text(known)}; with the options hidden: ${text(seen)}`,
    `the probe said: ${probe}; the kernel said: ${text(kernel)}`,
    `problem: ${problem}`,
    `again: SEED=${scenario.seed} SCENARIOS=1`,
  ].join("\n");
}

export function tellScenario({
  protocol,
  privilegedPort,
  nonlocal,
  lateBetween,
  owners,
  question,
}: Scenario): string[] {
  const device = question.device === undefined ? "" : ` on ${question.device}`;
  return [
    ...owners.map((plan, index) => `owner ${index + 1}: ${tellOwner(plan)}`),
    `question: may uid ${question.uid} bind ${protocol} ${question.address}${device}${question.v6only ? " V6ONLY" : ""}${flags(question)}${privilegedPort ? ", a privileged port" : ""}${nonlocal ? ", with ip_nonlocal_bind" : ""}${lateBetween ? "; others listen between its bind and its listen" : ""}?`,
  ];
}

function tellOwner(plan: OwnerPlan): string {
  const device = plan.device === undefined ? "" : ` on ${plan.device}`;
  const socket = `uid ${plan.uid} ${plan.address}${device}${plan.v6only ? " V6ONLY" : ""}${flags(plan)}`;
  switch (plan.role) {
    case "bound":
      return `${socket} binds`;
    case "listening":
      return `${socket} binds and ${plan.late ? "listens when the others are there" : "listens"}`;
    case "server":
      return `${socket} listens, ${plan.target} is connected to, uid ${plan.acceptedBy} accepts: ${plan.ending}${plan.listenerGone ? "; the listener is closed" : ""}`;
    case "client":
      return `${socket} binds and connects to ${plan.target}: ${plan.ending}`;
    case "auto-client":
      return `${socket} connects to ${plan.target} and is given the port: ${plan.ending}`;
  }
}

function flags({
  reuseAddr,
  reusePort,
}: {
  readonly reuseAddr?: boolean | undefined;
  readonly reusePort?: boolean | undefined;
}): string {
  if (reuseAddr === undefined) return " options not known";
  return `${reuseAddr ? " SO_REUSEADDR" : ""}${reusePort === true ? " SO_REUSEPORT" : ""}`;
}
