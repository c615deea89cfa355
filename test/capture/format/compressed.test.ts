/** A compressed capture behind one that is not, in one file: it is said by name what is not read. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { concat, parse, random, randomRecords, writePcap, writePcapng } from '../build.ts';

const records = randomRecords(random(5), 6);
const other = writePcap(randomRecords(random(6), 6), {});
const FORMS: [string, Uint8Array][] = [
  ['pcap', writePcap(records, {})],
  ['big-endian pcap', writePcap(records, { bigEndian: true })],
  ['pcapng', writePcapng(records, {})],
  ['big-endian pcapng', writePcapng(records, { bigEndian: true })],
];
const gzip = gzipSync(other);
/** As the gzip command writes it: with a time, which stands where pcapng has a length. */
const timed = gzip.slice();
timed.set([0x40, 0xa5, 0x50, 0x69], 4);
const COMPRESSED: [string, Uint8Array][] = [
  ['gzip', gzip],
  ['gzip', timed],
  ['zstd', zstdCompressSync(other)],
];

test('gzip and zstd behind whole records are named with their place, and the records before them are kept', () => {
  for (const [form, plain] of FORMS)
    for (const [name, bytes] of COMPRESSED) {
      const whole = concat([plain, bytes]);
      for (const chunk of [whole.length, 1, 19]) {
        const { records: found, facts, anomalies } = parse(whole, () => chunk);
        const what = `${form}, then ${name}, chunks of ${chunk}`;
        assert.equal(found.length, records.length, what);
        const named = anomalies.rows.filter((anomaly) => anomaly.name === 'compression_in_capture');
        assert.deepEqual(
          named.map(({ offset, detail }) => [offset, detail.split(' ')[0]]),
          [[plain.length, name]],
          what,
        );
        assert.notEqual(facts.status, 'complete', what);
      }
    }
});

test('other bytes behind whole records are not taken for compression', () => {
  for (const [form, plain] of FORMS) {
    const { anomalies } = parse(concat([plain, new Uint8Array(200).fill(0xee)]));
    assert.ok(!anomalies.rows.some(({ name }) => name === 'compression_in_capture'), form);
  }
});
