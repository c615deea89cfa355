import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CaptureParser } from '../../shared/capture/parser.ts';
import { seeds } from '../seed.ts';
import { type BuiltRecord, concat, parse, random, randomRecords, writePcap, writePcapng } from './build.ts';

/** One of the formats, by seed. */
function write(seed: number, records: BuiltRecord[]): Uint8Array {
  const variants = [
    () => writePcap(records),
    () => writePcap(records, { nano: true, bigEndian: true }),
    () => writePcapng(records, { tsresol: 9 }),
    () => writePcapng(records, { bigEndian: true }),
    () => concat([writePcapng(records.slice(0, 20), { bigEndian: true }), writePcapng(records.slice(20))]),
  ];
  return variants[seed % variants.length]();
}

/** Flip bytes, drop pieces and cut the tail; returns the bytes and the first place changed. */
function damage(next: () => number, bytes: Uint8Array): { bytes: Uint8Array; from: number } {
  let out: Uint8Array = bytes.slice();
  let from = out.length;
  for (let n = 1 + Math.floor(next() * 4); n > 0; n--) {
    const at = 28 + Math.floor(next() * (out.length - 28));
    from = Math.min(from, at);
    const kind = next();
    if (kind < 0.7) out[at] ^= 1 + Math.floor(next() * 255);
    else if (kind < 0.85) out = concat([out.subarray(0, at), out.subarray(at + 1 + Math.floor(next() * 400))]);
    else if (kind < 0.95) out = out.slice(0, at + 1);
    else out.fill(next() < 0.5 ? 0 : 0xff, at, at + Math.floor(next() * 5000));
  }
  return { bytes: out, from };
}

test('any chunking yields the same records, facts and anomalies, of sound and of damaged captures', () => {
  for (const seed of seeds(40)) {
    const next = random(seed);
    const sound = write(seed, randomRecords(next, 60));
    for (const bytes of [sound, damage(next, sound).bytes]) {
      const whole = parse(bytes);
      for (const most of [1, 2, 7, 40, 300, 5000]) {
        const cut = parse(bytes, () => 1 + Math.floor(next() * most));
        assert.deepEqual(cut.records, whole.records, `seed ${seed}, chunks up to ${most}`);
        assert.deepEqual(cut.facts, whole.facts, `seed ${seed}, chunks up to ${most}`);
        assert.deepEqual(cut.anomalies.rows, whole.anomalies.rows, `seed ${seed}, chunks up to ${most}`);
      }
    }
  }
});

test('damage never throws, never affects the records before it, and is always reported', () => {
  for (const seed of seeds(600)) {
    const next = random(seed);
    const sound = write(seed, randomRecords(next, 40, 120));
    const clean = parse(sound).records;
    const { bytes, from } = damage(next, sound);
    const { records, facts, anomalies } = parse(bytes);
    const before = clean.filter((_, i) => (clean[i + 1]?.offset ?? sound.length) <= from);
    assert.deepEqual(records.slice(0, before.length), before, `seed ${seed}: damage from ${from}`);
    assert.equal(facts.bytes, bytes.length);
    assert.equal(facts.records, records.length);
    // A packet block with a changed type is a block of another type: odd, but not damage.
    const told = facts.status !== 'complete' || anomalies.rows.length > 0;
    if (records.length < clean.length - 1 && bytes.length === sound.length)
      assert.ok(told, `seed ${seed}: ${records.length} of ${clean.length} records`);
    for (let i = 1; i < records.length; i++)
      assert.ok(records[i].offset > records[i - 1].offset, `seed ${seed}: offsets go up`);
  }
});

test('a single flipped byte loses at most one record of a classic capture', () => {
  for (const seed of seeds(400)) {
    const next = random(seed);
    const records = randomRecords(next, 30, 120);
    const bytes = writePcap(records, { nano: seed % 2 === 0 });
    const clean = parse(bytes).records;
    const at = 24 + Math.floor(next() * (bytes.length - 24));
    bytes[at] ^= 1 + Math.floor(next() * 255);
    const got = new Set(parse(bytes).records.map((record) => record.offset));
    const lost = clean.filter((record) => !got.has(record.offset));
    assert.ok(lost.length <= 1, `seed ${seed}: byte ${at} cost ${lost.map((record) => record.offset)}`);
    if (lost.length === 1) assert.ok(lost[0].offset <= at && at < lost[0].offset + 16, `seed ${seed}: byte ${at}`);
  }
});

test('random bytes after any file header are read to the end, with facts', () => {
  for (const seed of seeds(60)) {
    const next = random(seed);
    const head = write(seed, []);
    const noise = Uint8Array.from({ length: 20_000 }, () => Math.floor(next() * 256));
    if (seed % 3 === 0) for (let i = 0; i < noise.length; i++) if (i % 4 !== 0) noise[i] = 0;
    const { facts } = parse(concat([head, noise]), () => 1 + Math.floor(next() * 3000));
    assert.notEqual(facts.status, 'complete', `seed ${seed}`);
    assert.ok(facts.bytesLost <= noise.length + head.length, `seed ${seed}: ${facts.bytesLost}`);
  }
});

test('memory of the parser is bounded for any amount of damage', () => {
  // Headers that claim the largest records allowed, over and over, each leading into the next window.
  const claim = writePcap([{ us: 1_700_000_000_000_000, bytes: new Uint8Array(16), origLen: 262_144 }]);
  const teeth = new Uint8Array(claim.length - 24 + 37);
  teeth.set(claim.subarray(24));
  new DataView(teeth.buffer).setUint32(8, 262_144, true);
  const chunk = concat(Array.from({ length: 1000 }, () => teeth));
  const parser = new CaptureParser({ record() {} }, { anomaly() {} });
  parser.push(claim.subarray(0, 24));
  parser.push(new Uint8Array(64).fill(0xff));
  const before = process.memoryUsage().arrayBuffers;
  for (let i = 0; i < 300; i++) parser.push(chunk);
  const grown = process.memoryUsage().arrayBuffers - before;
  parser.end();
  // The resynchronization window is a mebibyte; doubling buffers and uncollected garbage explain the rest.
  assert.ok(grown < 16 * 1024 * 1024, `${grown} bytes`);
});

test('pushing after the end is a programming error, ending twice is not', () => {
  const parser = new CaptureParser({ record() {} }, { anomaly() {} });
  parser.end();
  parser.end();
  assert.throws(() => parser.push(new Uint8Array(1)), /push after end/);
});
