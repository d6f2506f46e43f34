import { createFakeScene } from "./fake-scene.ts";
import { testContract } from "./host-contract.ts";
import { replayOf } from "./record.ts";

const { host, scene } = createFakeScene();
testContract("fake host", host, scene);
testContract("replay of the fake host", await replayOf(host, scene), scene);
