import assert from "node:assert/strict";
import { test } from "node:test";
import { why } from "../ask/why.ts";
import { createFakeHost, listener, program } from "./testing.ts";
import { read } from "../../test/house/repository.ts";

test("the example of portmortem/testing compiles, and answers what it says", async () => {
  const host = createFakeHost({ processes: [program("nginx", { pid: 812, sockets: [listener({ port: 8080 })] })] });
  const { bindable, blockers } = await why(8080, { host });
  // bindable: false; blockers[0].text: "nginx (pid 812) listens on [::]:8080"
  assert.equal(bindable, false);
  assert.equal(blockers[0]?.text, "nginx (pid 812) listens on [::]:8080");
});

test("the example of portmortem/testing is the code that is tested above", () => {
  const lines = /```ts\n([^]*?)```/.exec(read("src/testing/testing.ts"))?.[1]?.split("\n") ?? [];
  const code = lines
    .map((line) => line.replace(/^ \* ?/, ""))
    .filter((line) => line !== "" && !line.startsWith("import"));
  assert.ok(code.length >= 3, "no example found");
  const tested = read("src/testing/example.test.ts");
  for (const line of code) assert.ok(tested.includes(`  ${line}\n`), `not tested: ${line}`);
});
