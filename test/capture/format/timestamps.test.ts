import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MAX_US } from '../../../shared/capture/facts.ts';
import { InterfaceClock } from '../../../shared/capture/format/timestamps.ts';
import { SEED } from '../../seed.ts';
import { random } from '../build.ts';

/** The same in BigInt. */
function exact(hi: number, lo: number, tsresol: number, offset: bigint): [us: number, ns: number] {
  const exponent = BigInt(tsresol & 0x7f);
  const unit = tsresol & 0x80 ? 2n ** exponent : 10n ** exponent;
  const nanos = (((BigInt(hi) << 32n) | BigInt(lo)) * 1_000_000_000n) / unit + offset * 1_000_000_000n;
  if (nanos < 0n) return [0, 0];
  const us = nanos / 1000n;
  return us > BigInt(MAX_US) ? [MAX_US, 0] : [Number(us), Number(nanos % 1000n)];
}

test('every resolution agrees with exact arithmetic, at random counts and at the ends', () => {
  const seed = SEED;
  const next = random(seed);
  const word = () => Math.floor(next() * 2 ** Math.ceil(next() * 32)) >>> 0;
  for (const binary of [0, 0x80]) {
    for (let n = 0; n <= (binary ? 64 : 19); n++) {
      const clock = new InterfaceClock(binary | n, 0n);
      const counts: [number, number][] = [
        [0, 0],
        [0, 1],
        [0, 0xffffffff],
        [1, 0],
        [0xffffffff, 0xffffffff],
      ];
      for (let i = 0; i < 300; i++) counts.push([word(), word()]);
      for (const [hi, lo] of counts) {
        clock.read(hi, lo);
        assert.deepEqual(
          [clock.us, clock.ns],
          exact(hi, lo, binary | n, 0n),
          `seed ${seed} ${clock.resolution} ${hi} ${lo}`,
        );
      }
    }
  }
});

test('an offset moves the time, and times outside the range are clamped and marked', () => {
  const clock = new InterfaceClock(9, 1_600_000_000n);
  clock.read(0, 1_234_567_890);
  assert.deepEqual([clock.us, clock.ns, clock.clamped], [1_600_000_001_234_567, 890, false]);
  const before = new InterfaceClock(6, -10n);
  before.read(0, 9_999_999);
  assert.deepEqual([before.us, before.ns, before.clamped], [0, 0, true]);
  before.read(0, 10_000_001);
  assert.deepEqual([before.us, before.clamped], [1, false]);
  const far = new InterfaceClock(0, 0n);
  far.read(0xffffffff, 0);
  assert.deepEqual([far.us, far.ns, far.clamped], [MAX_US, 0, true]);
});

test('counts and offsets over their whole 64 bits agree with exact arithmetic', () => {
  const seed = 11;
  const next = random(seed);
  const word = () => Math.floor(next() * 2 ** 32);
  for (let round = 0; round < 4000; round++) {
    const binary = next() < 0.5 ? 0x80 : 0;
    const n = Math.floor(next() * (binary ? 65 : 20));
    const unit = binary ? 2n ** BigInt(n) : 10n ** BigInt(n);
    const hi = word() >>> Math.floor(next() * 32);
    const lo = word();
    const seconds = ((BigInt(hi) << 32n) | BigInt(lo)) / unit;
    // Some offsets bring the time back into the valid years, the others are random.
    const near = BigInt(Math.floor(next() * 9e9)) - seconds;
    const offset = BigInt.asIntN(64, next() < 0.7 ? near : (BigInt(word()) << 32n) | BigInt(word()));
    const clock = new InterfaceClock(binary | n, offset);
    clock.read(hi, lo);
    assert.deepEqual(
      [clock.us, clock.ns],
      exact(hi, lo, binary | n, offset),
      `seed ${seed} ${clock.resolution} ${hi} ${lo} ${offset}`,
    );
  }
});

test('a count beyond the range that an offset brings to just before 1970 is clamped', () => {
  const clock = new InterfaceClock(0x80 | 20, -(2n ** 43n));
  clock.read(0x7fff_ffff, 0xffff_ffff);
  assert.deepEqual([clock.us, clock.ns, clock.clamped], [0, 0, true]);
});

test('units whose whole range is under two seconds stay in range', () => {
  for (const tsresol of [20, 30, 127, 0x80 | 65, 0x80 | 127]) {
    const clock = new InterfaceClock(tsresol, 0n);
    clock.read(0xffffffff, 0xffffffff);
    assert.ok(clock.us >= 0 && clock.us < 2e6, clock.resolution);
    assert.ok(clock.ns >= 0 && clock.ns <= 999, clock.resolution);
  }
});

test('the resolution is shown in the usual notation', () => {
  assert.deepEqual(
    [6, 9, 3, 0x80 | 20].map((tsresol) => new InterfaceClock(tsresol, 0n).resolution),
    ['us', 'ns', '10^-3', '2^-20'],
  );
});
