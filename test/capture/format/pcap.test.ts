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
  randomRecords,
  writePcap,
} from '../build.ts';

const START = 1_700_000_000_000_000;

/** `count` records of `size` bytes, a millisecond apart. */
function plain(count: number, size = 60): BuiltRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    us: START + i * 1000,
    ns: i % 1000,
    bytes: new Uint8Array(size).fill(i + 1),
  }));
}

function offsets(records: BuiltRecord[], header = 16): number[] {
  let at = 24;
  return records.map((record) => {
    const offset = at;
    at += header + record.bytes.length;
    return offset;
  });
}

const variants: [string, PcapOptions][] = [
  ['microseconds, little-endian', {}],
  ['microseconds, big-endian', { bigEndian: true }],
  ['nanoseconds, little-endian', { nano: true }],
  ['nanoseconds, big-endian', { nano: true, bigEndian: true }],
  ['modified, little-endian', { modified: true }],
  ['modified, big-endian', { modified: true, bigEndian: true }],
  ['version 2.2, whose lengths stand the other way round', { version: [2, 2] }],
];
for (const [name, options] of variants) {
  test(`pcap ${name}: every field of every record is read back`, () => {
    const records = plain(20).map((record) => ({ ...record, origLen: 1500 }));
    const { records: read, facts, anomalies } = parse(writePcap(records, options));
    const at = offsets(records, options.modified ? 24 : 16);
    assert.deepEqual(
      read,
      records.map((record, i) => ({
        us: record.us,
        ns: options.nano ? record.ns : 0,
        bytes: Buffer.from(record.bytes).toString('hex'),
        origLen: 1500,
        linkType: 1,
        offset: at[i],
      })),
    );
    assert.equal(facts.format, 'pcap');
    assert.equal(facts.status, 'complete');
    assert.equal(facts.byteOrder, options.bigEndian ? 'big' : 'little');
    assert.equal(facts.resolution, options.nano ? 'ns' : 'us');
    assert.equal(facts.version, (options.version ?? [2, 4]).join('.'));
    assert.equal(facts.records, 20);
    assert.equal(anomalies.rows.length, 0);
  });
}

test('facts are plain JSON and have the earliest and latest time, not that of the first and last record', () => {
  const times = [5, 3, 9, 1, 9, 4];
  const bytes = new Uint8Array(4);
  const { facts } = parse(
    writePcap(
      times.map((t) => ({ us: START + t, bytes })),
      { snaplen: 96, linkType: 113 },
    ),
  );
  assert.deepEqual(JSON.parse(JSON.stringify(facts)), {
    format: 'pcap',
    compression: 'none',
    byteOrder: 'little',
    version: '2.4',
    resolution: 'us',
    linkTypes: [113],
    snaplen: 96,
    interfaces: 1,
    records: 6,
    bytes: 24 + 6 * 20,
    firstUs: START + 1,
    firstNs: 0,
    lastUs: START + 9,
    lastNs: 0,
    outOfOrder: 3,
    status: 'complete',
    damage: [],
    damageCount: 0,
    bytesLost: 0,
  });
});

test('nanoseconds alone decide order and extremes', () => {
  const bytes = new Uint8Array(1);
  const { facts } = parse(
    writePcap(
      [
        { us: START, ns: 500, bytes },
        { us: START, ns: 499, bytes },
        { us: START, ns: 501, bytes },
      ],
      { nano: true },
    ),
  );
  assert.equal(facts.outOfOrder, 1);
  assert.deepEqual([facts.firstNs, facts.lastNs], [499, 501]);
});

test('a capture of zero bytes is empty, one of a header alone is complete', () => {
  const empty = parse(new Uint8Array(0)).facts;
  assert.deepEqual([empty.format, empty.status, empty.firstUs, empty.damageCount], ['empty', 'empty', null, 0]);
  const bare = parse(pcapHeader()).facts;
  assert.deepEqual([bare.format, bare.status, bare.records, bare.lastUs], ['pcap', 'complete', 0, null]);
});

