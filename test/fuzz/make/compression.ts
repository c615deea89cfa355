/** Compression around a capture: one member or frame, many, empty ones, tiny blocks, and all of that damaged. */
import { concat, gzip, zstd } from '../../capture/build.ts';
import type { Dice } from './dice.ts';

const ZSTD_MAGIC = [0x28, 0xb5, 0x2f, 0xfd];
/** Bytes up to which a capture is taken apart into members and blocks of their own: each has a cost for the reader. */
const MOST_TAKEN_APART = 40_000;

/** A zstd frame of uncompressed blocks, as small as asked for. @param windowLog 10 to 41 */
export function zstdOfRawBlocks(bytes: Uint8Array, blockBytes: number, windowLog = 20): Uint8Array {
  const parts: Uint8Array[] = [Uint8Array.from([...ZSTD_MAGIC, 0, (windowLog - 10) << 3])];
  for (let at = 0; at === 0 || at < bytes.length; at += blockBytes) {
    const body = bytes.subarray(at, at + blockBytes);
    const header = (at + blockBytes >= bytes.length ? 1 : 0) | (body.length << 3);
    parts.push(Uint8Array.from([header & 255, (header >> 8) & 255, header >> 16]), body);
  }
  return concat(parts);
}

function cut(bytes: Uint8Array, size: number): Uint8Array[] {
  const parts: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += size) parts.push(bytes.subarray(at, at + size));
  return parts;
}

const WRAPS: [number, string, (bytes: Uint8Array, dice: Dice) => Uint8Array][] = [
  [4, 'gzip', (bytes) => gzip(bytes)],
  [4, 'zstd', (bytes) => zstd(bytes)],
  [1, 'gzip members', (bytes, dice) => concat(cut(bytes, dice.pick([100, 1000, 10_000])).map(gzip))],
  [1, 'zstd frames', (bytes, dice) => concat(cut(bytes, dice.pick([100, 1000, 10_000])).map(zstd))],
  [
    1,
    'empty gzip members',
    (bytes, dice) => {
      const empty = gzip(new Uint8Array(0));
      return concat([
        ...Array.from(
          {
            length: dice.weighted([
              [8, 1],
              [8, 30],
              [1, 5000],
            ]),
          },
          () => empty,
        ),
        gzip(bytes),
      ]);
    },
  ],
  [
    1,
    'tiny zstd blocks',
    (bytes, dice) => zstdOfRawBlocks(bytes, dice.pick([3, 100, 100, 5000]), dice.between(10, 27)),
  ],
  [
    1,
    'skippable frames',
    (bytes, dice) =>
      concat([Uint8Array.from([0x50 + dice.below(16), 0x2a, 0x4d, 0x18, 5, 0, 0, 0, 1, 2, 3, 4, 5]), zstd(bytes)]),
  ],
];

const DAMAGES: [number, string, (bytes: Uint8Array, dice: Dice) => Uint8Array][] = [
  [
    5,
    'a bit flipped',
    (bytes, dice) => {
      const changed = bytes.slice();
      changed[dice.below(dice.chance(0.3) ? Math.min(20, bytes.length) : bytes.length)] ^= 1 << dice.below(8);
      return changed;
    },
  ],
  [3, 'cut off', (bytes, dice) => bytes.slice(0, dice.below(bytes.length + 1))],
  [1, 'bytes behind', (bytes, dice) => concat([bytes, dice.bytes(dice.between(1, 40))])],
  [1, 'zeroes behind', (bytes, dice) => concat([bytes, new Uint8Array(dice.between(1, 600))])],
  [
    1,
    'bytes missing',
    (bytes, dice) => {
      const from = dice.below(bytes.length);
      return concat([bytes.subarray(0, from), bytes.subarray(from + dice.between(1, 8))]);
    },
  ],
];

/** The capture compressed in some way, in a third of all cases damaged. @returns its bytes, and what was done */
export function compress(bytes: Uint8Array, dice: Dice): { bytes: Uint8Array; done: string } {
  const [name, wrap] =
    bytes.length > MOST_TAKEN_APART
      ? dice.pick([['gzip', gzip] as const, ['zstd', zstd] as const])
      : dice.weighted(WRAPS.map(([weight, ...choice]) => [weight, choice] as const));
  const wrapped = wrap(bytes, dice);
  if (!dice.chance(0.35)) return { bytes: wrapped, done: name };
  const [damage, change] = dice.weighted(DAMAGES.map(([weight, ...choice]) => [weight, choice] as const));
  return { bytes: change(wrapped, dice), done: `${name}, ${damage}` };
}
