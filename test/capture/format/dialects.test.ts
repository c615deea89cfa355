import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeds } from '../../seed.ts';
import {
  type BuiltRecord,
  concat,
  type PcapOptions,
  parse,
  pcapHeader,
  pcapRecord,
  random,
  writePcap,
} from '../build.ts';

const START = 1_700_000_000_250_000;

/** `count` records of different sizes, some milliseconds apart. */
function records(count: number, seed = 1): BuiltRecord[] {
  const next = random(seed);
  return Array.from({ length: count }, (_, i) => ({
    us: START + i * 7013,
    ns: Math.floor(next() * 1000),
    bytes: Uint8Array.from({ length: 40 + Math.floor(next() * 200) }, () => Math.floor(next() * 256)),
    origLen: 1500,
  }));
}

/** What the reader should say of them. */
function expected(written: BuiltRecord[], options: PcapOptions, linkType = 1): unknown[] {
  let offset = 24;
  return written.map(({ us, ns, bytes, origLen }) => {
    const at = offset;
    offset += 16 + (options.more ?? (options.modified ? 8 : 0)) + bytes.length;
    const packet = Buffer.from(bytes).toString('hex');
    return { us, ns: options.nano ? ns : 0, bytes: packet, origLen: origLen ?? bytes.length, linkType, offset: at };
  });
}

/** A nanosecond capture under the magic for microseconds. */
function underMicroseconds(bytes: Uint8Array, bigEndian = false): Uint8Array {
  new DataView(bytes.buffer).setUint32(0, 0xa1b2c3d4, !bigEndian);
  return bytes;
}

const DIALECTS: [dialect: string, options: PcapOptions][] = [
  ['nokia', { more: 4 }],
  ['red_hat_6_1', { more: 8 }],
  ['suse_6_3', { modified: true, more: 12 }],
  ['lengths_exchanged', { exchanged: true }],
  ['lengths_not_exchanged', { version: [2, 1], exchanged: false }],
];
for (const [dialect, options] of DIALECTS)
  for (const bigEndian of [false, true])
    test(`${dialect}, ${bigEndian ? 'big' : 'little'}-endian: told by the records, in any chunks`, () => {
      for (const count of [2, 3, 40]) {
        const written = records(count);
        const whole = writePcap(written, { ...options, bigEndian });
        for (const chunk of [whole.length, 1, 37, 5000]) {
          const { records: read, facts, anomalies } = parse(whole, () => chunk);
          assert.deepEqual(read, expected(written, options), `${count} records in chunks of ${chunk}`);
          assert.deepEqual([facts.status, facts.resolution, facts.dialects], ['complete', 'us', [dialect]]);
          assert.deepEqual(
            anomalies.rows.map(({ name, offset }) => [name, offset]),
            [['capture_dialect', 24]],
          );
        }
      }
    });

test('a capture in a dialect that is cut off or damaged behind its first records loses what is damaged alone', () => {
  for (const [dialect, options] of DIALECTS) {
    const written = records(40);
    const whole = writePcap(written, options);
    const want = expected(written, options) as { offset: number }[];
    const cut = parse(whole.subarray(0, want[30].offset + 50));
    assert.deepEqual(cut.records, want.slice(0, 30), dialect);
    assert.deepEqual([cut.facts.status, cut.facts.dialects], ['truncated', [dialect]]);
    whole.fill(0xfe, want[20].offset, want[20].offset + 16);
    const damaged = parse(whole);
    assert.deepEqual(
      damaged.records,
      want.filter((_, i) => i !== 20),
      dialect,
    );
  }
});

test('before version 2.3, and in 543.0, the length on the wire stands first', () => {
  for (const version of [
    [2, 0],
    [2, 2],
    [543, 0],
  ] as [number, number][])
    for (const bigEndian of [false, true]) {
      const written = records(12);
      const { records: read, facts } = parse(writePcap(written, { version, bigEndian, exchanged: true }));
      assert.deepEqual(read, expected(written, {}), version.join('.'));
      assert.deepEqual([facts.status, facts.version, facts.dialects], ['complete', version.join('.'), undefined]);
    }
});

test('the modified format may have an old version, and its lengths', () => {
  for (const more of [8, 12]) {
    const options: PcapOptions = { modified: true, version: [2, 2], more };
    const written = records(12);
    assert.deepEqual(parse(writePcap(written, options)).records, expected(written, options));
  }
});

test('in version 2.3 the smaller length is the captured one, whichever stands first, in each record', () => {
  const written = records(60);
  const options = { version: [2, 3] as [number, number] };
  const bytes = concat([
    pcapHeader(options),
    ...written.map((record, i) => pcapRecord(record, { ...options, exchanged: i % 3 === 1 })),
  ]);
  for (const chunk of [bytes.length, 11]) {
    const { records: read, facts } = parse(bytes, () => chunk);
    assert.deepEqual(read, expected(written, {}));
    assert.deepEqual([facts.status, facts.dialects], ['complete', undefined]);
  }
});

test("AIX: version 2.2 with an interface's type in place of a link type counts nanoseconds", () => {
  for (const [type, linkType] of [
    [6, 1],
    [7, 1],
    [9, 6],
    [15, 10],
    [24, 0],
  ]) {
    const written = records(5);
    const options: PcapOptions = { nano: true, bigEndian: true, version: [2, 2], linkType: type, exchanged: false };
    const { records: read, facts } = parse(underMicroseconds(writePcap(written, options), true));
    assert.deepEqual(read, expected(written, { nano: true }, linkType));
    assert.deepEqual([facts.linkTypes, facts.resolution, facts.dialects], [[linkType], 'ns', ['aix']]);
  }
});

