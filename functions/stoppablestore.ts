/** A store that refuses calls once a task is to stop, so that stages need not check the time themselves. */
import type { ObjectStore } from '../shared/store/objectstore.ts';

/** The store; each call throws the signal's reason once the signal is aborted. */
export function stoppableStore(store: ObjectStore, signal: AbortSignal): ObjectStore {
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
