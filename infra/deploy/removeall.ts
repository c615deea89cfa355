/** Removes objects by their prefix. */
import type { ObjectStore } from '../../shared/store/objectstore.ts';

/** Keys that one request removes at most. */
const AT_ONCE = 1000;

/** Removes all objects of a store whose keys begin so. */
export async function removeAll(store: ObjectStore, prefix: string): Promise<void> {
  let keys: string[] = [];
  for await (const { key } of store.list(prefix)) {
    keys.push(key);
    if (keys.length < AT_ONCE) continue;
    await store.remove(keys);
    keys = [];
  }
  await store.remove(keys);
}
