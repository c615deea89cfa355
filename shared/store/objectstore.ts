/**
 * Object storage as Flowstitch needs it: a small interface with S3's semantics, so that a local directory and a bucket
 * behave alike. One contract test runs against every implementation.
 */

/** What a listing tells about an object. */
export interface ObjectHead {
  key: string;
  /** Size in bytes, as stored. */
  size: number;
  /** Changes whenever the object's bytes change (S3: ETag; directory: size and modification time). Opaque. */
  version: string;
  /** When it was last written, milliseconds since 1970, if the store tells. */
  modified?: number;
}

/** Half-open byte range [start, end) of an object; `end` beyond the object's size means its end. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * What callers distinguish: there is no such object (`missing`), it was overwritten since it was listed (`changed`), it
 * does not hold what was written (`damaged`), no retry can help (`refused`; the message says what can), or the store
 * failed (`io`: a retry may help).
 */
export class StoreError extends Error {
  override name = 'StoreError';
  readonly key: string;
  readonly reason: 'missing' | 'changed' | 'damaged' | 'refused' | 'io';

  constructor(reason: StoreError['reason'], key: string, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
    this.key = key;
  }
}

export interface ObjectStore {
  /** Objects whose key begins with `prefix`, in ascending order of their keys' UTF-8 bytes. */
  list(prefix: string): AsyncIterable<ObjectHead>;
  /** The object's head, undefined if it does not exist. */
  head(key: string): Promise<ObjectHead | undefined>;
  /**
   * The object's bytes, or a range of them.
   * @throws StoreError 'missing' when there is no such object
   */
  get(key: string, range?: ByteRange): Promise<Uint8Array>;
  /** Writes the whole object in one step: readers see the old bytes or the new, never a part. */
  put(key: string, bytes: Uint8Array): Promise<void>;
  /**
   * Writes the object only if the key does not exist. Exactly one of many writers wins.
   * @returns false if the key existed
   */
  putIfAbsent(key: string, bytes: Uint8Array): Promise<boolean>;
  /** Moves a local file into the store as one object (the file is gone afterwards). @returns its size in bytes */
  putFile(key: string, path: string): Promise<number>;
  /** Removes objects; keys that do not exist are ignored. */
  remove(keys: readonly string[]): Promise<void>;
}
