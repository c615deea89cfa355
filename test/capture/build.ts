/**
 * Builds captures for tests: pcap and pcapng in every variant the reader knows, uncompressed, gzip or zstd, from
 * records given as plain values.
 */

import { gzipSync, zstdCompressSync } from 'node:zlib';
import { AnomalyLog } from '../../shared/capture/anomaly.ts';
import type { CaptureFacts } from '../../shared/capture/facts.ts';
import { CaptureParser } from '../../shared/capture/parser.ts';
import type { RecordSink } from '../../shared/capture/recordsink.ts';

/** One record to be written. */
export interface BuiltRecord {
  /** Whole microseconds since 1970. */
  us: number;
  /** Nanoseconds below, 0..999; written only where the format has room for them. */
  ns?: number;
  bytes: Uint8Array;
  /** Bytes on the wire; the length of `bytes` when absent. */
  origLen?: number;
  /** pcapng: number of the interface, 0 when absent. */
  interface?: number;
}

/** Options of a pcap; by default little-endian, microseconds, Ethernet, version 2.4. */
export interface PcapOptions {
  nano?: boolean;
  bigEndian?: boolean;
  /** The modified format, with 24-byte record headers. */
  modified?: boolean;
  snaplen?: number;
  /** The whole link-type field. */
  linkType?: number;
  version?: [major: number, minor: number];
  /** Bytes of a record header behind the four fields; 0, or 8 in the modified format, when absent. */
  more?: number;
  /** The length on the wire stands before the captured one; true before version 2.3 when absent. */
  exchanged?: boolean;
}

/** One interface of a pcapng. */
export interface BuiltInterface {
  linkType?: number;
  snaplen?: number;
  /** The option's byte; left out when absent (microseconds). */
  tsresol?: number;
  /** Whole seconds, possibly negative; left out when absent. */
  tsoffset?: number;
}

/** Options of a pcapng: one interface as given here, or several. */
export interface PcapngOptions extends BuiltInterface {
  bigEndian?: boolean;
  /** The interfaces, instead of the one described by the other options. */
  interfaces?: BuiltInterface[];
  /** Type of the packet blocks, enhanced when absent. */
  packets?: 'enhanced' | 'simple' | 'obsolete';
}

/** Bytes joined. */
export function concat(parts: Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(parts));
}

/** The file header of a pcap. */
export function pcapHeader(options: PcapOptions = {}): Uint8Array {
  const little = options.bigEndian !== true;
  const out = new DataView(new ArrayBuffer(24));
  out.setUint32(0, options.modified ? 0xa1b2cd34 : options.nano ? 0xa1b23c4d : 0xa1b2c3d4, little);
  const [major, minor] = options.version ?? [2, 4];
  out.setUint16(4, major, little);
  out.setUint16(6, minor, little);
  out.setUint32(16, options.snaplen ?? 262_144, little);
  out.setUint32(20, options.linkType ?? 1, little);
  return new Uint8Array(out.buffer);
}

/** One record of a pcap, header and bytes. */
export function pcapRecord(record: BuiltRecord, options: PcapOptions = {}): Uint8Array {
  const little = options.bigEndian !== true;
  const header = 16 + (options.more ?? (options.modified ? 8 : 0));
  const out = new Uint8Array(header + record.bytes.length);
  const view = new DataView(out.buffer);
  const sec = Math.floor(record.us / 1e6);
  const micros = record.us - sec * 1e6;
  const len = record.origLen ?? record.bytes.length;
  const swapped = options.exchanged ?? (options.version !== undefined && options.version[1] < 3);
  view.setUint32(0, sec, little);
  view.setUint32(4, options.nano ? micros * 1000 + (record.ns ?? 0) : micros, little);
  view.setUint32(8, swapped ? len : record.bytes.length, little);
  view.setUint32(12, swapped ? record.bytes.length : len, little);
  out.set(record.bytes, header);
  return out;
}

/** A whole pcap. */
export function writePcap(records: BuiltRecord[], options: PcapOptions = {}): Uint8Array {
  return concat([pcapHeader(options), ...records.map((record) => pcapRecord(record, options))]);
}

/** A pcapng block of any type; the body is padded to four bytes. */
export function block(type: number, body: Uint8Array, bigEndian = false): Uint8Array {
  const whole = 12 + Math.ceil(body.length / 4) * 4;
  const out = new Uint8Array(whole);
  const view = new DataView(out.buffer);
  view.setUint32(0, type, !bigEndian);
  view.setUint32(4, whole, !bigEndian);
  out.set(body, 8);
  view.setUint32(whole - 4, whole, !bigEndian);
  return out;
}

/** A section header block. */
export function sectionHeader(bigEndian = false): Uint8Array {
  const body = new DataView(new ArrayBuffer(16));
  body.setUint32(0, 0x1a2b3c4d, !bigEndian);
  body.setUint16(4, 1, !bigEndian);
  body.setInt32(8, -1, !bigEndian);
  body.setInt32(12, -1, !bigEndian);
  return block(0x0a0d0d0a, new Uint8Array(body.buffer), bigEndian);
}

