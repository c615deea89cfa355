/**
 * The captures of a job as plan looks at them, in columns: a million take some 150 MB. What else is known of a capture
 * stays in the job's inputs until its task is written.
 */
import { DIGEST_WORDS, digestWords } from '../../algorithm/digesttable.ts';
import type { Stored } from '../../job/rank.ts';
import type { PlannedCapture } from '../../job/tasks/maptask.ts';
import type { CaptureRef } from '../../store/capturesource.ts';
import type { Head } from './known/knownheads.ts';

/** Estimated ratio of a compressed capture. */
export const COMPRESSION = 4;

const HEADED = 1;
const REFUSED = 2;
const KEPT = 4;

/** Estimated uncompressed bytes of a capture. */
export function reckonedBytes(size: number, head: Head | null): number {
  return size * (head === null || head.compression === 'none' ? 1 : COMPRESSION);
}

/** Identifies a capture's content for the reuse of shards, independent of its name. */
export function contentOf(capture: Pick<PlannedCapture, 'version' | 'headDigest'>): string {
  return `${capture.version}/${capture.headDigest}`;
}

export class HeadedCaptures {
  length = 0;
  /** Time of the first packet, whole microseconds; infinite where there is none. */
  readonly headUs: Float64Array;
  /** Stored bytes. */
  readonly size: Float64Array;
  /** Estimated uncompressed bytes. */
  readonly reckoned: Float64Array;
  /** Digest of what each holds, DIGEST_WORDS words. */
  readonly contents: Uint32Array;
  private readonly flags: Uint8Array;
  /** Digest of the head, two words, the higher one first. */
  private readonly digests: Uint32Array;
  private readonly names = new Names();

  /** @param most captures */
  constructor(most: number) {
    this.headUs = new Float64Array(most);
    this.size = new Float64Array(most);
    this.reckoned = new Float64Array(most);
    this.contents = new Uint32Array(DIGEST_WORDS * most);
    this.flags = new Uint8Array(most);
    this.digests = new Uint32Array(2 * most);
  }

  /** @param head null where it could not be read. @param refused whether the capture will not be read */
  add(capture: CaptureRef, head: Head | null, refused: boolean): void {
    const at = this.length++;
    this.headUs[at] = head?.firstUs ?? Number.POSITIVE_INFINITY;
    this.size[at] = capture.size;
    this.reckoned[at] = reckonedBytes(capture.size, head);
    this.flags[at] = (head === null ? 0 : HEADED) | (refused ? REFUSED : 0) | (capture.kept ? KEPT : 0);
    if (head !== null) {
      this.digests[2 * at] = Number.parseInt(head.digest.slice(0, 8), 16);
      this.digests[2 * at + 1] = Number.parseInt(head.digest.slice(8), 16);
    }
    const content = contentOf({ version: capture.version, headDigest: head?.digest ?? '' });
    this.contents.set(digestWords(content), DIGEST_WORDS * at);
    this.names.add(capture.name);
  }

  isRefused(at: number): boolean {
    return (this.flags[at] & REFUSED) !== 0;
  }

  /** Whether the capture may be gone, and its sessions are to stay. */
  isKept(at: number): boolean {
    return (this.flags[at] & KEPT) !== 0;
  }

  headDigest(at: number): string {
    if ((this.flags[at] & HEADED) === 0) return '';
    const hex = (word: number): string => word.toString(16).padStart(8, '0');
    return hex(this.digests[2 * at]) + hex(this.digests[2 * at + 1]);
  }

  /** The capture as map gets it. */
  planned(at: number, capture: CaptureRef): PlannedCapture {
    const us = this.headUs[at];
    return { ...capture, headUs: Number.isFinite(us) ? us : null, headDigest: this.headDigest(at) };
  }

  stored(at: number): Stored {
    return { headDigest: this.headDigest(at), size: this.size[at], name: this.names.at(at) };
  }

  /** Order of two captures by their first stored bytes and their size, as compareStored has it; 0 where the names decide. */
  compareBytes(a: number, b: number): number {
    return (
      (this.flags[a] & HEADED) - (this.flags[b] & HEADED) ||
      this.digests[2 * a] - this.digests[2 * b] ||
      this.digests[2 * a + 1] - this.digests[2 * b + 1] ||
      this.size[a] - this.size[b]
    );
  }
}

/** Bytes of names that are kept together. */
const CHUNK = 1 << 20;

/** Many texts, as UTF-8 in large pieces: a million strings would be half of a function's memory. */
class Names {
  private readonly chunks: Buffer[] = [];
  private used = CHUNK;
  /** Of each name its place, as chunk and offset in it, and its bytes. */
  private places = new Uint32Array(1024);
  private lengths = new Uint32Array(1024);
  private count = 0;

  add(name: string): void {
    const bytes = Buffer.byteLength(name);
    if (this.used + bytes > CHUNK) {
      this.chunks.push(Buffer.allocUnsafeSlow(Math.max(CHUNK, bytes)));
      this.used = 0;
    }
    if (this.count === this.places.length) {
      this.places = wider(this.places);
      this.lengths = wider(this.lengths);
    }
    const chunk = this.chunks.length - 1;
    this.chunks[chunk].write(name, this.used);
    this.places[this.count] = chunk * CHUNK + this.used;
    this.lengths[this.count++] = bytes;
    this.used += bytes;
  }

  at(number: number): string {
    const place = this.places[number];
    const offset = place % CHUNK;
    return this.chunks[Math.floor(place / CHUNK)].toString('utf8', offset, offset + this.lengths[number]);
  }
}

function wider(numbers: Uint32Array): Uint32Array<ArrayBuffer> {
  const twice = new Uint32Array(2 * numbers.length);
  twice.set(numbers);
  return twice;
}