test('foreign bytes are unreadable by name, and only the bytes examined are counted, in any chunks', () => {
  const foreign = new TextEncoder().encode('snoop\0\0\0 and more');
  const snoop = parse(foreign).facts;
  assert.deepEqual([snoop.format, snoop.status, snoop.bytes], ['unknown', 'unreadable', foreign.length]);
  assert.equal(snoop.damage[0].reason, 'unsupported_format');
  assert.match(snoop.damage[0].detail, /snoop/);
  const old = parse(writePcap(plain(3), { version: [1, 9] })).facts;
  assert.deepEqual([old.status, old.damage[0].reason, old.records], ['unreadable', 'unsupported_version', 0]);
  assert.equal(old.bytes, 24);
  for (const size of [1, 3, 5]) {
    assert.deepEqual(parse(foreign, () => size).facts, snoop);
    assert.deepEqual(parse(writePcap(plain(3), { version: [1, 9] }), () => size).facts, old);
  }
});

test('only the low half of the link-type field is the link type', () => {
  const { records, facts, anomalies } = parse(writePcap(plain(1), { linkType: 0x34000069 }));
  assert.equal(records[0].linkType, 105);
  assert.deepEqual(facts.linkTypes, [105]);
  assert.equal(facts.status, 'complete');
  assert.deepEqual(
    anomalies.rows.map((row) => row.name),
    ['link_type_high_bits'],
  );
});

test('a capture cut off anywhere yields all complete records, and reports the place and the bytes present', () => {
  const records = plain(4);
  const whole = writePcap(records);
  const at = offsets(records);
  for (let length = 1; length < whole.length; length++) {
    const { records: read, facts } = parse(whole.subarray(0, length));
    const complete = at.filter((offset) => offset + 76 <= length).length;
    assert.equal(read.length, complete, `cut at ${length}`);
    const boundary = length === 24 || at.includes(length);
    assert.equal(facts.status, boundary ? 'complete' : 'truncated', `cut at ${length}`);
    if (boundary) continue;
    const from = length < 24 ? 0 : at[complete];
    assert.equal(facts.damage.length, 1);
    assert.equal(facts.damage[0].offset, from, `cut at ${length}`);
    assert.equal(facts.bytesLost, length - from);
    const reason =
      length < 24 ? 'truncated_file_header' : length - from < 16 ? 'truncated_record_header' : 'truncated_record';
    assert.equal(facts.damage[0].reason, reason, `cut at ${length}`);
  }
});

test('a record header overwritten in the middle loses that record only', () => {
  for (const seed of seeds(8)) {
    const next = random(seed);
    const records = randomRecords(next, 60);
    const whole = writePcap(records);
    const at = offsets(records);
    const hit = 1 + Math.floor(next() * 58);
    for (let i = 0; i < 16; i++) whole[at[hit] + i] = Math.floor(next() * 256);
    const { records: read, facts, anomalies } = parse(whole);
    assert.deepEqual(
      read.map((record) => record.offset),
      at.filter((_, i) => i !== hit),
      `seed ${seed}`,
    );
    assert.equal(facts.status, 'damaged');
    assert.equal(facts.bytesLost, at[hit + 1] - at[hit], `seed ${seed}`);
    assert.deepEqual(facts.damage, [
      {
        offset: at[hit],
        reason: 'bad_record_header',
        detail: `${at[hit + 1] - at[hit]} bytes skipped, up to ${at[hit + 1]}`,
      },
    ]);
    assert.deepEqual(
      anomalies.rows.map((row) => [row.name, row.offset]),
      [['capture_gap', at[hit]]],
    );
  }
});

test('a wrong but possible length loses its record only, wherever it is', () => {
  const records = plain(30, 100);
  const at = offsets(records);
  for (const length of [0, 1, 50, 99, 101, 117, 250, 5000, 262_144]) {
    for (const hit of [0, 1, 14, 27, 28, 29]) {
      const whole = writePcap(records);
      new DataView(whole.buffer).setUint32(at[hit] + 8, length, true);
      const { records: read, facts } = parse(whole);
      const got = read.map((record) => record.offset);
      const lost = at.filter((offset) => !got.includes(offset));
      assert.ok(
        lost.length <= 1 && (lost[0] ?? at[hit]) === at[hit],
        `length ${length} in record ${hit}: lost ${lost}`,
      );
      assert.ok(
        got.every((offset) => at.includes(offset)),
        `length ${length} in record ${hit}`,
      );
      assert.notEqual(facts.status, 'complete');
    }
  }
});

