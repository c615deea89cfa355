import assert from 'node:assert/strict';
import { test } from 'node:test';
import { HEAVY } from '../../heavy.ts';
import { seeds } from '../../seed.ts';
import {
  type BuiltRecord,
  block,
  concat,
  interfaceBlock,
  type PcapngOptions,
  packetBlock,
  parse,
  random,
  randomRecords,
  sectionHeader,
  writePcapng,
} from '../build.ts';

const START = 1_700_000_000_000_000;

function plain(count: number, size = 60): BuiltRecord[] {
  return Array.from({ length: count }, (_, i) => ({
    us: START + i * 1000,
    ns: i,
    bytes: new Uint8Array(size).fill(i + 1),
  }));
}

const variants: [string, PcapngOptions][] = [
  ['enhanced, little-endian', {}],
  ['enhanced, big-endian', { bigEndian: true }],
  ['obsolete, little-endian', { packets: 'obsolete' }],
  ['obsolete, big-endian', { packets: 'obsolete', bigEndian: true }],
  ['nanoseconds', { tsresol: 9 }],
  ['picoseconds with an offset', { tsresol: 12, tsoffset: 1_699_999_990, bigEndian: true }],
  ['offset alone', { tsoffset: -3600 }],
];
for (const [name, options] of variants) {
  test(`pcapng ${name}: every field of every record is read back`, () => {
    const records = plain(20, 61).map((record) => ({ ...record, origLen: 1500 }));
    const { records: read, facts, anomalies } = parse(writePcapng(records, options));
    assert.deepEqual(
      read.map(({ offset: _, ...rest }) => rest),
      records.map((record) => ({
        us: record.us,
        ns: (options.tsresol ?? 6) > 6 ? record.ns : 0,
        bytes: Buffer.from(record.bytes).toString('hex'),
        origLen: 1500,
        linkType: 1,
      })),
    );
    assert.equal(facts.format, 'pcapng');
    assert.equal(facts.version, '1.0');
    assert.equal(facts.byteOrder, options.bigEndian ? 'big' : 'little');
    assert.equal(facts.status, 'complete');
    assert.equal(anomalies.rows.length, 0);
  });
}

test('the offset of a record is where its block starts', () => {
  const file = writePcapng(plain(5));
  const { records } = parse(file);
  const view = new DataView(file.buffer);
  for (const { offset } of records) assert.equal(view.getUint32(offset, true), 6);
  assert.equal(new Set(records.map((record) => record.offset)).size, 5);
});

test('each section has its own byte order and its own interfaces', () => {
  const one = writePcapng(
    plain(2).map((record) => ({ ...record, interface: 1 })),
    {
      interfaces: [{ linkType: 1 }, { linkType: 113, tsresol: 9 }],
    },
  );
  const two = writePcapng(plain(2), { linkType: 276, bigEndian: true, tsresol: 3 });
  const { records, facts } = parse(concat([one, two]));
  assert.deepEqual(
    records.map((record) => record.linkType),
    [113, 113, 276, 276],
  );
  assert.deepEqual(facts.linkTypes, [1, 113, 276]);
  assert.deepEqual([facts.byteOrder, facts.interfaces, facts.resolution], ['mixed', 3, 'us,ns,10^-3']);
  assert.equal(facts.status, 'complete');
});

test('a simple packet is cut at the snaplen of interface 0 and repeats the time before it', () => {
  const cut = { us: 0, bytes: new Uint8Array(40).fill(1), origLen: 90 };
  const file = concat([
    sectionHeader(),
    interfaceBlock({ snaplen: 38 }),
    packetBlock(cut, {}, 'simple'),
    packetBlock(plain(1, 20)[0]),
    packetBlock(cut, {}, 'simple'),
    packetBlock(cut, {}, 'simple'),
  ]);
  const { records, facts, anomalies } = parse(file);
  assert.deepEqual(
    records.map((record) => [record.us, record.bytes.length / 2, record.origLen]),
    [
      [0, 38, 90],
      [START, 20, 20],
      [START, 38, 90],
      [START, 38, 90],
    ],
  );
  assert.equal(facts.outOfOrder, 0);
  assert.equal(anomalies.rows.filter((row) => row.name === 'packet_without_time').length, 1);
});

test('blocks without packets are skipped, and unregistered types are reported', () => {
  const packet = packetBlock(plain(1)[0]);
  const body = new Uint8Array(32).fill(3);
  const { records, facts, anomalies } = parse(
    concat([
      sectionHeader(),
      interfaceBlock(),
      block(4, body),
      packet,
      block(5, body),
      block(0xbad, body),
      block(0x12345, body),
      block(0x80000001, body),
      packet,
    ]),
  );
  assert.equal(records.length, 2);
  assert.equal(facts.status, 'complete');
  assert.deepEqual(
    anomalies.rows.map((row) => [row.name, row.detail]),
    [['unknown_block', 'type 0x12345']],
  );
});

test('a block too large to hold is skipped while streaming', HEAVY, () => {
  const packet = packetBlock(plain(1)[0]);
  const body = Uint8Array.from({ length: 20_000_000 }, (_, i) => Math.imul(i, 2_654_435_761) >>> 15);
  const file = concat([sectionHeader(), interfaceBlock(), packet, block(10, body), packet, packet]);
  for (const size of [1000, 65_536, file.length]) {
    const { records, facts } = parse(file, () => size);
    assert.deepEqual([records.length, facts.status], [3, 'complete'], `chunks of ${size}`);
  }
});

