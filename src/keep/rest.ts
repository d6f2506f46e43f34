/** A rest that can be cut short. */
export class Rest {
  #cut: (() => void) | undefined;

  for(ms: number): Promise<void> {
    if (ms === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#cut = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  cut(): void {
    this.#cut?.();
  }
}