test('a time that jumps by years in one header is kept: the lengths are sound', () => {
  const records = plain(10);
  records[4].us = 12_345;
  const { records: read, facts } = parse(writePcap(records));
  assert.equal(read.length, 10);
  assert.equal(facts.status, 'complete');
  assert.equal(facts.firstUs, 12_345);
});

test('captures of days that are years apart are read completely', () => {
  const records = plain(40).map((record, i) => ({ ...record, us: record.us + Math.floor(i / 4) * 40_000_000_000_000 }));
  assert.equal(parse(writePcap(records)).facts.records, 40);
  const apart = plain(40).map((record, i) => ({ ...record, us: 1_000_000_000_000 + i * 90_000_000_000 }));
  const { facts } = parse(writePcap(apart));
  assert.deepEqual([facts.records, facts.status], [40, 'complete']);
});

test('garbage after the last record is damage up to the end, counted in bytes', () => {
  for (const seed of seeds(4)) {
    const next = random(seed);
    const garbage = Uint8Array.from({ length: 50_000 }, () => Math.floor(next() * 256));
    const good = writePcap(plain(10));
    const { records, facts } = parse(concat([good, garbage]));
    assert.equal(records.length, 10, `seed ${seed}`);
    assert.equal(facts.status, 'damaged');
    assert.deepEqual([facts.damage[0].offset, facts.bytesLost], [good.length, garbage.length], `seed ${seed}`);
  }
});

test('zeros after the last record, as left by preallocation, are damage and not records', () => {
  const good = writePcap(plain(10));
  for (const zeros of [16, 40, 4096, 1_000_000]) {
    const { records, facts } = parse(concat([good, new Uint8Array(zeros)]));
    assert.equal(records.length, 10);
    assert.deepEqual([facts.status, facts.damage[0].offset, facts.bytesLost], ['damaged', good.length, zeros]);
  }
});

test('reading continues after a hole of garbage far larger than memory windows', () => {
  const next = random(21);
  const records = plain(20);
  const at = offsets(records);
  const whole = writePcap(records);
  const garbage = Uint8Array.from({ length: 3_000_000 }, () => Math.floor(next() * 256));
  const cut = at[10];
  const { records: read, facts } = parse(concat([whole.subarray(0, cut), garbage, whole.subarray(cut)]), () => 65_536);
  assert.deepEqual(
    read.map((record) => record.offset),
    at.map((offset) => (offset < cut ? offset : offset + garbage.length)),
  );
  assert.deepEqual([facts.damageCount, facts.bytesLost], [1, garbage.length]);
});

test('a piece missing from the middle loses at most the record that it is part of', () => {
  const records = plain(40, 200);
  const at = offsets(records);
  const whole = writePcap(records);
  for (let cut = at[20] + 1; cut < at[21]; cut += 7) {
    const torn = concat([whole.subarray(0, cut), whole.subarray(at[30] + 5)]);
    const { records: read, facts } = parse(torn);
    const shift = at[30] + 5 - cut;
    const sound = [...at.slice(0, 20), ...at.slice(31).map((offset) => offset - shift)];
    const got = read.map((record) => record.offset);
    // The damaged record's own header is complete: it may be read, with the wrong bytes after it.
    assert.deepEqual(
      got.filter((offset) => offset !== at[20]),
      sound,
      `cut at ${cut}`,
    );
    assert.equal(facts.status, 'damaged');
  }
});

test('damage in the first record header does not lose the others', () => {
  const records = plain(10);
  const whole = writePcap(records);
  whole.fill(0xff, 24, 40);
  const { records: read } = parse(whole);
  assert.deepEqual(
    read.map((record) => record.offset),
    offsets(records).slice(1),
  );
});

