/** The question `explain`: what a word means. Asks no machine, and loads nothing native. */
import { PortmortemError } from "../base/errors.ts";
import type { ExplainIndex, Explanation } from "../explain/explanation.ts";
import type { ScenarioName } from "../tcp/closing-scenarios.ts";

/** No page has a longer name. */
const LONGEST_SHOWN = 60;

/**
 * What a word means: a state, a socket option, a setting, an errno, a code of `why`, `doctor` or of an error, or a story such as `four-way-close`. Without a
 * word, the list of them all. Works on any system. Throws PM_UNKNOWN_WORD, with the near word in its hint.
 */
export function explain(): Promise<ExplainIndex>;
export function explain(word: string): Promise<Explanation>;
export async function explain(word?: string): Promise<Explanation | ExplainIndex> {
  // The texts are loaded for whoever asks.
  const { allPages, findPage, nearestPage } = await import("../explain/lookup.ts");
  if (word === undefined)
    return { pages: allPages().map(({ word: name, kind, title }) => ({ word: name, kind, title })) };
  const page = findPage(word);
  if (page === undefined) {
    const near = nearestPage(word);
    const shown = word.length > LONGEST_SHOWN ? `${word.slice(0, LONGEST_SHOWN)}...` : word;
    throw new PortmortemError("PM_UNKNOWN_WORD", `there is no page about ${JSON.stringify(shown)}`, {
      hint: near === undefined ? "portmortem explain lists all that there are" : `did you mean ${near}?`,
    });
  }
  const { ladder, folklore, remedy, see, kind, title, text, sources } = page;
  return {
    word: page.word,
    kind,
    title,
    text,
    ...(ladder === undefined ? {} : { ladder: await ladderOf(ladder.scenario) }),
    folklore: folklore ?? [],
    remedy: remedy ?? [],
    sources,
    see: (see ?? []).flatMap((other) => findPage(other)?.word ?? []),
  };
}

async function ladderOf(name: ScenarioName): Promise<NonNullable<Explanation["ladder"]>> {
  const { SCENARIOS } = await import("../tcp/closing-scenarios.ts");
  const { playScenario } = await import("../tcp/closing-play.ts");
  const { start, steps } = playScenario(SCENARIOS[name]);
  return { start, steps };
}
