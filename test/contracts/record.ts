// A replay of what a host answered to the whole contract suite.
import { createRecordingHost } from "../../src/host/replay/recording-host.ts";
import { RECORDING_SCHEMA, RECORDING_VERSION, parseRecording } from "../../src/host/replay/recording.ts";
import { createReplayHost } from "../../src/host/replay/replay-host.ts";
import type { Host } from "../../src/host/host.ts";
import { runContract } from "./host-contract.ts";
import type { Lacks, Scene } from "./scene.ts";

export async function replayOf(host: Host, scene: Scene, lacks: Lacks = {}): Promise<Host> {
  const recorder = createRecordingHost(host, { redact: false });
  await runContract(recorder.host, scene, lacks);
  const text = JSON.stringify({
    schema: `${RECORDING_SCHEMA}/${RECORDING_VERSION}`,
    portmortem: "0.0.0",
    recordedAt: "2025-01-01T12:00:00.000Z",
    command: ["contract"],
    redacted: false,
    namespaces: recorder.namespaces,
  });
  return createReplayHost(parseRecording(text, "contract.json"));
}
