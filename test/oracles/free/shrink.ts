/** Makes a scene in which something is harmed smaller, step by step, as long as it still is. */
import type { Harm } from "./campaign.ts";
import type { FreeScene, Occupant } from "./scene.ts";
import { ROOT } from "./scene.ts";

const MOST_TRIES = 60;

export async function shrink(harm: Harm, play: (scene: FreeScene) => Promise<Harm | undefined>): Promise<Harm> {
  let smallest = harm;
  let tries = 0;
  for (let progress = true; progress && tries < MOST_TRIES;) {
    progress = false;
    for (const smaller of smallerThan(smallest.scene)) {
      if (++tries > MOST_TRIES) break;
      const again = await play(smaller);
      if (again === undefined) continue;
      smallest = again;
      progress = true;
      break;
    }
  }
  return smallest;
}

function* smallerThan(scene: FreeScene): Generator<FreeScene> {
  const { occupants, innocents, question } = scene;
  for (const index of occupants.keys()) yield { ...scene, occupants: occupants.filter((_, at) => at !== index) };
  for (const index of innocents.keys()) yield { ...scene, innocents: innocents.filter((_, at) => at !== index) };
  for (const [index, one] of occupants.entries())
    for (const simpler of simplerThan(one))
      yield { ...scene, occupants: occupants.map((other, at) => (at === index ? simpler : other)) };
  // Another address would be met by whoever is beside this one.
  for (const flag of ["reuseAddr", "reusePort"] as const)
    if (question[flag]) yield { ...scene, question: { ...question, [flag]: false } };
  const { device: _device, ...rest } = question;
  if (question.device !== undefined) yield { ...scene, question: rest };
}

function* simplerThan(one: Occupant): Generator<Occupant> {
  for (const flag of ["reuseAddr", "reusePort", "v6only"] as const) if (one[flag]) yield { ...one, [flag]: false };
  const { device: _device, ...rest } = one;
  if (one.device !== undefined) yield rest;
  if ("uid" in one && one.uid !== ROOT) yield { ...one, uid: ROOT };
  if ("conduct" in one && one.conduct !== "prompt") yield { ...one, conduct: "prompt" };
  if (one.kind === "server" && one.queued) yield { ...one, queued: false };
  if (one.kind === "server" && one.clients > 0) yield { ...one, clients: one.clients - 1 };
}
