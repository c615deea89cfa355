/**
 * The captures whose results the golden digests hold: the demo's, and constructed ones that cover every link type,
 * protocol, tunnel, format, anomaly and column. Compressed ones use stored blocks only: the output of zlib and zstd
 * differs from version to version.
 */
import { readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { crc32 } from 'node:zlib';
import {
  type BuiltRecord,
  block,
  concat,
  interfaceBlock,
  packetBlock,
  sectionHeader,
  writePcap,
  writePcapng,
} from '../capture/build.ts';
import { demoCaptures } from '../job/cutting.ts';
import { random } from '../job/harness.ts';
import { tunnelTraffic } from '../job/tunneltraffic.ts';
import { ethernet, ipv4 } from '../packet/harness.ts';
import { conversations, damaged, KINDS, START_US } from './packets.ts';

export interface GoldenCapture {
  name: string;
  bytes: Uint8Array;
}

/** More fragments than a datagram may have. */
const MANY_FRAGMENTS = 16_400;
/** Time between kinds, so that none continues the sessions of another. */
const APART_US = 70_000_000;
/** Link types that are all tried, known or not. */
const LINK_TYPES = 300;

function littleEndian(value: number, bytes: number): number[] {
  return Array.from({ length: bytes }, (_, at) => (value >>> (8 * at)) & 255);
}

/** Stored blocks of at most 65,535 bytes, as RFC 1951 has them. */
export function gzipStored(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255])];
  for (let from = 0; from < bytes.length || from === 0; from += 65_535) {
    const piece = bytes.subarray(from, from + 65_535);
    const last = from + 65_535 >= bytes.length ? 1 : 0;
    parts.push(Uint8Array.from([last, ...littleEndian(piece.length, 2), ...littleEndian(~piece.length, 2)]), piece);
  }
  parts.push(Uint8Array.from([...littleEndian(crc32(bytes), 4), ...littleEndian(bytes.length, 4)]));
  return concat(parts);
}

/** One frame of raw blocks of at most 128 KiB, as RFC 8878 has them. */
export function zstdRaw(bytes: Uint8Array): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xa0, ...littleEndian(bytes.length, 4)])];
  for (let from = 0; from < bytes.length || from === 0; from += 131_072) {
    const piece = bytes.subarray(from, from + 131_072);
    const last = from + 131_072 >= bytes.length ? 1 : 0;
    parts.push(Uint8Array.from(littleEndian((piece.length << 3) | last, 3)), piece);
  }
  return concat(parts);
}

/** Some ordinary packets. */
function plain(count: number, fromUs = START_US): BuiltRecord[] {
  return conversations(count).map((record, at) => ({ ...record, us: fromUs + at * 1001, ns: at % 1000 }));
}

function changed(bytes: Uint8Array, at: number, ...values: number[]): Uint8Array {
  const other = bytes.slice();
  other.set(values, at);
  return other;
}

function formats(): GoldenCapture[] {
  const records = plain(40);
  const captures: GoldenCapture[] = [];
  const add = (name: string, bytes: Uint8Array): void => void captures.push({ name: `format: ${name}`, bytes });
  for (const bigEndian of [false, true]) {
    const order = bigEndian ? 'big-endian' : 'little-endian';
    add(`pcap, ${order}`, writePcap(records, { bigEndian }));
    add(`pcap, nanoseconds, ${order}`, writePcap(records, { bigEndian, nano: true }));
    for (const packets of ['enhanced', 'simple', 'obsolete'] as const)
      add(`pcapng, ${packets}, ${order}`, writePcapng(records, { bigEndian, packets, snaplen: 60 }));
  }
  add('pcap, modified', writePcap(records, { modified: true }));
  add('pcap, version 2.2', writePcap(records, { version: [2, 2] }));
  add('pcap, snaplen 0, bits above the link type', writePcap(records, { snaplen: 0, linkType: 0x1400_0001 }));
  for (const tsresol of [0, 3, 9, 12, 0x8a, 0xa0])
    add(`pcapng, resolution ${tsresol}`, writePcapng(records, { tsresol }));
  add('pcapng, offset of time', writePcapng(records, { tsresol: 9, tsoffset: 1000 }));
  const interfaces = [{ linkType: 1 }, { linkType: 101, tsresol: 9 }];
  const raw = records.map((record, at) =>
    at % 2 === 0 ? { ...record, interface: 0 } : { ...record, interface: 1, bytes: record.bytes.subarray(14) },
  );
  add('pcapng, two interfaces and sections', concat([writePcapng(raw, { interfaces }), writePcapng(records)]));
  const [header, one, two] = [
    concat([sectionHeader(), interfaceBlock()]),
    ...records.map((record) => packetBlock(record)),
  ];
  const simple = packetBlock({ ...records[0], origLen: 500 }, {}, 'simple');
  // An interface whose option is longer than its block, a length that is no multiple of four, a length that is not repeated.
  const option = block(1, Uint8Array.from([1, 0, 0, 0, 0, 0, 4, 0, 2, 0, 200, 0, 1, 2, 3, 4]));
  const odd = [block(4, new Uint8Array(8)), block(0x7bad, counted(12)), option, simple];
  add('pcapng, odd blocks', concat([header, ...odd, one, changed(two, two.length - 4, two.length - 1), one]));
  const unaligned = changed(changed(block(5, counted(8)), 4, 19), 16, 19);
  add('pcapng, a length that is no multiple of four', concat([header, unaligned, one, two]));
  add('gzip', gzipStored(writePcap(records)));
  add('gzip, two members', concat([gzipStored(writePcap(records)), gzipStored(new Uint8Array(0))]));
  add('zstd', zstdRaw(writePcapng(records)));
  return captures;
}

