/**
 * What plan knows of a data set from earlier jobs, in a few objects however many jobs there were: an open part that each
 * job writes anew with what it has found, a young one into which open parts go when they are full, and sealed
 * ones. Parts are named by their content and only added or replaced by a part that holds theirs, so that jobs that
 * write at the same time lose nothing. Nothing here has to be there: what is missing or damaged is found out again.
 */
import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { inParallel } from '../../../store/inparallel.ts';
import { type ObjectHead, type ObjectStore, StoreError } from '../../../store/objectstore.ts';

/** Bytes below which a part is open: each job writes it anew. */
export const OPEN_BYTES = 128 << 10;
/** Bytes from which on a part is sealed: it stays as it is. */
export const SEALED_BYTES = 2 << 20;
/** Most bytes of parts that are read: knowledge of two million captures. The oldest beyond are removed. */
const MOST_BYTES = 64 << 20;
/** Parts read at a time. */
const PARALLEL_READS = 8;

const CRC_BYTES = 4;

export class KnownParts {
  /** Whether a part was damaged, and what it held is not known. */
  damaged = false;
  /** Parts that there were. */
  found = 0;
  private readonly store: ObjectStore;
  private readonly prefix: string;
  /** Those that are not sealed. */
  private small: { key: string; body: Uint8Array }[] = [];

  /** @param prefix of their keys */
  constructor(store: ObjectStore, prefix: string) {
    this.store = store;
    this.prefix = prefix;
  }

  /**
   * Reads all parts.
   * @param listed objects, those of this prefix among them
   * @param take called with what each holds
   */
  async read(
    listed: readonly ObjectHead[],
    take: (body: Uint8Array) => void,
    onDamaged?: (words: string) => void,
  ): Promise<void> {
    const own = listed.filter(({ key }) => key.startsWith(this.prefix));
    this.found = own.length;
    const newest = (head: ObjectHead): number => head.modified ?? 0;
    own.sort((a, b) => newest(b) - newest(a) || (a.key < b.key ? -1 : 1));
    let bytes = 0;
    const used = own.filter(({ size }) => (bytes += size) <= MOST_BYTES);
    if (used.length < own.length) await this.store.remove(own.slice(used.length).map(({ key }) => key));
    await inParallel(used, PARALLEL_READS, async ({ key }) => {
      const body = await this.bodyOf(key, onDamaged);
      if (body === undefined) return;
      take(body);
      if (body.length < SEALED_BYTES) this.small.push({ key, body });
    });
  }

  /**
   * Writes what was found.
   * @param merged one body of several, the newest first
   */
  async add(fresh: Uint8Array, merged: (bodies: readonly Uint8Array[]) => Uint8Array): Promise<void> {
    if (fresh.length === 0) return;
    let into = this.small.filter(({ body }) => body.length < OPEN_BYTES);
    let bytes = fresh.length;
    for (const { body } of into) bytes += body.length;
    if (bytes >= OPEN_BYTES) into = this.small;
    const body = plain(merged([plain(fresh), ...into.map((part) => part.body)]));
    const key = `${this.prefix}${createHash('sha256').update(body).digest('hex').slice(0, 24)}`;
    await this.store.put(key, withCrc(body));
    await this.store.remove(into.map((part) => part.key).filter((old) => old !== key));
    this.small = this.small.filter((part) => !into.includes(part));
    if (body.length < SEALED_BYTES) this.small.push({ key, body });
  }

  private async bodyOf(key: string, onDamaged?: (words: string) => void): Promise<Uint8Array | undefined> {
    let bytes: Uint8Array;
    try {
      bytes = plain(await this.store.get(key));
    } catch (error) {
      // Another job has put it into a larger one meanwhile.
      if (error instanceof StoreError && error.reason === 'missing') return undefined;
      throw error;
    }
    const body = bytes.subarray(0, Math.max(0, bytes.length - CRC_BYTES));
    if (bytes.length >= CRC_BYTES && Buffer.compare(withCrc(body), bytes) === 0) return body;
    onDamaged?.(`${key} is damaged: its ${bytes.length} bytes do not match their checksum`);
    this.damaged = true;
    await this.store.remove([key]);
    return undefined;
  }
}

/** The same bytes as no Buffer: its slices would not be copies. */
function plain({ buffer, byteOffset, byteLength }: Uint8Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

function withCrc(body: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(body.length + CRC_BYTES);
  bytes.set(body);
  new DataView(bytes.buffer).setUint32(body.length, crc32(body), true);
  return bytes;
}
