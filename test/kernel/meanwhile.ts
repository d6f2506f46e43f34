/** Does the work again and again until the answer is there, and answers it. */
export async function meanwhile<T>(answer: Promise<T>, work: () => Promise<unknown>): Promise<T> {
  const state = { settled: false };
  const settle = (): void => {
    state.settled = true;
  };
  answer.then(settle, settle);
  while (!state.settled) await work();
  return answer;
}