test('blocks inside a large sound block are part of its body', () => {
  const packet = packetBlock(plain(1)[0]);
  const within = writePcapng(plain(50));
  for (const size of [1_500_000, 5_000_000, 15_000_000]) {
    const body = new Uint8Array(size);
    for (let at = 1000; at + within.length < size; at += size >> 2) body.set(within, at);
    const file = concat([sectionHeader(), interfaceBlock(), packet, block(0xbad, body), packet, packet]);
    const { records, facts } = parse(file, () => 65_536);
    assert.deepEqual([records.length, facts.status, facts.interfaces], [3, 'complete', 1], `${size} bytes`);
  }
});

test('an unreasonably large block length loses that block only', () => {
  const records = plain(30);
  for (const length of [2_000_000, 0x7ffffff0, 0xfffffffc]) {
    const names = block(4, new Uint8Array(20));
    const head = concat([sectionHeader(), interfaceBlock(), ...records.slice(0, 10).map((r) => packetBlock(r))]);
    const file = concat([head, names, ...records.slice(10).map((r) => packetBlock(r))]);
    new DataView(file.buffer).setUint32(head.length + 4, length, true);
    const { records: read, facts } = parse(file);
    assert.equal(read.length, 30, `length ${length}`);
    assert.deepEqual([facts.damage[0].offset, facts.bytesLost], [head.length, names.length]);
  }
});

test('damage to any byte of a block header or trailer loses at most that block', () => {
  const records = plain(12);
  const clean = writePcapng(records);
  const whole = parse(clean).records;
  const victim = whole[5].offset;
  for (const at of [0, 1, 2, 3, 4, 5, 6, 7, 88, 89, 90, 91]) {
    for (const value of [0x00, 0x01, 0x7f, 0xff]) {
      const file = clean.slice();
      if (file[victim + at] === value) continue;
      file[victim + at] = value;
      const { records: read, facts } = parse(file);
      const lost = whole.filter((record) => !read.some((other) => other.offset === record.offset));
      assert.ok(
        lost.every((record) => record.offset === victim),
        `byte ${at} = ${value}: lost ${lost.map((record) => record.offset)}`,
      );
      assert.ok(facts.bytesLost <= 92, `byte ${at} = ${value}: ${facts.bytesLost} bytes lost`);
    }
  }
});

test('a packet longer than its block, or of an unknown interface, loses its block', () => {
  const records = plain(3);
  const clean = writePcapng(records);
  const victim = parse(clean).records[1].offset;
  const long = clean.slice();
  new DataView(long.buffer).setUint32(victim + 20, 61 + 4, true);
  const tooLong = parse(long);
  assert.equal(tooLong.records.length, 2);
  assert.deepEqual(
    [tooLong.facts.status, tooLong.facts.damage[0].reason, tooLong.facts.damage[0].offset],
    ['damaged', 'bad_packet_length', victim],
  );
  const stray = clean.slice();
  new DataView(stray.buffer).setUint32(victim + 8, 9, true);
  assert.equal(parse(stray).facts.damage[0].reason, 'unknown_interface');
});

test('a capture cut off anywhere yields all complete records and the place', () => {
  const clean = writePcapng(plain(4));
  const whole = parse(clean).records;
  for (let length = 1; length < clean.length; length++) {
    const { records, facts } = parse(clean.subarray(0, length));
    const complete = whole.filter((record) => record.offset + 92 <= length);
    assert.deepEqual(records, complete, `cut at ${length}`);
    const starts = [28, 48, ...whole.map((record) => record.offset)];
    if (starts.includes(length)) assert.equal(facts.status, 'complete', `cut at ${length}`);
    else {
      assert.equal(facts.status, 'truncated', `cut at ${length}`);
      assert.equal(facts.damage[0].offset, starts.findLast((start) => start < length) ?? 0, `cut at ${length}`);
    }
  }
});

test('a first section without a byte-order magic is unreadable, a later one loses only itself', () => {
  const bad = sectionHeader();
  bad.fill(0, 8, 12);
  const alone = parse(concat([bad, interfaceBlock(), packetBlock(plain(1)[0])])).facts;
  assert.deepEqual([alone.status, alone.damage[0].reason], ['unreadable', 'bad_section_header']);
  const good = writePcapng(plain(3));
  const { records, facts } = parse(concat([good, bad, ...plain(3).map((record) => packetBlock(record))]));
  assert.equal(records.length, 6);
  assert.deepEqual([facts.status, facts.bytesLost], ['damaged', 28]);
});

test('reading continues after random garbage between blocks, at any alignment', () => {
  for (const seed of seeds(6)) {
    const next = random(seed);
    const records = randomRecords(next, 20);
    const head = writePcapng(records.slice(0, 10));
    const garbage = Uint8Array.from({ length: 1 + Math.floor(next() * 200_000) }, () => Math.floor(next() * 256));
    const file = concat([head, garbage, ...records.slice(10).map((record) => packetBlock(record))]);
    const { records: read, facts } = parse(file, () => 4096);
    assert.equal(read.length, 20, `seed ${seed}`);
    assert.deepEqual([facts.damage[0].offset, facts.bytesLost], [head.length, garbage.length], `seed ${seed}`);
  }
});
