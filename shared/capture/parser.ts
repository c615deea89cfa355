/**
 * The push parser: takes the uncompressed bytes of a capture in chunks of any
 * size, finds the format from the first four bytes and hands every record to a
 * sink, with the exact offset of its header.
 *
 * Records inside a chunk are parsed in place. Those that span chunks are assembled in one carry buffer, which grows
 * with the bytes that arrive and never with the lengths that headers claim. No input makes it throw: unusable bytes are
 * reported in the facts.
 */

import type { AnomalySink } from './anomaly.ts';
import type { CompressionReport } from './compression/detect.ts';
import { type CaptureFacts, CaptureLedger, type Compression, type CompressionReason } from './facts.ts';
import { isPcapMagic, isPcapngMagic } from './format/fileheader.ts';
import { ForeignReader, refuseShortText } from './format/foreign.ts';
import type { FormatReader } from './format/formatreader.ts';
import { PcapReader } from './format/pcap.ts';
import { PcapngReader } from './format/pcapng.ts';
import type { RecordSink } from './recordsink.ts';

/** Bytes that the format is detected by. */
const MAGIC_BYTES = 4;

const CARRY_BYTES = 4096;

/** Parses one capture. */
export class CaptureParser implements CompressionReport {
  private readonly sink: RecordSink;
  private readonly ledger: CaptureLedger;
  private reader: FormatReader | undefined;
  private carry = new Uint8Array(CARRY_BYTES);
  private carryView = new DataView(this.carry.buffer);
  /** Bytes in the carry buffer. */
  private held = 0;
  /** Offset in the capture of the first byte not yet parsed. */
  private position = 0;
  private ended = false;
  /** Offset of the first byte of the compressed member or frame. */
  private pieceAt = 0;

  constructor(sink: RecordSink, anomalies: AnomalySink) {
    this.sink = sink;
    this.ledger = new CaptureLedger(anomalies);
  }

  /** The compression that the capture had, for the facts. */
  set compression(compression: Compression) {
    this.ledger.compression = compression;
  }

  /** The facts so far: a plain copy, final after `end`. */
  get facts(): CaptureFacts {
    return this.ledger.facts();
  }

  /** The capture cannot be read, whatever follows: further bytes are ignored. */
  get refused(): boolean {
    return this.reader?.refused === true;
  }

  /** Take the next uncompressed bytes. The chunk may be reused after the call. */
  push(chunk: Uint8Array): void {
    if (this.ended) throw new Error('push after end');
    if (this.refused) return;
    const length = chunk.length;
    this.ledger.bytes += length;
    let at = 0;
    while (this.held > 0 && at < length) {
      const need = this.reader === undefined ? MAGIC_BYTES : this.reader.need;
      // At least half as much as is held, so that moving the rest forward stays linear in the bytes.
      const take = Math.min(Math.max(need - this.held, this.held >> 1), length - at);
      this.hold(chunk, at, at + take);
      at += take;
      if (this.held < need) return;
      const rest = this.held - this.run(this.carry, this.carryView, 0, this.held, false);
      if (this.refused) break;
      if (rest <= at) {
        // The rest came from this chunk entirely: continue in place.
        at -= rest;
        this.held = 0;
      } else {
        this.carry.copyWithin(0, this.held - rest, this.held);
        this.held = rest;
      }
    }
    if (at < length && !this.refused) {
      const view = new DataView(chunk.buffer, chunk.byteOffset, length);
      const used = this.run(chunk, view, at, length, false);
      if (used < length && !this.refused) this.hold(chunk, used, length);
    }
  }

  /** No more bytes follow. */
  end(): void {
    if (this.ended) return;
    this.ended = true;
    if (!this.refused) this.run(this.carry, this.carryView, 0, this.held, true);
    this.held = 0;
  }

  /** The compression is truncated or corrupt after the bytes so far. */
  fault(reason: CompressionReason, detail: string): void {
    this.ledger.compressionFault(this.ledger.bytes, reason, detail, this.pieceAt);
  }

  /** Another member or frame of the compression begins. */
  begins(): void {
    this.pieceAt = this.ledger.bytes;
  }

  /** Something odd about the compression. */
  odd(name: string, detail: string): void {
    this.ledger.odd(name, -1, 0, this.ledger.bytes, detail);
  }

  private run(bytes: Uint8Array, view: DataView, start: number, end: number, ended: boolean): number {
    if (this.reader === undefined) {
      if (end - start >= MAGIC_BYTES) this.reader = this.detect(view, start);
      else if (!ended) return start;
      else {
        if (end > start && !refuseShortText(this.ledger, bytes.subarray(start, end))) {
          this.ledger.format = 'unknown';
          this.ledger.truncated(0, 'truncated_file_header', end - start, MAGIC_BYTES);
        }
        return end;
      }
    }
    for (let at = start; ; ) {
      const used = this.reader.run(bytes, view, at, end, this.position - at, ended);
      this.position += used - at;
      // The bytes after it were not examined, and their number depends on the source's chunks.
      if (this.reader.refused) this.ledger.bytes = this.position;
      if (!this.reader.another) return used;
      this.ledger.odd('another_file_header', -1, 0, this.position, 'another capture begins here');
      this.reader = this.detect(view, used);
      at = used;
    }
  }

  private detect(view: DataView, start: number): FormatReader {
    const magic = view.getUint32(start);
    if (isPcapMagic(magic)) return new PcapReader(magic, this.sink, this.ledger);
    if (isPcapngMagic(magic)) return new PcapngReader(this.sink, this.ledger);
    return new ForeignReader(this.ledger);
  }

  private hold(chunk: Uint8Array, from: number, to: number): void {
    const wanted = this.held + to - from;
    if (wanted > this.carry.length) {
      let size = this.carry.length;
      while (size < wanted) size *= 2;
      const grown = new Uint8Array(size);
      grown.set(this.carry.subarray(0, this.held));
      this.carry = grown;
      this.carryView = new DataView(grown.buffer);
    }
    if (to - from < 32) for (let i = from; i < to; i++) this.carry[this.held + i - from] = chunk[i];
    else this.carry.set(chunk.subarray(from, to), this.held);
    this.held = wanted;
  }
}
