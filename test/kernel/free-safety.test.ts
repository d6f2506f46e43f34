// `free` frees the port and harms nobody, over random scenes with real processes and sockets.
//   SEED=n SCENES=1 npm test -- kernel/free-safety     plays scene n again
//   npm run test:deep                                  ten thousand
import assert from "node:assert/strict";
import { test } from "node:test";
import { olderThan } from "../../src/base/kernel-release.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { Campaign } from "../oracles/free/campaign.ts";
import { tellHarm } from "../oracles/free/tell.ts";
import { whyNoNamespace } from "./namespace.ts";
import { SECOND_USER } from "./needs.ts";

const SCENES = wholeNumber("SCENES", 300);
const SEED = wholeNumber("SEED", 1);

/** A slip of the pen must not pass as a run without a scene. */
function wholeNumber(name: string, otherwise: number): number {
  const text = process.env[name] ?? String(otherwise);
  assert.match(text, /^[1-9][0-9]{0,8}$/, `${name} is a whole number from 1 on`);
  return Number(text);
}

const { kernelRelease } = createLinuxHost().system();
const skip =
  whyNoNamespace() ?? (olderThan(kernelRelease, 6, 11) ? `Linux ${kernelRelease} cannot clear orphans` : undefined);

test("free makes the port bindable, and harms nobody", { skip: skip ?? false }, async (context) => {
  const campaign = new Campaign(SECOND_USER() === undefined);
  try {
    const started = Date.now();
    const harms = await campaign.run(SEED, SCENES);
    if (harms.length > 0) assert.fail(harms.map(tellHarm).join("\n\n"));
    const { tally } = campaign;
    context.diagnostic(
      `${JSON.stringify(tally)} in ${Math.round((Date.now() - started) / 1000)} s; ${JSON.stringify([...tally.occupants])} ${JSON.stringify([...tally.steps])}`,
    );
  } finally {
    await campaign.close();
  }
});
