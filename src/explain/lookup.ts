/** Every page of `explain`, and the one that a word means. Pages of errors, settings and findings are made from the tables that the program itself uses. */
import { nearestWord } from "../base/nearest-word.ts";
import { ERRORS } from "../base/errors.ts";
import type { ErrorCode } from "../base/errors.ts";
import { STATES } from "../tcp/states.ts";
import type { FindingDefinition } from "../verdict/findings/finding.ts";
import { FINDINGS } from "../verdict/findings/table.ts";
import { SYSCTLS } from "../verdict/sysctl-table.ts";
import type { SysctlKnowledge } from "../verdict/sysctl-table.ts";
import { CLOSING_STORIES } from "./closing-stories.ts";
import { ERRNO_PAGES } from "./errno-pages.ts";
import { ERROR_TEXTS } from "./error-texts.ts";
import { EXIT_STORIES } from "./exit-stories.ts";
import { OPTION_PAGES } from "./option-pages.ts";
import { PAGE_KINDS } from "./page.ts";
import type { Page, PageKind } from "./page.ts";
import { PORT_STORIES } from "./port-stories.ts";
import { RULE_TEXTS } from "./rule-pages.ts";
import { STATE_TEXTS } from "./state-pages.ts";

/** In the order of the list. */
export function allPages(): readonly Page[] {
  return (pages ??= withTwinsNamed(PAGE_KINDS.flatMap((kind) => PAGES_OF[kind]())));
}
let pages: readonly Page[] | undefined;

/** A word that two pages have is the first one's, which points to the other; that one has its kind in its name: `half-open-finding`. */
export function withTwinsNamed(all: readonly Page[]): readonly Page[] {
  return all.map((page, at) => {
    const first = all.findIndex(({ word }) => word === page.word);
    if (first !== at) return { ...page, word: `${page.word}-${page.kind}` };
    const twins = all.slice(at + 1).filter(({ word }) => word === page.word);
    return twins.length === 0
      ? page
      : { ...page, see: [...(page.see ?? []), ...twins.map(({ word, kind }) => `${word}-${kind}`)] };
  });
}

const PAGES_OF: Readonly<Record<PageKind, () => readonly Page[]>> = {
  story: () => [...CLOSING_STORIES, ...EXIT_STORIES, ...PORT_STORIES],
  state: () =>
    STATES.map(({ name, ss, also }) => ({
      word: name.toLowerCase(),
      kind: "state",
      aliases: [ss, ...also],
      ...STATE_TEXTS[name],
    })),
  rule: () =>
    Object.entries(RULE_TEXTS).flatMap(([word, text]) => ("pageOf" in text ? [] : [{ word, kind: "rule", ...text }])),
  option: () => OPTION_PAGES,
  errno: () => ERRNO_PAGES,
  // A setting with a story of its own has that page.
  sysctl: () =>
    SYSCTLS.map(sysctlPage).filter(({ word }) => !PAGES_OF.story().some((story) => keyOf(story.word) === keyOf(word))),
  finding: () => FINDINGS.map(findingPage),
  error: () => (Object.keys(ERRORS) as ErrorCode[]).map(errorPage),
};

/**
 * The page that a word means; undefined: none. Case, punctuation, `net.ipv4.` and `/proc/sys/` in front matter only where they tell two pages apart:
 * IP_LOCAL_PORT_RANGE is a socket option, ip_local_port_range a setting.
 */
export function findPage(word: string): Page | undefined {
  const all = allPages();
  return (
    all.find((page) => page.word === word) ??
    all.find(({ aliases }) => aliases?.includes(word)) ??
    index().get(keyOf(word))
  );
}

/** The near word, for a slip of the finger. */
export function nearestPage(word: string): string | undefined {
  const near = nearestWord(keyOf(word), index().keys());
  return near === undefined ? undefined : index().get(near)?.word;
}

/** Every way to write a word is one key: `TIME_WAIT`, `time-wait`, `TimeWait`; `net.ipv4.tcp_tw_reuse` and `/proc/sys/net/ipv4/tcp_tw_reuse`. */
function keyOf(word: string): string {
  return word
    .toLowerCase()
    .replace(/^\/proc\/sys\//, "")
    .replace(/^net[./](ipv4|ipv6|core)[./]/, "")
    .replace(/[^a-z0-9]/g, "");
}

let byKey: ReadonlyMap<string, Page> | undefined;

function index(): ReadonlyMap<string, Page> {
  if (byKey !== undefined) return byKey;
  const keys = new Map<string, Page>();
  // A page's own word is stronger than another page's alias, and an earlier alias than a later one.
  for (const page of allPages()) if (!keys.has(keyOf(page.word))) keys.set(keyOf(page.word), page);
  for (const page of allPages())
    for (const alias of page.aliases ?? []) if (!keys.has(keyOf(alias))) keys.set(keyOf(alias), page);
  return (byKey = keys);
}

/** The last part of the name is the word: `tcp_tw_reuse`. */
export function sysctlPage({ name, does, folklore, versions, defaultValue, advice, sources }: SysctlKnowledge): Page {
  const word = name.replace(/^net\.(ipv4|ipv6|core)\./, "");
  return inAscii({
    word,
    kind: "sysctl",
    title: name,
    aliases: [name],
    text: [
      does,
      ...(defaultValue === undefined ? [] : [`By default it is ${defaultValue}.`]),
      ...(folklore === undefined ? [] : [folklore]),
      ...(versions === undefined || versions.length === 0 ? [] : [versions.join(" ")]),
    ],
    remedy: [{ text: advice }, { text: "what it is here", command: `sysctl ${name}` }],
    sources,
  });
}

export function findingPage({ code, title, about }: FindingDefinition): Page {
  return inAscii({
    word: code,
    kind: "finding",
    title: `${code}: ${title}`,
    text: about.meaning,
    remedy: about.remedy.map((text) => ({ text })),
    sources: about.sources,
  });
}

/** Pages are shown on terminals that have nothing else; the tables are written for a wider world. */
function inAscii(page: Page): Page {
  const ascii = (text: string): string =>
    text
      .replace(/[\u201c\u201d]/g, '"')
      .replace(/[\u2018\u2019]/g, "'")
      .replaceAll("\u2026", "...")
      .replaceAll("\u2192", "->")
      .replaceAll("\u00d7", "x")
      .replaceAll("\u2265", ">=");
  return {
    ...page,
    title: ascii(page.title),
    text: page.text.map(ascii),
    remedy: (page.remedy ?? []).map(({ text, ...rest }) => ({ text: ascii(text), ...rest })),
    sources: page.sources.map(ascii),
  };
}

function errorPage(code: ErrorCode): Page {
  const { title, text } = ERROR_TEXTS[code];
  return {
    word: code,
    kind: "error",
    title: `${code}: ${title}`,
    text: [text],
    sources: ["docs/errors.md"],
  };
}