/** An interface description block. */
export function interfaceBlock(options: BuiltInterface = {}, bigEndian = false): Uint8Array {
  const little = !bigEndian;
  const body = new DataView(new ArrayBuffer(64));
  body.setUint16(0, options.linkType ?? 1, little);
  body.setUint32(4, options.snaplen ?? 262_144, little);
  let at = 8;
  if (options.tsresol !== undefined) {
    body.setUint16(at, 9, little);
    body.setUint16(at + 2, 1, little);
    body.setUint8(at + 4, options.tsresol);
    at += 8;
  }
  if (options.tsoffset !== undefined) {
    body.setUint16(at, 14, little);
    body.setUint16(at + 2, 8, little);
    body.setBigInt64(at + 4, BigInt(options.tsoffset), little);
    at += 12;
  }
  return block(1, new Uint8Array(body.buffer, 0, at > 8 ? at + 4 : at), bigEndian);
}

/** A time in an interface's units, truncated. */
export function timestampUnits(us: number, ns: number, tsresol: number, tsoffset = 0): bigint {
  const nanos = BigInt(us) * 1000n + BigInt(ns) - BigInt(tsoffset) * 1_000_000_000n;
  const exponent = BigInt(tsresol & 0x7f);
  return (nanos * (tsresol & 0x80 ? 2n ** exponent : 10n ** exponent)) / 1_000_000_000n;
}

/** A packet block. */
export function packetBlock(
  record: BuiltRecord,
  source: BuiltInterface = {},
  packets: 'enhanced' | 'simple' | 'obsolete' = 'enhanced',
  bigEndian = false,
): Uint8Array {
  const little = !bigEndian;
  const header = packets === 'simple' ? 4 : 20;
  const body = new Uint8Array(header + record.bytes.length);
  const view = new DataView(body.buffer);
  const len = record.origLen ?? record.bytes.length;
  body.set(record.bytes, header);
  if (packets === 'simple') {
    view.setUint32(0, len, little);
    return block(3, body, bigEndian);
  }
  const units = timestampUnits(record.us, record.ns ?? 0, source.tsresol ?? 6, source.tsoffset);
  if (packets === 'enhanced') view.setUint32(0, record.interface ?? 0, little);
  else view.setUint16(0, record.interface ?? 0, little);
  view.setUint32(4, Number((units >> 32n) & 0xffffffffn), little);
  view.setUint32(8, Number(units & 0xffffffffn), little);
  view.setUint32(12, record.bytes.length, little);
  view.setUint32(16, len, little);
  return block(packets === 'enhanced' ? 6 : 2, body, bigEndian);
}

/** A whole pcapng of one section. */
export function writePcapng(records: BuiltRecord[], options: PcapngOptions = {}): Uint8Array {
  const big = options.bigEndian === true;
  const interfaces = options.interfaces ?? [options];
  return concat([
    sectionHeader(big),
    ...interfaces.map((one) => interfaceBlock(one, big)),
    ...records.map((record) => packetBlock(record, interfaces[record.interface ?? 0], options.packets, big)),
  ]);
}

/** One gzip member. */
export function gzip(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(gzipSync(bytes));
}

/** One zstd frame. */
export function zstd(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(zstdCompressSync(bytes));
}

/** A source that yields the bytes in chunks of the given size, or whole. */
export async function* chunked(bytes: Uint8Array, size = bytes.length): AsyncGenerator<Uint8Array, void> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

/** One record as read. */
export interface ReadRecord {
  us: number;
  ns: number;
  bytes: string;
  origLen: number;
  linkType: number;
  offset: number;
}

/** Keeps every record as plain values, its bytes as hexadecimal text. */
export class RecordList implements RecordSink {
  readonly records: ReadRecord[] = [];

  record(
    bytes: Uint8Array,
    start: number,
    capLen: number,
    origLen: number,
    us: number,
    ns: number,
    linkType: number,
    offset: number,
  ): void {
    const packet = Buffer.from(bytes.buffer, bytes.byteOffset + start, capLen).toString('hex');
    this.records.push({ us, ns, bytes: packet, origLen, linkType, offset });
  }
}

/** Result of reading a capture: its records, facts and anomalies. */
export interface Reading {
  records: ReadRecord[];
  facts: CaptureFacts;
  anomalies: AnomalyLog;
}

/** Parse bytes in chunks of the sizes that `nextSize` returns; one chunk when absent. */
export function parse(bytes: Uint8Array, nextSize: () => number = () => bytes.length): Reading {
  const list = new RecordList();
  const anomalies = new AnomalyLog();
  const parser = new CaptureParser(list, anomalies);
  for (let at = 0; at < bytes.length; ) {
    // A copy that is overwritten after the call: the parser must not keep references to a chunk.
    const chunk = bytes.slice(at, at + Math.max(1, nextSize()));
    parser.push(chunk);
    at += chunk.length;
    chunk.fill(0xee);
  }
  parser.end();
  return { records: list.records, facts: parser.facts, anomalies };
}

/** A generator of reproducible random numbers in 0..1 (mulberry32). */
export function random(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 0x1_0000_0000;
  };
}

/** `count` records of random bytes, 0.. up to 2 s apart, 1..`most` bytes each. */
export function randomRecords(next: () => number, count: number, most = 300): BuiltRecord[] {
  let us = 1_700_000_000_000_000;
  return Array.from({ length: count }, () => {
    us += Math.floor(next() * 2e6);
    const bytes = Uint8Array.from({ length: 1 + Math.floor(next() * most) }, () => Math.floor(next() * 256));
    return { us, ns: Math.floor(next() * 1000), bytes };
  });
}
