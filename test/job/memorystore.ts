/** An object store in memory that counts what it is asked: for tests of what stages write, in which order, how often. */
import { readFileSync, rmSync } from 'node:fs';
import { type ByteRange, type ObjectHead, type ObjectStore, StoreError } from '../../shared/store/objectstore.ts';

export class MemoryStore implements ObjectStore {
  readonly objects = new Map<string, Uint8Array>();
  /** Listings asked for, and keys they gave. */
  listings = 0;
  listed = 0;

  async *list(prefix: string): AsyncIterable<ObjectHead> {
    this.listings++;
    for (const key of [...this.objects.keys()].filter((known) => known.startsWith(prefix)).sort()) {
      this.listed++;
      const { length } = this.objects.get(key)!;
      yield { key, size: length, version: String(length) };
    }
  }

  async head(key: string): Promise<ObjectHead | undefined> {
    const bytes = this.objects.get(key);
    return bytes === undefined ? undefined : { key, size: bytes.length, version: String(bytes.length) };
  }

  async get(key: string, range?: ByteRange): Promise<Uint8Array> {
    const bytes = this.objects.get(key);
    if (bytes === undefined) throw new StoreError('missing', key, `no object ${key}`);
    return range === undefined ? bytes : bytes.slice(range.start, range.end);
  }

  async put(key: string, bytes: Uint8Array): Promise<void> {
    this.objects.set(key, bytes.slice());
  }

  async putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean> {
    if (this.objects.has(key)) return false;
    this.objects.set(key, bytes.slice());
    return true;
  }

  async putFile(key: string, path: string): Promise<number> {
    const bytes = readFileSync(path);
    this.objects.set(key, bytes);
    rmSync(path);
    return bytes.length;
  }

  async remove(keys: readonly string[]): Promise<void> {
    for (const key of keys) this.objects.delete(key);
  }
}
