/**
 * What is known about a capture once it has been read: its format, its times, and every place where bytes could not be
 * used. The ledger collects it while the parser runs; CaptureFacts is the plain copy that goes into tables and
 * manifests.
 */

import type { AnomalySink } from './anomaly.ts';

/** Places of damage that are listed; further ones are only counted (`damageCount`). */
export const DAMAGE_ROWS = 100;
/** Distinct link types that are listed. */
export const LINK_TYPES_LISTED = 64;
/** Captured bytes a record may claim unless its capture announces a larger snaplen: the largest that tcpdump writes. */
export const RECORD_LIMIT = 262_144;
/** Captured bytes a record may claim whatever its capture announces. */
export const RECORD_LIMIT_CAP = 16 * 1024 * 1024;
/** The last microsecond a number holds exactly: June 2255. */
export const MAX_US = Number.MAX_SAFE_INTEGER;

/** The compression around a capture. */
export type Compression = 'none' | 'gzip' | 'zstd';

/** Why bytes of a capture could not be used. Users grep these names: they are part of the interface. */
export type DamageReason =
  /** The first bytes are of no supported format. Nothing is read. */
  | 'unsupported_format'
  /** The first bytes are plainly of something else: text, a picture, a table. Nothing is read. */
  | 'no_capture'
  /** A classic capture of another major version than 2. Nothing is read. */
  | 'unsupported_version'
  /** The capture ends inside its file header, or before four bytes. */
  | 'truncated_file_header'
  /** The capture ends inside a record header. */
  | 'truncated_record_header'
  /** The capture ends inside a record. */
  | 'truncated_record'
  /** The capture ends inside a pcapng block. */
  | 'truncated_block'
  /** Invalid record headers: the bytes up to the next sound chain of records are lost. */
  | 'bad_record_header'
  /** An invalid pcapng block length: the bytes up to the next sound block are lost. */
  | 'bad_block_length'
  /** A pcapng block whose two lengths differ and which is not followed by a sound block. */
  | 'block_trailer_mismatch'
  /** A section header without the byte-order magic. */
  | 'bad_section_header'
  /** A pcapng packet longer than its block or than the record limit: that block is lost. */
  | 'bad_packet_length'
  /** A pcapng packet of an interface that its section does not describe: that block is lost. */
  | 'unknown_interface'
  /** A pcapng block too short for its type: that block is lost. */
  | 'block_too_short'
  | CompressionReason;

/** Why a capture's compressed bytes could not be used any further. */
export type CompressionReason =
  /** The compressed bytes end inside a gzip member or zstd frame. */
  | 'truncated_compression'
  /** The compressed bytes cannot be decompressed from here on. */
  | 'corrupt_compression'
  /** Bytes other than zeros follow the last gzip member or zstd frame. */
  | 'bytes_after_compression'
  /** A zstd frame needs a larger window than is allowed: nothing is decompressed from here on. */
  | 'zstd_window_too_large'
  /** Tens of thousands of zstd frames of some bytes each: nothing is decompressed from here on. */
  | 'zstd_frames_too_small'
  /** The compression ratio is higher than that of any real capture: nothing is decompressed from here on. */
  | 'compression_ratio_exceeded';

/** One place of damage. */
export interface Damage {
  /** Byte offset in the uncompressed capture where the unusable piece begins. */
  offset: number;
  reason: DamageReason;
  /** Of compression: the offset of the member or frame that is corrupt. Any byte from there on may be wrong. */
  since?: number;
  /** In words: how many bytes, up to where, or at which compressed offset. */
  detail: string;
}

/**
 * Result of reading a capture: read to its end; cut off inside its last record; with unusable bytes somewhere; not
 * readable at all; or of zero bytes. When several apply, it is the worst: unreadable, then damaged, then truncated. A
 * job says `open` instead of truncated where the capture was still being written; a reader cannot know that.
 */
export type CaptureStatus = 'complete' | 'open' | 'truncated' | 'damaged' | 'unreadable' | 'empty';

