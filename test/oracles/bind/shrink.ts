/** Makes a failing scenario smaller, step by step, as long as it still fails. */
import type { Failure } from "./campaign.ts";
import type { OwnerPlan, Scenario } from "./scenario.ts";
import { ROOT } from "./scenario.ts";

const MOST_TRIES = 300;

export function shrink(failure: Failure, play: (scenario: Scenario) => Failure | undefined): Failure {
  let smallest = failure;
  let tries = 0;
  for (let progress = true; progress && tries < MOST_TRIES;) {
    progress = false;
    for (const smaller of smallerThan(smallest.scenario)) {
      if (++tries > MOST_TRIES) break;
      const again = play(smaller);
      if (again === undefined) continue;
      smallest = again;
      progress = true;
      break;
    }
  }
  return smallest;
}

function* smallerThan(scenario: Scenario): Generator<Scenario> {
  const { owners, question } = scenario;
  for (const index of owners.keys()) yield { ...scenario, owners: owners.filter((_, at) => at !== index) };
  for (const [index, plan] of owners.entries())
    for (const simpler of simplerPlans(plan))
      yield { ...scenario, owners: owners.map((one, at) => (at === index ? simpler : one)) };
  for (const oddity of ["nonlocal", "lateBetween", "privilegedPort"] as const)
    if (scenario[oddity]) yield { ...scenario, [oddity]: false };
  if (question.device !== undefined) {
    const { device: _device, ...rest } = question;
    yield { ...scenario, question: rest };
  }
  if (question.uid !== ROOT) yield { ...scenario, question: { ...question, uid: ROOT } };
  for (const flag of ["reuseAddr", "reusePort", "v6only"] as const)
    if (question[flag]) yield { ...scenario, question: { ...question, [flag]: false } };
}

function* simplerPlans(plan: OwnerPlan): Generator<OwnerPlan> {
  if (plan.role !== "bound" && plan.role !== "listening") {
    yield { ...plan, role: "bound" };
    if (plan.ending !== "open") yield { ...plan, ending: "open" };
  }
  if (plan.role !== "bound") yield { ...plan, role: "listening", late: false };
  if (plan.device !== undefined) {
    const { device: _device, ...rest } = plan;
    yield rest;
  }
  if (plan.uid !== ROOT) yield { ...plan, uid: ROOT };
  if (plan.acceptedBy !== ROOT) yield { ...plan, acceptedBy: ROOT };
  for (const flag of ["reuseAddr", "reusePort", "v6only", "late", "listenerGone"] as const)
    if (plan[flag]) yield { ...plan, [flag]: false };
}