test('version 2.2 with link type 9, PPP, is no capture of AIX where it counts microseconds', () => {
  const written = records(12).map((record) => ({ ...record, origLen: record.bytes.length }));
  const { records: read, facts } = parse(writePcap(written, { version: [2, 2], linkType: 9 }));
  assert.deepEqual(read, expected(written, {}, 9));
  assert.deepEqual([facts.resolution, facts.dialects], ['us', undefined]);
});

test('version 2.2 with link type 6 whose lengths stand the old way round is no capture of AIX', () => {
  const written = records(12);
  const { records: read, facts } = parse(writePcap(written, { version: [2, 2], linkType: 6, exchanged: true }));
  assert.deepEqual(read, expected(written, {}, 6));
  assert.deepEqual([facts.resolution, facts.dialects], ['us', undefined]);
});

test('sub-seconds of 10^6 and more throughout, under the magic for microseconds, are nanoseconds', () => {
  for (const bigEndian of [false, true])
    for (const count of [1, 2, 9, 500]) {
      const written = records(count);
      // One packet in the first millisecond of its second, and one on the second.
      if (count > 2) written[1].us = 1_700_000_000_000_700;
      if (count > 2) written[2].us = 1_700_000_000_000_000;
      if (count > 2) written[2].ns = 0;
      const whole = underMicroseconds(writePcap(written, { nano: true, bigEndian }), bigEndian);
      for (const chunk of [whole.length, 13]) {
        const { records: read, facts, anomalies } = parse(whole, () => chunk);
        assert.deepEqual(read, expected(written, { nano: true }), `${count} records`);
        assert.deepEqual([facts.resolution, facts.dialects], ['ns', ['nanoseconds']]);
        assert.deepEqual(
          anomalies.rows.map(({ name, offset }) => [name, offset]),
          [['capture_dialect', 24]],
        );
      }
    }
});

test('a few sub-seconds of 10^6 and more are microseconds beyond the second', () => {
  const written = records(200);
  const whole = writePcap(written);
  const view = new DataView(whole.buffer);
  const want = expected(written, {}) as { offset: number; us: number }[];
  const second = 1_700_000_000_000_000;
  for (const i of [3, 4, 5, 100, 150]) {
    view.setUint32(want[i].offset + 4, 1_000_007, true);
    want[i].us = second + 1_000_007 + Math.floor((want[i].us - second) / 1e6) * 1e6;
  }
  for (const chunk of [whole.length, 29]) {
    const { records: read, facts, anomalies } = parse(whole, () => chunk);
    assert.deepEqual(read, want);
    assert.deepEqual([facts.resolution, facts.dialects], ['us', undefined]);
    assert.equal(anomalies.rows.filter(({ name }) => name === 'subsecond_out_of_range').length, 5);
  }
});

test('values of 10^9 and more are no nanoseconds either', () => {
  const whole = writePcap(records(3));
  const view = new DataView(whole.buffer);
  const offsets = (expected(records(3), {}) as { offset: number }[]).map(({ offset }) => offset);
  view.setUint32(offsets[0] + 4, 5_000_000, true);
  view.setUint32(offsets[1] + 4, 2_000_000_000, true);
  const { facts } = parse(whole);
  assert.deepEqual([facts.records, facts.resolution, facts.dialects], [3, 'us', undefined]);
});

test('where the first packets all lie in the first millisecond of a second, nanoseconds are seen from the first large value on', () => {
  const small = Array.from({ length: 100 }, (_, i) => ({
    us: 1_700_000_000_000_000 + i * 9,
    bytes: new Uint8Array(60),
  }));
  const large = Array.from({ length: 50 }, (_, i) => ({ us: START + i * 1000, ns: 7, bytes: new Uint8Array(60) }));
  const whole = underMicroseconds(writePcap([...small, ...large], { nano: true }));
  for (const chunk of [whole.length, 1, 100]) {
    const { records: read, facts } = parse(whole, () => chunk);
    assert.deepEqual(
      read.slice(100).map(({ us, ns }) => [us, ns]),
      large.map(({ us, ns }) => [us, ns]),
    );
    assert.ok(read.slice(0, 100).every(({ us }) => us < 1_700_000_001_000_000));
    assert.deepEqual([facts.resolution, facts.dialects], ['us,ns', ['nanoseconds']]);
  }
});

test('an ordinary capture is read as it is, whatever is damaged in its first records', () => {
  for (const seed of seeds(40)) {
    const next = random(seed);
    const written = records(30, seed);
    const whole = writePcap(written);
    const offsets = (expected(written, {}) as { offset: number }[]).map(({ offset }) => offset);
    const hit = Math.floor(next() * 3);
    for (let i = 0; i < 1 + next() * 8; i++) whole[offsets[hit] + Math.floor(next() * 16)] = Math.floor(next() * 256);
    const { records: read, facts } = parse(whole);
    assert.equal(facts.dialects, undefined, `seed ${seed}`);
    const got = new Set(read.map(({ offset }) => offset));
    assert.deepEqual(
      offsets.filter((offset, i) => i > hit + 1 && !got.has(offset)),
      [],
      `seed ${seed}`,
    );
  }
});