/** Facts of one capture. Plain JSON. */
export interface CaptureFacts {
  /** 'empty' is a capture of zero bytes, 'unknown' one whose first bytes are of no supported format. */
  format: 'pcap' | 'pcapng' | 'empty' | 'unknown';
  compression: Compression;
  /** Of the headers; 'mixed' when sections differ; null when there is none. */
  byteOrder: 'little' | 'big' | 'mixed' | null;
  /** Version in the first file or section header, as '2.4' or '1.0'; null when there is none. */
  version: string | null;
  /** Timestamp units, distinct, joined by commas: 'us', 'ns', '10^-3', '2^-20'; null when none is known. */
  resolution: string | null;
  /** Distinct link types announced, in order of appearance, at most LINK_TYPES_LISTED. */
  linkTypes: number[];
  /** Largest snaplen announced, in bytes; 0 means no limit, null none announced. */
  snaplen: number | null;
  /** Interfaces described: 1 for pcap, the sum over sections for pcapng, and over parts. */
  interfaces: number;
  /** Captures joined into this one, each with a file header of its own; absent for one. Sections of pcapng are not counted. */
  parts?: number;
  /** Dialects found of the format (dialect.ts), and 'nanoseconds' under a magic for microseconds; distinct, in order; absent without any. */
  dialects?: string[];
  /** Records handed to the sink. */
  records: number;
  /** Uncompressed bytes read, the unusable ones included; of a capture refused at its beginning, those examined. */
  bytes: number;
  /** Earliest record time, whole microseconds since 1970 and the nanoseconds below; null without records. */
  firstUs: number | null;
  firstNs: number | null;
  /** Latest record time; null without records. */
  lastUs: number | null;
  lastNs: number | null;
  /** Records earlier than the record before them. */
  outOfOrder: number;
  status: CaptureStatus;
  /** The first DAMAGE_ROWS places of damage, in order. */
  damage: Damage[];
  /** All places of damage. */
  damageCount: number;
  /** Uncompressed bytes that could not be used, truncated tails included. */
  bytesLost: number;
}

const RANK: Record<CaptureStatus, number> = { complete: 0, empty: 0, open: 0, truncated: 1, damaged: 2, unreadable: 3 };

/** Collects the facts of one capture while it is read. */
export class CaptureLedger {
  format: CaptureFacts['format'] = 'empty';
  compression: Compression = 'none';
  byteOrder: CaptureFacts['byteOrder'] = null;
  version: string | null = null;
  snaplen: number | null = null;
  interfaces = 0;
  records = 0;
  bytes = 0;
  outOfOrder = 0;
  /** Time of the previous record, valid when `records` > 0. */
  previousUs = 0;
  previousNs = 0;
  private readonly anomalies: AnomalySink;
  private readonly linkTypes: number[] = [];
  private readonly resolutions: string[] = [];
  private readonly dialects: string[] = [];
  private parts = 0;
  private firstUs = 0;
  private firstNs = 0;
  private lastUs = 0;
  private lastNs = 0;
  private status: CaptureStatus = 'complete';
  private readonly damage: Damage[] = [];
  private damageCount = 0;
  private bytesLost = 0;
  private readonly toldOnce = new Set<string>();

  constructor(anomalies: AnomalySink) {
    this.anomalies = anomalies;
  }

  /** A capture begins, or a part of one. */
  begins(format: 'pcap' | 'pcapng'): void {
    if (this.parts++ === 0) this.format = format;
  }

  /** Note the byte order of a header. */
  ordered(little: boolean): void {
    const order = little ? 'little' : 'big';
    this.byteOrder = this.byteOrder === null || this.byteOrder === order ? order : 'mixed';
  }

  /** Note the dialect of the records at `offset`. */
  dialect(name: string, offset: number, detail: string): void {
    if (!this.dialects.includes(name)) this.dialects.push(name);
    this.anomalies.anomaly('capture_dialect', -1, 0, offset, `${name}: ${detail}`);
  }

  /** From `offset` on a magic for microseconds stands before nanoseconds. */
  nanoseconds(offset: number): void {
    if (!this.resolutions.includes('ns')) this.resolutions.push('ns');
    this.dialect('nanoseconds', offset, 'sub-second values of 10^6 and more under the magic for microseconds');
  }

  /** Count one record and its time. */
  tally(us: number, ns: number): void {
    if (this.records++ === 0) {
      this.firstUs = this.lastUs = us;
      this.firstNs = this.lastNs = ns;
    } else if (us < this.previousUs || (us === this.previousUs && ns < this.previousNs)) {
      this.outOfOrder++;
      if (us < this.firstUs || (us === this.firstUs && ns < this.firstNs)) {
        this.firstUs = us;
        this.firstNs = ns;
      }
    } else if (us > this.lastUs || (us === this.lastUs && ns > this.lastNs)) {
      this.lastUs = us;
      this.lastNs = ns;
    }
    this.previousUs = us;
    this.previousNs = ns;
  }

  /** Note an interface's link type, snaplen and resolution. */
  describe(linkType: number, snaplen: number, resolution: string): void {
    this.interfaces++;
    if (!this.linkTypes.includes(linkType) && this.linkTypes.length < LINK_TYPES_LISTED) this.linkTypes.push(linkType);
    if (!this.resolutions.includes(resolution) && this.resolutions.length < LINK_TYPES_LISTED)
      this.resolutions.push(resolution);
    if (this.snaplen === null) this.snaplen = snaplen;
    else if (this.snaplen !== 0) this.snaplen = snaplen === 0 ? 0 : Math.max(this.snaplen, snaplen);
  }

