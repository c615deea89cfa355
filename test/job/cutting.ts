/**
 * Captures cut into pieces and written again: the stream of packets of some
 * captures in time order, cut at random places, each piece in a format,
 * compression and byte order of its own, under a name without meaning.
 */
import { createReadStream, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AnomalyLog } from '../../shared/capture/anomaly.ts';
import type { CaptureStatus } from '../../shared/capture/facts.ts';
import { readCapture } from '../../shared/capture/read.ts';
import { type BuiltRecord, gzip, writePcap, writePcapng, zstd } from '../capture/build.ts';
import { between, pick, shuffled } from './harness.ts';

/** The captures that come with the project. */
export const DEMO = fileURLToPath(new URL('../captures/demo/', import.meta.url));

export function demoCaptures(): string[] {
  return readdirSync(DEMO)
    .sort()
    .map((name) => join(DEMO, name));
}

/** A packet as it was captured, whatever the format. */
export interface Packet extends BuiltRecord {
  ns: number;
  origLen: number;
  linkType: number;
}

/** Every record of a capture, in the order of the file. */
export async function readPackets(path: string): Promise<{ packets: Packet[]; status: CaptureStatus }> {
  const packets: Packet[] = [];
  const sink = {
    record(
      bytes: Uint8Array,
      start: number,
      capLen: number,
      origLen: number,
      us: number,
      ns: number,
      linkType: number,
    ): void {
      packets.push({ us, ns, bytes: bytes.slice(start, start + capLen), origLen, linkType });
    },
  };
  const { status } = await readCapture(createReadStream(path), sink, new AnomalyLog());
  return { packets, status };
}

/** Order of time; sorting by it is stable. */
export function byTime(a: Packet, b: Packet): number {
  return a.us - b.us || a.ns - b.ns;
}

let demo: Promise<Packet[]> | undefined;

/** All packets of the project's captures, in order of time: the same array each time. */
export function demoPackets(): Promise<readonly Packet[]> {
  demo ??= Promise.all(demoCaptures().map(readPackets)).then((all) =>
    all.flatMap(({ packets }) => packets).sort(byTime),
  );
  return demo;
}

/** The largest captured length that every writer and reader takes. */
const MOST_BYTES = 262_144;

/** Whether classic pcap can say all of the packets: its seconds have 32 bits. */
export function isWritable(packets: readonly Packet[]): boolean {
  return packets.every(
    ({ us, bytes, linkType }) => us >= 0 && us < 2 ** 32 * 1e6 && bytes.length <= MOST_BYTES && linkType < 65536,
  );
}

/**
 * Cuts a stream into at most `most` pieces at random places, such that no two pieces
 * lie wholly inside one timestamp: of two such pieces nobody could tell which came first.
 */
export function cutStream(packets: readonly Packet[], most: number, next: () => number): Packet[][] {
  const cuts = new Set<number>();
  for (let i = 1; i < most; i++) cuts.add(between(next, 0, packets.length));
  const bounds = [...cuts, 0, packets.length].sort((a, b) => a - b);
  const pieces: Packet[][] = [];
  let pointAt: Packet | null = null;
  let start = 0;
  for (const bound of new Set(bounds)) {
    if (bound === start) continue;
    const first = packets[start];
    const isPoint = byTime(first, packets[bound - 1]) === 0;
    // The piece goes on beyond this cut when there is one like it already.
    if (isPoint && pointAt !== null && byTime(pointAt, first) === 0 && bound !== packets.length) continue;
    if (isPoint && pointAt !== null && byTime(pointAt, first) === 0)
      pieces.at(-1)!.push(...packets.slice(start, bound));
    else pieces.push(packets.slice(start, bound));
    if (isPoint) pointAt = first;
    start = bound;
  }
  return pieces;
}

/** One piece as the bytes of a capture, in a format drawn at random. */
export function encodePiece(packets: readonly Packet[], next: () => number): Uint8Array {
  const fine = packets.some(({ ns }) => ns !== 0);
  const linkTypes = [...new Set(packets.map(({ linkType }) => linkType))];
  const bigEndian = next() < 0.3;
  let bytes: Uint8Array;
  if (linkTypes.length <= 1 && next() < 0.6) {
    const nano = fine || next() < 0.3;
    bytes = writePcap([...packets], { nano, bigEndian, linkType: linkTypes[0] ?? 1, snaplen: MOST_BYTES });
  } else {
    const tsresol = fine || next() < 0.3 ? 9 : 6;
    const interfaces = linkTypes.map((linkType) => ({ linkType, snaplen: MOST_BYTES, tsresol }));
    const records = packets.map((packet) => ({ ...packet, interface: linkTypes.indexOf(packet.linkType) }));
    bytes = writePcapng(records, { interfaces, bigEndian });
  }
  const wrap = next();
  return wrap < 0.5 ? bytes : wrap < 0.75 ? gzip(bytes) : zstd(bytes);
}

/** Names that say nothing, in no order. */
export function meaninglessNames(count: number, next: () => number): string[] {
  const names = new Set<string>();
  while (names.size < count) names.add(`${pick(next, ['c', 'x-', 'Z', '0'])}${between(next, 0, 1e9).toString(36)}`);
  return shuffled(next, [...names]);
}

/** Writes pieces as files, each under its name. @returns their paths, in the order of the pieces */
export function writePieces(
  folder: string,
  pieces: readonly (readonly Packet[])[],
  names: readonly string[],
  next: () => number,
): string[] {
  mkdirSync(folder, { recursive: true });
  return pieces.map((piece, i) => {
    const path = join(folder, names[i]);
    writeFileSync(path, encodePiece(piece, next));
    return path;
  });
}

/** The whole stream as one capture. */
export function writeWhole(path: string, packets: readonly Packet[]): void {
  writeFileSync(
    path,
    encodePiece(packets, () => 0.5),
  );
}
