// `free` makes a port bindable and harms nobody, over random scenes with real processes and sockets.
//   SEED=n SCENES=1 npm test -- kernel/free-safety     plays scene n again
//   npm run test:deep                                  ten thousand
import assert from "node:assert/strict";
import { test } from "node:test";
import { olderThan } from "../../src/base/kernel-release.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { AT_ONCE, Campaign } from "../oracles/free/campaign.ts";
import type { Harm } from "../oracles/free/campaign.ts";
import { shrink } from "../oracles/free/shrink.ts";
import { tellHarm } from "../oracles/free/tell.ts";
import { whyNoNamespace } from "./namespace.ts";
import { SECOND_USER } from "./needs.ts";

/** What the scenes must have had in them. */
const OCCUPANTS = [
  ...["prompt", "deaf", "stopped", "slow", "drains", "forked", "shared", "heir", "parent"].flatMap((conduct) => [
    `server ${conduct}`,
    `bound ${conduct}`,
  ]),
  ...["time-wait", "fin-wait-2", "fin-wait-1", "last-ack", "closing"].map((ending) => `left ${ending}`),
  ...["open", "close-wait", "fin-wait-2"].flatMap((ending) => [`accepted ${ending}`, `client ${ending}`]),
];

const SCENES = wholeNumber("SCENES", 300);
const SEED = wholeNumber("SEED", 1);
const A_ROUND = 1000;

/** A slip of the pen must not pass as a run without a scene. */
function wholeNumber(name: string, otherwise: number): number {
  const text = process.env[name] ?? String(otherwise);
  assert.match(text, /^[1-9][0-9]{0,8}$/, `${name} is a whole number from 1 on`);
  return Number(text);
}

const { kernelRelease } = createLinuxHost().system();
const skip =
  whyNoNamespace() ??
  (olderThan(kernelRelease, 6, 11)
    ? `Linux ${kernelRelease} cannot clear a connection that no program holds`
    : undefined);

test("free makes the port bindable, and harms nobody", { skip: skip ?? false }, async (context) => {
  const campaign = new Campaign(SECOND_USER() === undefined);
  try {
    const started = Date.now();
    for (let done = 0; done < SCENES; done += A_ROUND) {
      const harms = await campaign.run(SEED + done, Math.min(A_ROUND, SCENES - done));
      if (harms.length > 0) assert.fail(`\n${await tellAll(campaign, harms)}`);
      if (SCENES > A_ROUND) process.stderr.write(`${campaign.tally.scenes} of ${SCENES} scenes\n`);
    }
    const { tally } = campaign;
    const told = [...tally.occupants, ...tally.steps].map(([kind, count]) => `${kind} ${count}`).join(", ");
    context.diagnostic(
      `${JSON.stringify({ ...tally, occupants: undefined, steps: undefined })} in ${Math.round((Date.now() - started) / 1000)} s; ${told}`,
    );
    if (SCENES < 300) return;
    assert.deepEqual(
      OCCUPANTS.filter((kind) => !tally.occupants.has(kind)),
      [],
      "no scene had these",
    );
    assert.ok(tally.freed > tally.scenes / 2, "in too few scenes something had to be done");
    assert.ok(tally.innocents > tally.scenes * 4 && tally.talks > tally.scenes, "too few innocents");
    assert.ok(tally.drainedNot < tally.drained / 2, "servers were not left to their last requests");
    assert.ok(tally.stubborn < tally.scenes / 20, "in too many scenes nothing can be proven");
  } finally {
    await campaign.close();
  }
});

/** One that is harmed alone is made smaller; one that is harmed only beside the others is told as it was. */
async function tellAll(campaign: Campaign, harms: readonly Harm[]): Promise<string> {
  for (const harm of harms) {
    const [alone] = await campaign.play([harm.scene]);
    if (alone === undefined) continue;
    return tellHarm(await shrink(alone, async (scene) => (await campaign.play([scene]))[0]));
  }
  const seeds = harms.map(({ scene }) => scene.seed);
  return `${tellHarm(harms[0]!)}\nonly beside others: SEED=${Math.floor((Math.min(...seeds) - SEED) / AT_ONCE) * AT_ONCE + SEED} SCENES=${AT_ONCE}`;
}
