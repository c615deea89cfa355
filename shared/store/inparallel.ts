/** Concurrent requests: a remote store answers many in the time of one. */

/** Small requests to a store in flight at once, unless there is a reason for fewer. */
export const REQUESTS_AT_ONCE = 32;

/**
 * What `ask` returns for each item, in the order of the items; at most `atOnce` requests are in flight.
 * @throws RangeError for an `atOnce` below 1; the first error, once all requests in flight have ended; none is started after it
 */
export async function inParallel<T, R>(
  items: readonly T[],
  atOnce: number,
  ask: (item: T, at: number) => Promise<R>,
): Promise<R[]> {
  checkAtOnce(atOnce);
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

/** The same as a stream, without holding all answers: they come in order, with `atOnce` requests (1 or more) ahead. */
export async function* eachInParallel<T, R>(
  items: Iterable<T>,
  atOnce: number,
  ask: (item: T) => Promise<R>,
): AsyncGenerator<R, void> {
  checkAtOnce(atOnce);
  const underWay: Promise<R>[] = [];
  for (const item of items) {
    if (underWay.length >= atOnce) yield await (underWay.shift() as Promise<R>);
    const answer = ask(item);
    // The consumer gets the error; until then, or if it stops early, it must not count as unhandled.
    answer.catch(() => {});
    underWay.push(answer);
  }
  for (const answer of underWay) yield await answer;
}

function checkAtOnce(atOnce: number): void {
  if (!(atOnce >= 1)) throw new RangeError(`at least one request must be in flight, not ${atOnce}`);
}

/** The numbers from 0 on, `count` of them. */
export function numbersTo(count: number): number[] {
  return Array.from({ length: count }, (_, number) => number);
}
