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
    const known = this.#counts.get(key);
    if (known === undefined && this.#counts.size >= this.#most) this.#forgetRare();
    this.#counts.set(key, (known ?? 0) + count);
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
