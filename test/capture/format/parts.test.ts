import assert from 'node:assert/strict';
import { test } from 'node:test';
import { seeds } from '../../seed.ts';
import {
  type BuiltRecord,
  concat,
  type PcapngOptions,
  type PcapOptions,
  parse,
  pcapHeader,
  random,
  randomRecords,
  writePcap,
  writePcapng,
} from '../build.ts';

interface Form {
  name: string;
  write(records: BuiltRecord[]): Uint8Array;
}
const pcap = (name: string, options: PcapOptions): Form => ({ name, write: (records) => writePcap(records, options) });
const pcapng = (name: string, options: PcapngOptions): Form => ({
  name,
  write: (records) => writePcapng(records, options),
});
const FORMS: Form[] = [
  pcap('pcap', {}),
  pcap('big-endian pcap', { bigEndian: true }),
  pcap('pcap in nanoseconds', { nano: true, linkType: 113 }),
  pcap('big-endian pcap in nanoseconds', { nano: true, bigEndian: true }),
  pcap('modified pcap', { modified: true }),
  pcap('big-endian modified pcap', { modified: true, bigEndian: true }),
  pcap('pcap of Nokia', { more: 4 }),
  pcap('pcap 2.2', { version: [2, 2] }),
  pcapng('pcapng', {}),
  pcapng('big-endian pcapng', { bigEndian: true, tsresol: 9 }),
];

/** Three captures of random records, hours apart, one behind the other. */
function joined(forms: Form[], seed: number): { whole: Uint8Array; starts: number[]; want: unknown[] } {
  const next = random(seed);
  let whole: Uint8Array = new Uint8Array(0);
  const starts: number[] = [];
  const want: unknown[] = [];
  for (const { write } of forms) {
    const bytes = write(randomRecords(next, 6));
    starts.push(whole.length);
    for (const record of parse(bytes).records) want.push({ ...record, offset: record.offset + whole.length });
    whole = concat([whole, bytes]);
  }
  return { whole, starts, want };
}

test('captures of any two forms one behind the other are read whole, in any chunks', () => {
  for (const [i, first] of FORMS.entries())
    for (const second of FORMS) {
      const names = `${first.name}, then ${second.name}`;
      const { whole, starts, want } = joined([first, second, first], 100 + i);
      for (const chunk of [whole.length, 1, 19, 700]) {
        const { records, facts, anomalies } = parse(whole, () => chunk);
        assert.deepEqual(records, want, names);
        assert.deepEqual([facts.status, facts.bytes], ['complete', whole.length], names);
        const seen = anomalies.rows.filter(({ name }) => name === 'another_file_header').map(({ offset }) => offset);
        // A section behind another one of pcapng is an ordinary one.
        const ng = [first, second, first].map(({ name }) => name.includes('pcapng'));
        const begins = starts.filter((_, part) => part > 0 && !(ng[part] && ng[part - 1]));
        assert.deepEqual(seen, begins, names);
        assert.equal(facts.parts ?? 1, begins.length + 1, names);
      }
    }
});

test('a part without records, at the beginning, between others and at the end, is a part', () => {
  const next = random(5);
  const [a, b] = [writePcap(randomRecords(next, 4)), writePcap(randomRecords(next, 4), { bigEndian: true })];
  for (const empty of [pcapHeader(), pcapHeader({ bigEndian: true, nano: true, modified: false })]) {
    const whole = concat([empty, a, empty, empty, b, empty]);
    for (const chunk of [whole.length, 1]) {
      const { facts, anomalies } = parse(whole, () => chunk);
      assert.deepEqual([facts.records, facts.status, facts.parts, facts.damageCount], [8, 'complete', 6, 0]);
      assert.equal(anomalies.rows.length, 5);
    }
  }
  assert.equal(parse(concat([a, empty(15)])).facts.status, 'truncated');
});

function empty(length: number): Uint8Array {
  return pcapHeader().subarray(0, length);
}

test('a capture that was cut off does not take the next one with it', () => {
  for (const first of FORMS)
    for (const second of FORMS) {
      const next = random(77);
      const cut = first.write(randomRecords(next, 8));
      const whole = second.write(randomRecords(next, 8));
      const alone = parse(whole).records;
      for (const missing of [1, 3, 17, 40]) {
        const names = `${first.name} without its last ${missing} bytes, then ${second.name}`;
        const at = cut.length - missing;
        const { records, facts } = parse(concat([cut.subarray(0, at), whole]), () => 333);
        assert.deepEqual(
          records.filter(({ offset }) => offset >= at),
          alone.map((record) => ({ ...record, offset: record.offset + at })),
          names,
        );
        assert.ok(records.length - alone.length >= 6, names);
        assert.equal(facts.status, 'damaged', names);
      }
    }
});

