// `explain`: the same text everywhere, whatever the machine can and may.
import assert from "node:assert/strict";
import { test } from "node:test";
import { explain } from "../../src/ask/explain.ts";
import { jsonOf, portmortem } from "./command.ts";

test("explain WORD --json is what the library answers, and the schema", async () => {
  const { schema, ...page } = jsonOf(portmortem(["explain", "FIN_WAIT2", "--json"]));
  assert.equal(schema, "portmortem.explain/1");
  assert.deepEqual(page, JSON.parse(JSON.stringify(await explain("fin-wait-2"))));
});

test("explain --json lists every page, and each can be asked for", async () => {
  const { schema, ...index } = jsonOf(portmortem(["explain", "--json"]));
  assert.equal(schema, "portmortem.explain/1");
  assert.deepEqual(index, JSON.parse(JSON.stringify(await explain())));
});

test("several words are one", () => {
  assert.equal(portmortem(["explain", "time", "wait"]).stdout, portmortem(["explain", "TIME_WAIT"]).stdout);
});

test("lines are drawn as the locale allows", () => {
  const inLocale = (env: Readonly<Record<string, string>>): string =>
    portmortem(["explain", "time-wait"], { env }).stdout;
  for (const env of [{ LC_ALL: "C" }, { LC_ALL: "POSIX", LANG: "en_US.UTF-8" }, { LC_ALL: "", LC_CTYPE: "", LANG: "" }])
    assert.match(inLocale(env), /^[\n\x20-\x7e]*$/, JSON.stringify(env));
  for (const env of [{ LC_ALL: "C.UTF-8" }, { LC_ALL: "", LC_CTYPE: "", LANG: "de_DE.utf8" }])
    assert.match(inLocale(env), /─▶/, JSON.stringify(env));
});

test("without the native part, and as nobody in particular, it is the same", () => {
  const usual = portmortem(["explain", "SO_LINGER"]);
  assert.equal(usual.status, 0);
  assert.deepEqual(
    portmortem(["explain", "SO_LINGER"], { env: { PORTMORTEM_NO_FFI: "1", HOME: "/" }, cwd: "/" }),
    usual,
  );
});
