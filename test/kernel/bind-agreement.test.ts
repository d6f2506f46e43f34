// The predictor, the probe and the kernel give the same answer to every bind() and listen(), over random scenarios with real sockets.
//   SEED=n SCENARIOS=1 npm test -- kernel/bind-agreement     plays scenario n again
//   npm run test:deep                                        a hundred thousand
import assert from "node:assert/strict";
import { test } from "node:test";
import { olderThan } from "../../src/base/kernel-release.ts";
import { createLinuxHost } from "../../src/host/linux/linux-host.ts";
import { Campaign } from "../oracles/bind/campaign.ts";
import type { Failure } from "../oracles/bind/campaign.ts";
import { shrink } from "../oracles/bind/shrink.ts";
import { tellFailure } from "../oracles/bind/tell.ts";
import { whyNoNamespace } from "./namespace.ts";
import { SECOND_USER } from "./needs.ts";

/** What the scenes must have had in them. */
const KINDS = [
  "BOUND",
  "LISTEN",
  "SYN-SENT",
  "ESTABLISHED",
  "ESTABLISHED without a descriptor",
  "CLOSE-WAIT",
  "FIN-WAIT-2",
  "FIN-WAIT-2 without a descriptor",
  "FIN-WAIT-1 without a descriptor",
  "CLOSING without a descriptor",
  "LAST-ACK without a descriptor",
  "TIME-WAIT without a descriptor",
].map((kind) => `tcp ${kind}`);

const SCENARIOS = wholeNumber("SCENARIOS", 1000);
const A_ROUND = 10_000;
const SEED = wholeNumber("SEED", 1);

/** A slip of the pen must not pass as a run without a scenario. */
function wholeNumber(name: string, otherwise: number): number {
  const text = process.env[name] ?? String(otherwise);
  assert.match(text, /^[1-9][0-9]{0,8}$/, `${name} is a whole number from 1 on`);
  return Number(text);
}

const { kernelRelease } = createLinuxHost().system();
const skip =
  whyNoNamespace() ??
  (olderThan(kernelRelease, 6, 8) ? `Linux ${kernelRelease} does not show sockets that are only bound` : undefined);

test(
  "the predictor, the probe and the kernel agree about every bind and listen",
  { skip: skip ?? false },
  (context) => {
    const campaign = new Campaign(SECOND_USER() === undefined);
    try {
      const started = Date.now();
      let failure: Failure | undefined;
      for (let done = 0; done < SCENARIOS && failure === undefined; done += A_ROUND) {
        failure = campaign.run(SEED + done, Math.min(A_ROUND, SCENARIOS - done));
        if (SCENARIOS > A_ROUND) process.stderr.write(`${campaign.tally.scenarios} of ${SCENARIOS} scenarios\n`);
      }
      if (failure !== undefined)
        assert.fail(`\n${tellFailure(shrink(failure, (scenario) => campaign.play(scenario)))}`);
      const { tally } = campaign;
      const states = [...tally.states].sort(([, a], [, b]) => b - a).map(([state, count]) => `${state} ${count}`);
      context.diagnostic(
        `${JSON.stringify({ ...tally, states: undefined })} in ${Math.round((Date.now() - started) / 1000)} s; ${states.join(", ")}`,
      );
      if (SCENARIOS < 1000) return;
      assert.deepEqual(
        KINDS.filter((kind) => (tally.states.get(kind) ?? 0) < 3),
        [],
        "hardly a scene had these",
      );
      assert.ok(
        tally.refused > tally.scenarios / 5 && tally.refused < tally.scenarios * 0.8,
        "the scenes prove little",
      );
      assert.ok(tally.unknown < tally.scenarios / 10, "the rules know too little");
      assert.ok(tally.forgotten > tally.unknown / 4, "nearly nothing of what is unknown was held to its reason");
      assert.ok(tally.seen > tally.scenarios / 2, "without the options the rules know too little");
      assert.ok(tally.blockersRemoved > tally.scenarios / 5, "hardly a blocker was taken away");
      assert.ok(tally.moved < tally.scenarios / 100, "too many scenes changed while they were looked at");
    } finally {
      campaign.close();
    }
  },
);
