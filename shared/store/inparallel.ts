/** Requests that do not wait for each other: a store far away answers many in the time of one. */

/** Small requests to a store that are under way at once, unless there is a reason for fewer. */
export const REQUESTS_AT_ONCE = 32;

/**
 * What `ask` gives for each item, in the order of the items; at most `atOnce` are under way at a time.
 * @throws the first error, when what was under way has ended; nothing new is begun behind it
 */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  ask: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = new Array(items.length);
  let next = 0;
  const work = async (): Promise<void> => {
    while (next < items.length) {
      const at = next++;
      try {
        answers[at] = await ask(items[at], at);
      } catch (error) {
        next = items.length;
        throw error;
      }
    }
  };
  const works = Array.from({ length: Math.min(atOnce, items.length) }, work);
  await Promise.all(works).finally(() => Promise.allSettled(works));
  return answers;
}

/** The same for more answers than are to be held: each comes in its turn, and `atOnce` are asked for ahead of it. */
export async function* eachInParallel<T, R>(
  items: Iterable<T>,
  atOnce: number,
  ask: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  const underWay: Promise<R>[] = [];
  for (const item of items) {
    if (underWay.length >= atOnce) yield await (underWay.shift() as Promise<R>);
    const answer = ask(item);
    // Whoever takes it gets the error; until then, or when nobody does, it must not count as unhandled.
    answer.catch(() => {});
    underWay.push(answer);
  }
  for (const answer of underWay) yield await answer;
}
