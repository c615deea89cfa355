/** The chains of a data set: which intervals later jobs find made. */
import { getJson, listBytes } from '../../store/jsonobject.ts';
import { type ObjectStore, StoreError } from '../../store/objectstore.ts';
import { chainsPrefix } from '../protocol/keys.ts';
import type { Chain, MadeInterval } from '../tasks/interval.ts';

/**
 * Shortens every chain of a data set to the intervals before the first that `isGone`: later jobs make it, and those behind
 * it, anew. A damaged chain is removed.
 */
export async function shortenChains(
  store: ObjectStore,
  dataset: string,
  isGone: (interval: MadeInterval) => boolean,
): Promise<void> {
  const keys: string[] = [];
  for await (const { key } of store.list(chainsPrefix(dataset))) keys.push(key);
  for (const key of keys) {
    const chain = await getJson<Chain>(store, key).catch((error: unknown) => {
      if (error instanceof StoreError && error.reason === 'damaged') return null;
      throw error;
    });
    if (chain === undefined) continue;
    if (chain === null) {
      await store.remove([key]);
      continue;
    }
    const at = chain.intervals.findIndex(isGone);
    if (at >= 0) await store.put(key, listBytes({ intervals: chain.intervals.slice(0, at) } satisfies Chain));
  }
}