/** Arbitrary bytes. */
function counted(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, at) => at * 7);
}

function damages(): GoldenCapture[] {
  const records = plain(60, START_US + 90_000_000);
  const pcap = writePcap(records);
  const pcapng = writePcapng(records);
  const captures: GoldenCapture[] = [];
  const add = (name: string, bytes: Uint8Array): void => void captures.push({ name: `damage: ${name}`, bytes });
  for (const [format, whole] of [
    ['pcap', pcap],
    ['pcapng', pcapng],
  ] as const) {
    for (const length of [0, 3, 20, 30, whole.length - 1, whole.length - 9])
      add(`${format} of ${length} bytes`, whole.subarray(0, length));
    const middle = Math.floor(whole.length / 2);
    for (const value of [0, 255])
      add(`${format}, ${value} in the middle`, Uint8Array.from(whole).fill(value, middle, middle + 300));
    add(`${format}, something between`, concat([whole.subarray(0, middle), counted(777), whole.subarray(middle)]));
    add(`${format}, something behind`, concat([whole, counted(5000)]));
    const packed = gzipStored(whole);
    add(`${format} in gzip, cut`, packed.subarray(0, packed.length - 100));
    add(`${format} in gzip, another checksum`, changed(packed, packed.length - 8, 1, 2, 3, 4));
    const frame = zstdRaw(whole);
    add(`${format} in zstd, cut`, frame.subarray(0, frame.length - 100));
    add(`${format} in zstd, a block that is none`, changed(frame, 9, 7, 0, 0));
  }
  const lengths = records.map((record, at) =>
    at % 9 === 4 ? { ...record, origLen: record.bytes.length - 5 } : record,
  );
  add('more captured than there was', concat([writePcap(lengths)]));
  add('more captured than there was, pcapng', writePcapng(lengths));
  add('a second of more than a million microseconds', changed(pcap, 28, 0x80, 0x84, 0x1e, 0));
  add('times out of order', writePcap([...records].reverse()));
  add('every second time 0', writePcap(records.map((record, at) => (at % 2 === 0 ? record : { ...record, us: 0 }))));
  add(
    'times far away',
    writePcapng(
      records.map((record, at) => ({ ...record, us: record.us * (at === 5 ? 4000 : 1) })),
      { tsresol: 6 },
    ),
  );
  const astray = writePcap(records.map((record, at) => ({ ...record, us: record.us + (at === 40 ? 3e14 : 0) })));
  add('a time far away behind damage', astray.fill(255, 24, 40));
  add('bytes of no known kind', Uint8Array.of(0, 1, 2, 3, 4));
  add('a text', new TextEncoder().encode('this is no capture\n'.repeat(20)));
  add('a text in gzip', gzipStored(new TextEncoder().encode('this is no capture\n'.repeat(20))));
  return captures;
}

/** All golden captures, in no particular order. */
export function goldenCaptures(): GoldenCapture[] {
  const captures: GoldenCapture[] = demoCaptures().map((path) => ({
    name: `demo: ${basename(path)}`,
    bytes: new Uint8Array(readFileSync(path)),
  }));
  const add = (name: string, bytes: Uint8Array): void => void captures.push({ name, bytes });
  let us = START_US + 200_000_000;
  for (const [name, linkType, frame] of KINDS) {
    add(`kind: ${name}`, writePcap(damaged(frame, us), { nano: true, linkType }));
    us += APART_US;
  }
  const numbers = Array.from({ length: LINK_TYPES }, (_, linkType) => linkType);
  const interfaces = numbers.map((linkType) => ({ linkType }));
  const frames = numbers.flatMap((number) =>
    [KINDS[0], KINDS[16]].map(([, , bytes], at) => ({ us: us + number * 10 + at, bytes, interface: number })),
  );
  add('kind: every number of a link type', writePcapng(frames, { interfaces }));
  const pieces = Array.from({ length: MANY_FRAGMENTS }, (_, at) =>
    ethernet('0800', ipv4(new Uint8Array(8), { id: 5, offset: 8 * (at % 800), more: true })),
  );
  add('a datagram of too many fragments', writePcap(pieces.map((bytes, at) => ({ us: us + at, bytes }))));
  const tunnels = tunnelTraffic(random(1), 60);
  add('tunnels', writePcap(tunnels, { linkType: 1 }));
  const half = conversations(3000);
  add('conversations, first part', writePcap(half.slice(0, 1700)));
  add('conversations, second part', writePcapng(half.slice(1700), { tsresol: 9 }));
  add('copy', writePcap(half.slice(0, 300)));
  add('copy of the copy', writePcap(half.slice(0, 300)));
  add('copy in another form', writePcap(half.slice(0, 300), { bigEndian: true }));
  captures.push(...formats(), ...damages());
  return captures;
}
