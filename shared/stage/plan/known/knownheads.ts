/**
 * Heads of captures that earlier jobs have read, by what a capture holds and not by its name. A row of a part is
 * the digest of its version and size (16 bytes), the time of the first packet (a double, NaN for none), the digest of
 * the head (8 bytes), and the compression (1 byte).
 */
import { DIGEST_WORDS, DigestTable, digestWords } from '../../../algorithm/digesttable.ts';
import type { Compression } from '../../../capture/facts.ts';
import type { CaptureRef } from '../../../store/capturesource.ts';
import type { ObjectHead, ObjectStore } from '../../../store/objectstore.ts';
import { KnownParts } from './knownparts.ts';

/** What a capture's head tells. */
export interface Head {
  /** Time of the first packet, whole microseconds; null when it has none. */
  firstUs: number | null;
  /** Digest of the stored bytes, 16 hex digits. */
  digest: string;
  compression: Compression;
}

const ROW_BYTES = 33;
const TIME = 16;
const DIGEST = 24;
const KIND = 32;

/** Compressions by the number that stands in a row. */
const COMPRESSIONS: readonly Compression[] = ['none', 'gzip', 'zstd'];
/** Stands for a head that could not be read, in place of a compression. */
const UNREAD = 255;

export class KnownHeads {
  private readonly parts: KnownParts;
  private readonly table = new DigestTable();
  /** Of each digest in the table, a row from its time on. */
  private values: Uint8Array = new Uint8Array((ROW_BYTES - TIME) * 1024);
  /** Rows that no part has yet. */
  private fresh: Uint8Array[] = [];

  /** @param prefix of the parts' keys */
  constructor(store: ObjectStore, prefix: string) {
    this.parts = new KnownParts(store, prefix);
  }

  /** Reads what is known. @param listed as of KnownParts */
  read(listed: readonly ObjectHead[], onDamaged?: (words: string) => void): Promise<void> {
    return this.parts.read(
      listed,
      (body) => {
        for (let at = 0; at + ROW_BYTES <= body.length; at += ROW_BYTES) this.enter(body.subarray(at, at + ROW_BYTES));
      },
      onDamaged,
    );
  }

  /** The head of a capture; null when it could not be read, undefined when it is not known. */
  find(capture: CaptureRef): Head | null | undefined {
    const number = this.table.find(identity(capture));
    if (number < 0) return undefined;
    const at = number * (ROW_BYTES - TIME);
    const view = new DataView(this.values.buffer, at, ROW_BYTES - TIME);
    const kind = view.getUint8(KIND - TIME);
    if (kind === UNREAD) return null;
    const us = view.getFloat64(0, true);
    const digest = Buffer.from(this.values.buffer, at + DIGEST - TIME, 8).toString('hex');
    return { firstUs: Number.isNaN(us) ? null : us, digest, compression: COMPRESSIONS[kind] };
  }

  /** @param head null when it could not be read */
  add(capture: CaptureRef, head: Head | null): void {
    const row = new Uint8Array(ROW_BYTES);
    row.set(new Uint8Array(identity(capture).buffer));
    const view = new DataView(row.buffer);
    view.setFloat64(TIME, head?.firstUs ?? Number.NaN, true);
    view.setUint8(KIND, head === null ? UNREAD : COMPRESSIONS.indexOf(head.compression));
    if (head !== null) row.set(Buffer.from(head.digest, 'hex'), DIGEST);
    this.enter(row);
    this.fresh.push(row);
  }

  /** Heads that were added and are not written. */
  get unwritten(): number {
    return this.fresh.length;
  }

  /** Writes what was added. */
  async write(): Promise<void> {
    const fresh = Buffer.concat(this.fresh);
    this.fresh = [];
    await this.parts.add(fresh, merged);
  }

  private enter(row: Uint8Array): void {
    const number = this.table.enter(words(row));
    const at = number * (ROW_BYTES - TIME);
    if (at + ROW_BYTES - TIME > this.values.length) {
      const wider = new Uint8Array(2 * this.values.length);
      wider.set(this.values);
      this.values = wider;
    }
    this.values.set(row.subarray(TIME), at);
  }
}

/** What a capture is known by: its name may change. */
function identity({ version, size }: CaptureRef): Uint32Array {
  return digestWords(`${version}/${size}`);
}

function words(row: Uint8Array): Uint32Array {
  return new Uint32Array(row.slice(0, 4 * DIGEST_WORDS).buffer);
}

/** Each row once. */
function merged(bodies: readonly Uint8Array[]): Uint8Array {
  const table = new DigestTable();
  const rows: Uint8Array[] = [];
  for (const body of bodies)
    for (let at = 0; at + ROW_BYTES <= body.length; at += ROW_BYTES) {
      const row = body.subarray(at, at + ROW_BYTES);
      const entered = table.length;
      if (table.enter(words(row)) === entered) rows.push(row);
    }
  return Buffer.concat(rows);
}
