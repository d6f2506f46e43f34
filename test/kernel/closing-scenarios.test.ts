// Every scenario that `explain` draws happens on this kernel as the model has it: states and holders after each move by sock_diag, what the programs
// notice, and every single transition by the kernel's own tracepoint.
import { SCENARIOS } from "../../src/tcp/closing-scenarios.ts";
import { testScenarios } from "./closing-suite.ts";

testScenarios(SCENARIOS);
