import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AnomalyLog } from '../../shared/capture/anomaly.ts';
import { linkTypeName } from '../../shared/capture/linktypes.ts';
import { readCapture, readHead } from '../../shared/capture/read.ts';
import { HEAVY } from '../heavy.ts';
import {
  chunked,
  concat,
  gzip,
  parse,
  RecordList,
  random,
  randomRecords,
  writePcap,
  writePcapng,
  zstd,
} from './build.ts';

const records = randomRecords(random(99), 2000);

for (const [name, compress] of [
  ['none', (bytes: Uint8Array) => bytes],
  ['gzip', gzip],
  ['zstd', zstd],
] as const) {
  test(`a capture under compression ${name} reads like the uncompressed one`, async () => {
    for (const bare of [writePcap(records, { nano: true }), writePcapng(records)]) {
      const list = new RecordList();
      const facts = await readCapture(chunked(compress(bare), 10_000), list, new AnomalyLog());
      const want = parse(bare);
      assert.deepEqual(list.records, want.records);
      assert.deepEqual(facts, { ...want.facts, compression: name });
    }
  });

  test(`the head of a capture under compression ${name} needs no more than its first bytes`, async () => {
    const bare = writePcap(records);
    const packed = compress(bare);
    let taken = 0;
    let closed = false;
    async function* source() {
      try {
        for await (const chunk of chunked(packed, 4096)) {
          taken += chunk.length;
          yield chunk;
        }
      } finally {
        closed = true;
      }
    }
    const head = await readHead(source(), 20_000);
    assert.deepEqual(
      [head.format, head.compression, head.firstUs, head.firstNs, head.whole],
      ['pcap', name, records[0].us, 0, false],
    );
    assert.ok(closed);
    assert.ok(taken < packed.length / 2, `${taken} of ${packed.length}`);
    assert.equal(head.facts.status, 'complete');
  });
}

test('a truncated compressed capture yields what came before, with the place in both', async () => {
  const bare = writePcap(records);
  for (const [name, compress] of [
    ['gzip', gzip],
    ['zstd', zstd],
  ] as const) {
    const packed = compress(bare);
    const list = new RecordList();
    const facts = await readCapture(chunked(packed.subarray(0, packed.length / 2)), list, new AnomalyLog());
    assert.equal(facts.status, 'truncated', name);
    assert.equal(facts.damage[0].reason, 'truncated_compression');
    assert.equal(facts.damage[0].offset, facts.bytes);
    assert.ok(list.records.length > 500, `${name}: ${list.records.length}`);
    assert.deepEqual(list.records, parse(bare).records.slice(0, list.records.length));
  }
});

test('a small capture is its own head', async () => {
  const head = await readHead(chunked(writePcap(records.slice(0, 3))));
  assert.deepEqual([head.whole, head.facts.records, head.firstUs], [true, 3, records[0].us]);
  const empty = await readHead(chunked(new Uint8Array(0)));
  assert.deepEqual([empty.whole, empty.format, empty.firstUs], [true, 'empty', null]);
  const cut = await readHead(chunked(writePcap(records.slice(0, 3)).subarray(0, 60)));
  assert.equal(cut.facts.status, 'truncated');
});

test('the head has the first record, not the earliest', async () => {
  const [a, b] = records;
  const head = await readHead(chunked(writePcap([b, a])));
  assert.equal(head.firstUs, b.us);
  assert.equal(head.facts.firstUs, a.us);
});

test('a first record larger than the head is waited for', async () => {
  const large = { us: records[0].us, bytes: new Uint8Array(200_000) };
  const head = await readHead(chunked(writePcap([large, ...records]), 1000));
  assert.equal(head.firstUs, large.us);
});

test('an error of the source is thrown', async () => {
  async function* source() {
    yield writePcap(records).subarray(0, 1000);
    throw new Error('access denied');
  }
  await assert.rejects(readCapture(source(), new RecordList(), new AnomalyLog()), /access denied/);
  await assert.rejects(readHead(source()), /access denied/);
});

test('an empty compressed capture is empty, and bytes after it are reported', async () => {
  const log = new AnomalyLog();
  const facts = await readCapture(chunked(concat([gzip(new Uint8Array(0)), new Uint8Array(3)])), new RecordList(), log);
  assert.deepEqual([facts.format, facts.status, facts.compression], ['empty', 'empty', 'gzip']);
  assert.deepEqual(
    log.rows.map((row) => row.name),
    ['zeros_after_compression'],
  );
});

test('link types have the names of the registry, unknown numbers a name of their own', () => {
  assert.deepEqual([0, 1, 12, 113, 127, 228, 276].map(linkTypeName), [
    'NULL',
    'ETHERNET',
    'RAW',
    'LINUX_SLL',
    'IEEE802_11_RADIOTAP',
    'IPV4',
    'LINUX_SLL2',
  ]);
  assert.equal(linkTypeName(9999), 'LINKTYPE_9999');
});

test('a capture that is refused at its beginning is not read further', HEAVY, async () => {
  const version = writePcap([], { version: [9, 0] });
  const section = Uint8Array.from([0x0a, 0x0d, 0x0d, 0x0a, 28, 0, 0, 0, 1, 2, 3, 4, ...new Uint8Array(16)]);
  for (const [head, reason] of [
    [new Uint8Array(1000).fill(7), 'unsupported_format'],
    [new TextEncoder().encode('anything '.repeat(100)), 'no_capture'],
    [version, 'unsupported_version'],
    [section, 'bad_section_header'],
  ] as const) {
    let given = 0;
    let closed = false;
    async function* source() {
      try {
        for (yield head; given < 1000; given++) yield new Uint8Array(1000);
      } finally {
        closed = true;
      }
    }
    const facts = await readCapture(source(), new RecordList(), new AnomalyLog());
    assert.deepEqual([facts.status, facts.damage[0].reason, facts.damageCount], ['unreadable', reason, 1]);
    assert.ok(given <= 1 && closed, `${reason}: ${given} chunks`);
    assert.ok(facts.bytes <= head.length, `${reason}: ${facts.bytes} bytes`);
    const packed = gzip(concat([head, new Uint8Array(50_000_000)]));
    const inside = await readCapture(chunked(packed, 1000), new RecordList(), new AnomalyLog());
    assert.deepEqual({ ...inside, compression: 'none' }, facts);
  }
});

test('exceeded compression limits are in the facts: nothing was read, or what came before', async () => {
  const window = Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd, 0x00, 21 << 3, 1, 0, 0);
  const none = await readCapture(chunked(window), new RecordList(), new AnomalyLog());
  assert.deepEqual([none.status, none.damage[0].reason], ['unreadable', 'zstd_window_too_large']);
  const list = new RecordList();
  const some = await readCapture(
    chunked(concat([zstd(writePcap(records.slice(0, 2))), window])),
    list,
    new AnomalyLog(),
  );
  assert.deepEqual([some.status, some.damage[0].reason, list.records.length], ['damaged', 'zstd_window_too_large', 2]);
});
