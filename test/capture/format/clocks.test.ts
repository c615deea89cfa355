/**
 * Captures that are sound except for their clocks: whatever the times in the record headers, lengths decide, so every
 * record is found and none is invented.
 */

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import {
  type BuiltRecord,
  concat,
  type PcapOptions,
  parse,
  pcapRecord,
  type Reading,
  random,
  writePcap,
  writePcapng,
} from '../build.ts';

const START = 1_700_000_000_000_000;
const SEEDS = Array.from({ length: 60 }, (_, i) => i + 1);

/** Seconds and sub-seconds of record `i` by a clock. */
type Clock = (i: number, next: () => number, unit: number) => [sec: number, sub: number];

const below = (next: () => number, end: number): number => Math.floor(next() * end);
const CLOCKS: Record<string, Clock> = {
  'no clock': () => [0, 0],
  'every second time 0': (i, _, unit) => (i % 2 === 1 ? [0, 0] : [1_700_000_000 + i, i % unit]),
  'every first time 0': (i, _, unit) => (i % 2 === 0 ? [0, 0] : [1_700_000_000 + i, i % unit]),
  'uptime and wall clock by turns': (i, next, unit) => [i % 2 === 0 ? 1000 + i : 1_700_000_000 + i, below(next, unit)],
  'uptime and wall clock at random': (i, next, unit) => [
    next() < 0.5 ? 1000 + i : 1_700_000_000 + i,
    below(next, unit),
  ],
  'first and last second of the range': (i, _, unit) => (i % 3 === 0 ? [0, 0] : [0xffff_ffff, unit - 1]),
  'any second': (_, next, unit) => [below(next, 2 ** 32), below(next, unit)],
  'any second, and any number below it': (_, next) => [below(next, 2 ** 32), below(next, 2 ** 32)],
};

const VARIANTS: PcapOptions[] = [
  {},
  { bigEndian: true },
  { nano: true },
  { nano: true, bigEndian: true },
  { modified: true },
  { modified: true, bigEndian: true },
  { version: [2, 2] },
];

/** Bytes that look like a capture of the same day, as in a file transfer. */
function captureWithin(next: () => number, options: PcapOptions): Uint8Array {
  const parts = Array.from({ length: 1 + below(next, 20) }, (_, i) =>
    pcapRecord({ us: START + i * 1000, bytes: new Uint8Array(1 + below(next, 60)).fill(i) }, options),
  );
  return concat([new Uint8Array(below(next, 70)), ...parts]);
}

/** A packet of random bytes, or of bytes that have been mistaken for records. */
function packet(next: () => number, options: PcapOptions): Uint8Array {
  const most = next() < 0.05 ? 20_000 : next() < 0.3 ? 1500 : 100;
  const length = below(next, most);
  const kind = next();
  if (kind < 0.3) return Uint8Array.from({ length }, () => below(next, 256));
  if (kind < 0.5) return new Uint8Array(length);
  if (kind < 0.75) return Uint8Array.from({ length }, (_, i) => (i % 4 === 0 ? below(next, 100) : 0));
  return captureWithin(next, options);
}

/** `count` records, some captured in part. */
function records(next: () => number, options: PcapOptions, count: number): BuiltRecord[] {
  return Array.from({ length: count }, (_, i) => {
    const bytes = packet(next, options);
    return { us: START + i * 1000, bytes, origLen: 1 + bytes.length + (next() < 0.3 ? below(next, 1000) : 0) };
  });
}

/** Sets the clock of a classic capture with records at `offsets`. */
function setClock(
  capture: Uint8Array,
  offsets: number[],
  little: boolean,
  times: (i: number) => [number, number],
): void {
  const view = new DataView(capture.buffer, capture.byteOffset, capture.length);
  for (const [i, offset] of offsets.entries()) {
    const [sec, sub] = times(i);
    view.setUint32(offset, sec, little);
    view.setUint32(offset + 4, sub, little);
  }
}

/** Offsets and contents of records, without their times. */
function places({ records: read }: Reading): string[] {
  return read.map(({ offset, origLen, bytes }) => `${offset} ${origLen} ${bytes}`);
}

