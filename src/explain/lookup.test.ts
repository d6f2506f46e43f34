import assert from "node:assert/strict";
import { test } from "node:test";
import { ERRORS } from "../base/errors.ts";
import { playScenario } from "../tcp/closing-play.ts";
import { SCENARIOS } from "../tcp/closing-scenarios.ts";
import { STATES } from "../tcp/states.ts";
import type { FindingDefinition } from "../verdict/findings/finding.ts";
import { allPages, findPage, findingPage, nearestPage, sysctlPage, withTwinsNamed } from "./lookup.ts";
import { RULE_TEXTS } from "./rule-pages.ts";

const pages = allPages();
const textOf = ({ title, text, folklore = [], remedy = [], sources }: (typeof pages)[number]): string =>
  [
    title,
    ...text,
    ...folklore.flatMap(({ said, truth }) => [said, truth]),
    ...remedy.flatMap(({ text: words, command = "" }) => [words, command]),
    ...sources,
  ].join("\n");

test("findPage() finds a page however its word is written", () => {
  const same: [string, string[]][] = [
    ["time-wait", ["TIME_WAIT", "timewait", "Time Wait", "TIME-WAIT", "time_wait"]],
    ["fin-wait-2", ["fin_wait2", "FIN-WAIT-2", "finwait2", "fin-wait2"]],
    ["SO_REUSEADDR", ["so_reuseaddr", "reuseaddr", "SO-REUSEADDR"]],
    ["kill-9", ["kill -9", "kill9", "SIGKILL"]],
    ["PM_BAD_PORT", ["pm_bad_port", "pm-bad-port"]],
    ["EADDRINUSE", ["eaddrinuse", "EADDRINUSE"]],
    ["tcp_tw_recycle", ["net.ipv4.tcp_tw_recycle", "/proc/sys/net/ipv4/tcp_tw_recycle"]],
    ["established", ["estab", "ESTABLISHED"]],
    ["time-wait-length", ["TcpTimedWaitDelay", "net.inet.tcp.msl"]],
  ];
  for (const [word, ways] of same) for (const way of ways) assert.equal(findPage(way)?.word, word, way);
  assert.equal(findPage("no such thing"), undefined);
  assert.equal(findPage(""), undefined);
});

test("nearestPage() knows the page that a slip of the finger meant", () => {
  assert.equal(nearestPage("tiem-wait"), "time-wait");
  assert.equal(nearestPage("SO_REUSEADR"), "SO_REUSEADDR");
  assert.equal(nearestPage("qqqqqqqqqq"), undefined);
});

test("every state, every rule of why and every error has a page", () => {
  for (const { name } of STATES) assert.equal(findPage(name)?.kind, "state", name);
  for (const rule of Object.keys(RULE_TEXTS)) assert.ok(findPage(rule) !== undefined, rule);
  for (const [rule, text] of Object.entries(RULE_TEXTS))
    if ("pageOf" in text) assert.equal(findPage(rule)?.word, text.pageOf, rule);
  for (const code of Object.keys(ERRORS)) assert.equal(findPage(code)?.kind, "error", code);
});

test("every page is found by its word and by each of its aliases", () => {
  for (const page of pages)
    for (const name of [page.word, ...(page.aliases ?? [])])
      assert.equal(findPage(name)?.word, page.word, `${name} means two pages`);
});

test("every page has a source, and the pages that it points to exist", () => {
  for (const { word, sources, see = [] } of pages) {
    assert.ok(sources.length > 0, word);
    for (const other of see) {
      assert.ok(findPage(other) !== undefined, `${word} points to ${other}`);
      assert.notEqual(findPage(other)?.word, word, "to itself");
    }
  }
});

test("the texts are plain: one line a paragraph, and no character that a terminal may lack", () => {
  for (const page of pages) assert.match(textOf(page), /^[\n\x20-\x7e]*$/, page.word);
});

test("ladders end where the pages say that they end", () => {
  for (const { word, ladder } of pages) {
    if (ladder === undefined) continue;
    const last = playScenario(SCENARIOS[ladder.scenario]).steps.at(-1)!;
    assert.deepEqual([last.client.state, last.server.state], ladder.ends, word);
  }
});

test("the ladder of a state shows the state", () => {
  for (const { name } of STATES) {
    const { ladder } = findPage(name)!;
    if (ladder === undefined) continue;
    const { start, steps } = playScenario(SCENARIOS[ladder.scenario]);
    const shown = [start, ...steps].flatMap(({ client, server }) => [client.state, server.state]);
    assert.ok(shown.includes(name), name);
  }
});

test("withTwinsNamed() gives a word that two pages have to the first, which points to the other", () => {
  const page = { title: "x", text: [], sources: ["x"] };
  const [story, finding] = withTwinsNamed([
    { word: "half-open", kind: "story", see: ["a"], ...page },
    { word: "half-open", kind: "finding", ...page },
  ]);
  assert.equal(story?.word, "half-open");
  assert.deepEqual(story.see, ["a", "half-open-finding"]);
  assert.equal(finding?.word, "half-open-finding");
});

test("a page is made of an entry of a table", () => {
  const setting = sysctlPage({
    name: "net.ipv4.tcp_x",
    does: "Does x.",
    folklore: "“It does y.”",
    versions: ["Gone in 9.0."],
    defaultValue: "7",
    advice: "leave it",
    sources: ["tcp_x()"],
  });
  assert.equal(setting.word, "tcp_x");
  assert.deepEqual(setting.text, ["Does x.", "By default it is 7.", '"It does y."', "Gone in 9.0."]);
  assert.deepEqual(setting.remedy, [
    { text: "leave it" },
    { text: "what it is here", command: "sysctl net.ipv4.tcp_x" },
  ]);
  const definition: FindingDefinition = {
    code: "too-much",
    title: "too much of it",
    about: { meaning: ["There is."], remedy: ["take some away"], sources: ["man too-much"] },
    find: () => [],
  };
  assert.deepEqual(findingPage(definition), {
    word: "too-much",
    kind: "finding",
    title: "too-much: too much of it",
    text: ["There is."],
    remedy: [{ text: "take some away" }],
    sources: ["man too-much"],
  });
});