test('captured bytes beyond the length on the wire are reported and the record is kept', () => {
  const records = plain(5);
  records[2].origLen = 10;
  const { records: read, facts, anomalies } = parse(writePcap(records));
  assert.equal(read.length, 5);
  assert.deepEqual([read[2].bytes.length / 2, read[2].origLen], [60, 10]);
  assert.equal(facts.status, 'complete');
  assert.deepEqual(
    anomalies.rows.map((row) => [row.name, row.offset, row.us]),
    [['caplen_exceeds_len', 24 + 2 * 76, records[2].us]],
  );
});

test('a wrong captured length that leads to the start of a later record loses one record', () => {
  const records = plain(12);
  for (const [from, to] of [
    [0, 1],
    [3, 4],
    [3, 8],
    [9, 11],
  ]) {
    const whole = writePcap(records);
    const at = offsets(records);
    new DataView(whole.buffer).setUint32(at[from] + 8, at[to] - at[from] - 16 + 76, true);
    for (const chunk of [1, 50, 1e9]) {
      const { records: read, facts } = parse(whole, () => chunk);
      assert.deepEqual(
        read.map((record) => record.offset),
        at.filter((offset) => offset !== at[from]),
        `record ${from}, as long as if it were all up to ${to}`,
      );
      assert.equal(facts.status, 'damaged');
    }
  }
});

test('a sub-second field beyond a second is carried over and reported', () => {
  const whole = writePcap(plain(5));
  new DataView(whole.buffer).setUint32(24 + 76 + 4, 2_500_001, true);
  const { records, facts, anomalies } = parse(whole);
  assert.equal(records[1].us, 1_700_000_002_500_001);
  assert.deepEqual([facts.records, facts.status], [5, 'complete']);
  assert.deepEqual(
    anomalies.rows.map((row) => row.name),
    ['subsecond_out_of_range'],
  );
});

test('a capture with the same error in every header is still read', () => {
  const records = plain(5000, 1).map((record) => ({ ...record, origLen: 0 }));
  const { facts, anomalies } = parse(writePcap(records), () => 4096);
  assert.deepEqual([facts.records, facts.status], [5000, 'complete']);
  // Bounded by the log: 25 rows and one that counts the rest.
  assert.equal(anomalies.rows.length, 26);
  assert.equal(anomalies.rows[25].count, 5000 - 25);
});

test('empty records are records', () => {
  const records = plain(6, 0).map((record) => ({ ...record, origLen: 64 }));
  const { records: read, facts } = parse(writePcap(records));
  assert.equal(read.length, 6);
  assert.equal(facts.status, 'complete');
});

test('records of 262,144 bytes are read whatever the snaplen, larger ones if the snaplen announces them', () => {
  const large = [{ us: START, bytes: new Uint8Array(262_144).fill(7) }, ...plain(3)];
  assert.equal(parse(writePcap(large, { snaplen: 96 }), () => 10_000).facts.records, 4);
  const larger = [{ us: START, bytes: new Uint8Array(1_000_000).fill(7) }, ...plain(3)];
  assert.equal(parse(writePcap(larger, { snaplen: 1_000_000 }), () => 10_000).facts.records, 4);
  assert.equal(parse(writePcap(larger, { snaplen: 96, linkType: 249 })).facts.records, 4);
  const refused = parse(writePcap(larger, { snaplen: 96 })).facts;
  assert.deepEqual([refused.records, refused.bytesLost], [3, 1_000_016]);
});

test('with a header that claims four gigabytes the reader holds no more than arrives', () => {
  const claim = pcapRecord({ us: START, bytes: new Uint8Array(0) });
  new DataView(claim.buffer).setUint32(8, 0xfffffff0, true);
  const { facts } = parse(concat([pcapHeader({ snaplen: 0xffffffff }), claim, new Uint8Array(100).fill(9)]));
  assert.deepEqual([facts.status, facts.records, facts.bytesLost], ['damaged', 0, 116]);
});
