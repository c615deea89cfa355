/** A store that answers no more once a task is to stop: stages need not look at the clock themselves. */
import type { ObjectStore } from '../shared/store/objectstore.ts';

/** The store, each of whose calls throws the signal's reason from when it is raised. */
export function stoppable(store: ObjectStore, signal: AbortSignal): ObjectStore {
  const checked = async <T>(call: () => Promise<T>): Promise<T> => {
    signal.throwIfAborted();
    return call();
  };
  return {
    list: (prefix) => {
      signal.throwIfAborted();
      return store.list(prefix);
    },
    head: (key) => checked(() => store.head(key)),
    get: (key, range) => checked(() => store.get(key, range)),
    put: (key, bytes) => checked(() => store.put(key, bytes)),
    putIfAbsent: (key, bytes) => checked(() => store.putIfAbsent(key, bytes)),
    putFile: (key, path) => checked(() => store.putFile(key, path)),
    remove: (keys) => checked(() => store.remove(keys)),
  };
}
