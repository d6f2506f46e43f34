/**
 * How often each of many keys comes, in bounded memory: when there are too many, those that came least are forgotten. What is left has come
 * at least so often; with fewer keys than `most`, which is every machine but the strangest, exactly so often.
 */
const MOST_KEYS = 50_000;

export class TopCounts<K> {
  readonly #counts = new Map<K, number>();
  readonly #most: number;

  constructor(most = MOST_KEYS) {
    this.#most = most;
  }

  add(key: K, count = 1): void {
    const { size } = this.#counts;
    this.#counts.set(key, (this.#counts.get(key) ?? 0) + count);
    if (size >= this.#most) this.#forgetRare();
  }

  #forgetRare(): void {
    for (let least = 1; this.#counts.size > this.#most / 2; least *= 2)
      for (const [key, count] of this.#counts) if (count <= least) this.#counts.delete(key);
  }

  /** The most frequent first; equally frequent ones as they came. */
  top(most: number): { readonly key: K; readonly count: number }[] {
    return [...this.#counts]
      .map(([key, count]) => ({ key, count }))
      .sort((a, b) => b.count - a.count)
      .slice(0, most);
  }
}