  /** Bytes from..to were skipped in the middle of the capture, or up to its end. */
  gap(from: number, to: number, reason: DamageReason): void {
    this.enter(from, reason, `${to - from} bytes skipped, up to ${to}`, to - from, 'damaged');
    this.anomalies.anomaly('capture_gap', -1, 0, from, `from ${from} to ${to}: ${reason}`);
  }

  /** The capture ends inside a structure of `wanted` bytes at `offset`, of which it has `there`. */
  truncated(offset: number, reason: DamageReason, there: number, wanted: number): void {
    const detail = `${there} of ${wanted} bytes`;
    this.enter(offset, reason, detail, there, 'truncated');
    this.anomalies.anomaly(reason, -1, 0, offset, detail);
  }

  /** One block that is complete but cannot be used. */
  lost(offset: number, reason: DamageReason, bytes: number, detail: string): void {
    this.enter(offset, reason, detail, bytes, 'damaged');
    this.anomalies.anomaly(reason, -1, 0, offset, detail);
  }

  /** Nothing of the capture can be read. */
  unreadable(offset: number, reason: DamageReason, detail: string): void {
    this.enter(offset, reason, detail, 0, 'unreadable');
    this.anomalies.anomaly(reason, -1, 0, offset, detail);
  }

  /** The compressed bytes are truncated or corrupt after `offset` uncompressed bytes. */
  compressionFault(offset: number, reason: CompressionReason, detail: string, since: number): void {
    const refused = reason === 'zstd_window_too_large' && offset === 0;
    const status = refused ? 'unreadable' : reason === 'truncated_compression' ? 'truncated' : 'damaged';
    this.enter(offset, reason, detail, 0, status, reason === 'corrupt_compression' ? since : undefined);
    this.anomalies.anomaly(reason, -1, 0, offset, detail);
  }

  /** Something odd that loses no bytes. */
  odd(name: string, us: number, ns: number, offset: number, detail: string): void {
    this.anomalies.anomaly(name, us, ns, offset, detail);
  }

  /** Something odd that would repeat with every record: reported the first time only. */
  oddOnce(name: string, us: number, ns: number, offset: number, detail: string): void {
    if (this.toldOnce.has(name)) return;
    this.toldOnce.add(name);
    this.anomalies.anomaly(name, us, ns, offset, detail);
  }

  /** The facts so far. */
  facts(): CaptureFacts {
    const some = this.records > 0;
    return {
      format: this.format,
      compression: this.compression,
      byteOrder: this.byteOrder,
      version: this.version,
      resolution: this.resolutions.length > 0 ? this.resolutions.join(',') : null,
      linkTypes: [...this.linkTypes],
      snaplen: this.snaplen,
      interfaces: this.interfaces,
      ...(this.parts > 1 && { parts: this.parts }),
      ...(this.dialects.length > 0 && { dialects: [...this.dialects] }),
      records: this.records,
      bytes: this.bytes,
      firstUs: some ? this.firstUs : null,
      firstNs: some ? this.firstNs : null,
      lastUs: some ? this.lastUs : null,
      lastNs: some ? this.lastNs : null,
      outOfOrder: this.outOfOrder,
      status: this.bytes === 0 && this.damageCount === 0 ? 'empty' : this.status,
      damage: this.damage.map((place) => ({ ...place })),
      damageCount: this.damageCount,
      bytesLost: this.bytesLost,
    };
  }

  private enter(
    offset: number,
    reason: DamageReason,
    detail: string,
    bytes: number,
    status: CaptureStatus,
    since?: number,
  ): void {
    this.damageCount++;
    this.bytesLost += bytes;
    if (this.damage.length < DAMAGE_ROWS)
      this.damage.push({ offset, reason, ...(since !== undefined && { since }), detail });
    if (RANK[status] > RANK[this.status]) this.status = status;
  }
}

/** Captured bytes a record may claim in a capture that announces `snaplen` and `linkType`. */
export function recordLimit(snaplen: number, linkType: number): number {
  // D-Bus and USB captures have messages far larger than network packets, and often a wrong snaplen.
  if (linkType === 231 || linkType === 249 || linkType === 279) return RECORD_LIMIT_CAP;
  return snaplen > RECORD_LIMIT && snaplen <= RECORD_LIMIT_CAP ? snaplen : RECORD_LIMIT;
}
