/** Requests that do not wait for each other: a store far away answers many in the time of one. */

/** Requests under way at once. */
const AT_ONCE = 32;

/** What `ask` gives for each item, in the order of the items. The first error ends it. */
export async function inParallel<T, R>(items: readonly T[], ask: (item: T) => Promise<R>): Promise<R[]> {
  const answers: R[] = new Array(items.length);
  let next = 0;
  const worker = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      answers[at] = await ask(items[at]);
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, items.length) }, worker));
  return answers;
}
