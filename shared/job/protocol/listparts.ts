/**
 * Lists of any length in the store: written in parts of a bounded number of rows, each an object of its own, and
 * read part by part. A single JSON string cannot exceed 512 MB, and memory ends long before.
 */
import { listBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { requireJson } from '../context.ts';

/** Most rows of a part: some megabytes of captures, anomalies or the like. */
export const PART_ROWS = 10_000;

/** Writes a list in parts as its rows are added. */
export class PartsWriter<T> {
  /** Keys of the parts so far, in order. */
  readonly keys: string[] = [];
  private readonly store: Pick<ObjectStore, 'put'>;
  private readonly prefix: string;
  private readonly most: number;
  private rows: T[] = [];

  /** @param prefix of the parts' keys: `<prefix>00000.json` is the first */
  constructor(store: Pick<ObjectStore, 'put'>, prefix: string, most = PART_ROWS) {
    this.store = store;
    this.prefix = prefix;
    this.most = most;
  }

  async add(rows: Iterable<T>): Promise<void> {
    for (const row of rows) {
      this.rows.push(row);
      if (this.rows.length === this.most) await this.write();
    }
  }

  /** Writes what is left. @returns the keys of all parts, in order */
  async end(): Promise<string[]> {
    if (this.rows.length > 0) await this.write();
    return this.keys;
  }

  private async write(): Promise<void> {
    const key = `${this.prefix}${String(this.keys.length).padStart(5, '0')}.json`;
    await this.store.put(key, listBytes(this.rows));
    this.keys.push(key);
    this.rows = [];
  }
}

/** The rows of each part, in order; one part in memory at a time. @throws StoreError for a part that is missing or damaged */
export async function* readParts<T>(store: ObjectStore, keys: readonly string[]): AsyncGenerator<T[]> {
  for (const key of keys) yield await requireJson<T[]>(store, key);
}

/** As `readParts`, with the keys listed in the object `key`. */
export async function* readListed<T>(store: ObjectStore, key: string): AsyncGenerator<T[]> {
  yield* readParts<T>(store, await requireJson<string[]>(store, key));
}
