/** A store that counts what it is asked, by kinds of keys: for tests of what grows with a data set. */
import type { ByteRange, ObjectHead, ObjectStore } from '../../shared/store/objectstore.ts';

/** Requests and the bytes that they moved. */
export interface Counted {
  requests: number;
  read: number;
  written: number;
}

/** Keys of a listing that one request returns. */
const PAGE = 1000;

export class CountedStore implements ObjectStore {
  /** By the kind of key. */
  readonly counts = new Map<string, Counted>();
  private readonly store: ObjectStore;
  private readonly kindOf: (key: string) => string;

  constructor(store: ObjectStore, kindOf: (key: string) => string = () => '') {
    this.store = store;
    this.kindOf = kindOf;
  }

  /** All kinds together. */
  get total(): Counted {
    const total = { requests: 0, read: 0, written: 0 };
    for (const { requests, read, written } of this.counts.values()) {
      total.requests += requests;
      total.read += read;
      total.written += written;
    }
    return total;
  }

  private count(key: string, read = 0, written = 0): void {
    const kind = this.kindOf(key);
    const known = this.counts.get(kind) ?? { requests: 0, read: 0, written: 0 };
    this.counts.set(kind, {
      requests: known.requests + 1,
      read: known.read + read,
      written: known.written + written,
    });
  }

  async *list(prefix: string): AsyncIterable<ObjectHead> {
    let found = 0;
    for await (const head of this.store.list(prefix)) {
      if (found++ % PAGE === 0 && found > 1) this.count(prefix);
      yield head;
    }
    this.count(prefix);
  }

  head(key: string): Promise<ObjectHead | undefined> {
    this.count(key);
    return this.store.head(key);
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const bytes = await this.store.get(key, range).catch((error: unknown) => {
      this.count(key);
      throw error;
    });
    this.count(key, bytes.length);
    return bytes;
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.count(key, 0, bytes.length);
    await this.store.put(key, bytes);
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    this.count(key, 0, bytes.length);
    return this.store.putIfAbsent(key, bytes);
  }

  async putFile(key: string, path: string): Promise<number> {
    const bytes = await this.store.putFile(key, path);
    this.count(key, 0, bytes);
    return bytes;
  }

  async remove(keys: readonly string[]): Promise<void> {
    if (keys.length > 0) this.count(keys[0]);
    await this.store.remove(keys);
  }
}