test('odd records before and behind the seam are kept', () => {
  for (const seed of seeds(10)) {
    const next = random(seed);
    const first = randomRecords(next, 6);
    const second = randomRecords(next, 6);
    // A clock that was wrong, and captured bytes beyond those on the wire.
    first[5].us = 3_600_000_000;
    second[0].us = 7_200_000_000;
    second[0].origLen = 1;
    const { facts } = parse(concat([writePcap(first), writePcap(second, { bigEndian: true })]), () => 50);
    assert.deepEqual([facts.records, facts.status, facts.parts], [12, 'complete', 2], `seed ${seed}`);
  }
});

test('packets that hold a capture are packets, at any length', () => {
  const next = random(9);
  const inner = writePcap(randomRecords(next, 5, 60));
  const ng = writePcapng(randomRecords(next, 5, 60));
  const records = randomRecords(next, 12);
  for (const [i, record] of records.entries()) {
    const source = i % 2 === 0 ? inner : ng;
    record.bytes = i < 6 ? source : concat([new Uint8Array(i * 3), source]);
  }
  records[3].bytes = pcapHeader();
  for (const form of FORMS) {
    const { records: read, facts } = parse(form.write(records), () => 97);
    assert.deepEqual(
      read.map(({ bytes }) => bytes),
      records.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
      form.name,
    );
    assert.deepEqual([facts.parts, facts.status], [undefined, 'complete'], form.name);
  }
});

test('behind damage a mere file header in a packet begins no part', () => {
  const records = randomRecords(random(3), 20);
  records[8].bytes = concat([new Uint8Array(6), pcapHeader(), new Uint8Array(90).fill(0xfe)]);
  const whole = writePcap(records);
  const offsets = parse(whole).records.map(({ offset }) => offset);
  whole.fill(0xff, offsets[8], offsets[8] + 16);
  const { records: read, facts } = parse(whole);
  assert.deepEqual(
    read.map(({ offset }) => offset),
    offsets.filter((_, i) => i !== 8),
  );
  assert.deepEqual([facts.parts, facts.status], [undefined, 'damaged']);
});

test('a packet that ends with a file header stays whole, whatever the clock does behind it', () => {
  const records = randomRecords(random(4), 12);
  records[5].bytes = concat([new Uint8Array(54).fill(7), pcapHeader()]);
  for (let i = 6; i < 12; i++) records[i].us += 40 * 86_400_000_000;
  const { records: read, facts } = parse(writePcap(records));
  assert.deepEqual(
    read.map(({ bytes }) => bytes),
    records.map(({ bytes }) => Buffer.from(bytes).toString('hex')),
  );
  assert.deepEqual([facts.parts, facts.status], [undefined, 'complete']);
});

test('a capture that ends inside a packet which carries another capture has no records of that one', () => {
  for (const outer of [FORMS[0], FORMS[1], FORMS[8], FORMS[9]])
    for (const inner of FORMS) {
      const carried = inner.write(randomRecords(random(31), 24, 80));
      // All of it, and a piece from its middle, as a segment holds it.
      for (const skipped of [0, 301]) {
        const bytes = carried.subarray(skipped);
        const whole = outer.write([1, 2, 3].map((second) => ({ us: (1_700_000_000 + second) * 1e6, bytes })));
        const { records } = parse(whole);
        const within = whole.length - bytes.length;
        for (const { offset } of parse(carried).records.slice(12)) {
          // Inside a carried record: where one ends, so would damage to the length of the packet look.
          const cut = whole.subarray(0, within + offset - skipped + 9);
          const names = `${inner.name} from ${skipped} in ${outer.name}, at ${offset}`;
          const { records: read, facts } = parse(cut);
          assert.deepEqual([facts.status, read], ['truncated', records.slice(0, 2)], names);
        }
      }
    }
});

test('a record just before what may begin a part is found after damage, however the bytes are divided', () => {
  // A modified capture: seven damaged bytes, an empty record whose header holds what looks like a magic number, and a
  // section header that is cut off.
  const damaged = Buffer.from('00'.repeat(7), 'hex');
  const record = Buffer.from('00ff34cdb2a102000200000000000000'.concat('0000ffffffff0100'), 'hex');
  const section = Buffer.from('0a0d0d0a1c0000004d3c2b1a01000000', 'hex');
  const bytes = concat([
    pcapHeader({ modified: true, version: [2, 2], snaplen: 0, linkType: 0 }),
    damaged,
    record,
    section,
  ]);
  const whole = parse(bytes).records;
  assert.equal(whole.length, 1);
  for (let chunk = 1; chunk < bytes.length; chunk++)
    assert.deepEqual(parse(bytes, () => chunk).records, whole, `in chunks of ${chunk} bytes`);
});