for (const [name, clock] of Object.entries(CLOCKS)) {
  test(`${name}: every record of a classic capture is found and none is invented`, () => {
    for (const seed of SEEDS) {
      const next = random(seed);
      const options = VARIANTS[seed % VARIANTS.length];
      const built = records(next, options, 2 + below(next, 60));
      const capture = writePcap(built, options);
      const header = options.modified ? 24 : 16;
      const offsets: number[] = [];
      let at = 24;
      for (const { bytes } of built) {
        offsets.push(at);
        at += header + bytes.length;
      }
      const want = built.map(
        ({ bytes, origLen }, i) => `${offsets[i]} ${origLen} ${Buffer.from(bytes).toString('hex')}`,
      );
      const unit = options.nano ? 1e9 : 1e6;
      setClock(capture, offsets, !options.bigEndian, (i) => clock(i, next, unit));
      const whole = parse(capture);
      assert.deepEqual(places(whole), want, `seed ${seed}`);
      assert.deepEqual([whole.facts.status, whole.facts.bytesLost], ['complete', 0], `seed ${seed}`);
      const cut = parse(capture, () => 1 + below(next, 3000));
      assert.deepEqual([cut.records, cut.facts], [whole.records, whole.facts], `seed ${seed}, in chunks`);
    }
  });
}

test('a damaged capture of two clocks is read on after the damage', () => {
  for (const seed of SEEDS) {
    const next = random(seed);
    const options = VARIANTS[seed % 6];
    const header = options.modified ? 24 : 16;
    const built = Array.from({ length: 80 }, (_, i) => ({
      us: START + i,
      bytes: Uint8Array.from({ length: 40 + below(next, 60) }, () => below(next, 256)),
    }));
    const capture = writePcap(built, options);
    let at = 24;
    const offsets = built.map(({ bytes }) => {
      const offset = at;
      at += header + bytes.length;
      return offset;
    });
    const clock = CLOCKS['uptime and wall clock by turns'];
    setClock(capture, offsets, !options.bigEndian, (i) => clock(i, next, 1e6));
    const hit = 5 + below(next, 40);
    capture.fill(0xff, offsets[hit], offsets[hit] + header);
    assert.deepEqual(
      parse(capture).records.map(({ offset }) => offset),
      offsets.filter((_, i) => i !== hit),
      `seed ${seed}`,
    );
  }
});

test('pcapng: times over the whole range have no influence', () => {
  const last = Number.MAX_SAFE_INTEGER;
  for (const seed of SEEDS) {
    const next = random(seed);
    const bigEndian = seed % 2 === 0;
    const built = records(next, {}, 40).map((record, i) => {
      const us = [0, last, below(next, last), record.us][seed % 3 === 0 ? i % 4 : below(next, 4)];
      return { ...record, us };
    });
    const { records: read, facts } = parse(writePcapng(built, { bigEndian, tsresol: 6 }));
    assert.deepEqual(
      read.map(({ us, bytes }) => `${us} ${bytes}`),
      built.map(({ us, bytes }) => `${us} ${Buffer.from(bytes).toString('hex')}`),
      `seed ${seed}`,
    );
    assert.equal(facts.status, 'complete', `seed ${seed}`);
  }
});

const CORPUS = new URL('../../../../shared/corpus/captures/', import.meta.url);
const skip = existsSync(CORPUS) ? false : 'corpus not found';

test('sound captures of the corpus give the same records when every second time is 0', { skip }, () => {
  let checked = 0;
  for (const name of readdirSync(CORPUS, { recursive: true, encoding: 'utf8' })) {
    const path = new URL(name.split('/').map(encodeURIComponent).join('/'), CORPUS);
    if (!/\.(pcap|cap|dmp)(\.gz)?$/.test(name)) continue;
    const stored = readFileSync(path);
    const capture = new Uint8Array(stored[0] === 0x1f && stored[1] === 0x8b ? gunzipSync(stored) : stored);
    const sound = parse(capture);
    const { format, status, byteOrder } = sound.facts;
    if (format !== 'pcap' || status !== 'complete') continue;
    const offsets = sound.records.map(({ offset }) => offset);
    // An all-zero header is what preallocated files that were never filled end in.
    const nothing = sound.records.some(({ bytes, origLen }) => bytes === '' && origLen === 0);
    if (offsets.length < 2 || nothing) continue;
    for (const odd of [0, 1]) {
      const times = capture.slice();
      const view = new DataView(times.buffer);
      for (const [i, offset] of offsets.entries())
        if (i % 2 === odd) view.setBigUint64(offset, 0n, byteOrder === 'little');
      assert.deepEqual(places(parse(times)), places(sound), name);
    }
    checked++;
  }
  assert.ok(checked > 1000, `${checked} captures`);
});
