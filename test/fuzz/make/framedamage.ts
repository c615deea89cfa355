/**
 * Damage to the framing of a capture: bits, lengths, cuts, splices, pieces doubled, dropped and in another order, and
 * misuse of pcapng's sections and interfaces.
 */
import { block, concat, interfaceBlock, sectionHeader } from '../../capture/build.ts';
import type { Dice } from './dice.ts';
import { type Framing, framingOf, joined } from './framing.ts';

/** @param other another capture's bytes */
type Damage = (bytes: Uint8Array, dice: Dice, other: Uint8Array) => Uint8Array;

/** Applies a change to a copy of the pieces. */
function onPieces(change: (pieces: Uint8Array[], dice: Dice, other: Framing, own: Framing) => void): Damage {
  return (bytes, dice, other) => {
    const own = framingOf(bytes);
    if (own.pieces.length === 0) return bytes;
    const pieces = [...own.pieces];
    change(pieces, dice, framingOf(other), own);
    return joined(own, pieces);
  };
}

/** Offset of a length or number in a piece. */
function fieldOf(kind: Framing['kind'], dice: Dice): number {
  return kind === 'pcap' ? dice.pick([0, 4, 8, 8, 8, 12]) : dice.pick([0, 4, 4, 8, 8, 12, 20, 24]);
}

const putWord: Damage = onPieces((pieces, dice, _other, { kind, little }) => {
  const at = dice.below(pieces.length);
  const piece = pieces[at].slice();
  const field = fieldOf(kind, dice);
  if (field + 4 > piece.length) return;
  const view = new DataView(piece.buffer);
  const before = view.getUint32(field, little);
  const values = [
    before + dice.between(-5, 5),
    before * 2,
    before ^ (1 << dice.below(32)),
    dice.word(),
    262_144,
    262_145,
  ];
  view.setUint32(field, dice.pick(values) >>> 0, little);
  pieces[at] = piece;
});

const DAMAGES: [number, string, Damage][] = [
  [
    4,
    'bits flipped',
    (bytes, dice) => {
      const changed = bytes.slice();
      const reach = dice.chance(0.2) ? Math.min(64, bytes.length) : bytes.length;
      for (let flips = dice.between(1, 8); flips > 0 && reach > 0; flips--)
        changed[dice.below(reach)] ^= 1 << dice.below(8);
      return changed;
    },
  ],
  [6, 'a word of a header changed', putWord],
  [3, 'cut off', (bytes, dice) => bytes.slice(0, dice.below(bytes.length + 1))],
  [
    2,
    'bytes missing',
    (bytes, dice) => {
      const from = dice.below(bytes.length + 1);
      return concat([bytes.subarray(0, from), bytes.subarray(from + dice.pick([1, 2, 4, 16, 100]))]);
    },
  ],
  [
    2,
    'bytes put in',
    (bytes, dice) => {
      const at = dice.below(bytes.length + 1);
      const count = dice.pick([1, 3, 16, 200]);
      return concat([
        bytes.subarray(0, at),
        dice.chance(0.3) ? new Uint8Array(count) : dice.bytes(count),
        bytes.subarray(at),
      ]);
    },
  ],
  [
    1,
    'zeroes over it',
    (bytes, dice) => {
      const changed = bytes.slice();
      const from = dice.below(bytes.length + 1);
      return changed.fill(0, from, from + dice.pick([4, 16, 64, 1000]));
    },
  ],
  [1, 'zeroes behind it', (bytes, dice) => concat([bytes, new Uint8Array(dice.pick([1, 16, 512, 4096]))])],
  [
    2,
    'a piece doubled',
    onPieces((pieces, dice) => void pieces.splice(dice.below(pieces.length), 0, dice.pick(pieces))),
  ],
  [1, 'a piece dropped', onPieces((pieces, dice) => void pieces.splice(dice.below(pieces.length), 1))],
  [1, 'the pieces turned round', onPieces((pieces) => void pieces.reverse())],
  [
    2,
    'two pieces exchanged',
    onPieces((pieces, dice) => {
      const [a, b] = [dice.below(pieces.length), dice.below(pieces.length)];
      [pieces[a], pieces[b]] = [pieces[b], pieces[a]];
    }),
  ],
  [
    3,
    'pieces of another capture put in',
    onPieces((pieces, dice, other) => {
      const from = dice.below(other.pieces.length + 1);
      pieces.splice(dice.below(pieces.length + 1), 0, ...other.pieces.slice(from, from + dice.between(1, 5)));
    }),
  ],
  [1, 'another capture behind it', (bytes, _dice, other) => concat([bytes, other])],
  [
    2,
    'a section begun in the middle',
    onPieces((pieces, dice) => {
      pieces.splice(dice.below(pieces.length + 1), 0, sectionHeader(dice.chance(0.5)));
    }),
  ],
  [
    2,
    'interfaces described anew',
    onPieces((pieces, dice, _other, { little }) => {
      const one = interfaceBlock(
        {
          linkType: dice.pick([1, 101, 0, 113, 65_535]),
          snaplen: dice.word(),
          tsresol: dice.below(256),
          tsoffset: dice.pick([0, 1, -1, 1e9, -1e9, 2 ** 52, -(2 ** 52)]),
        },
        !little,
      );
      const count = dice.pick([1, 2, 300, 3000]);
      pieces.splice(dice.below(pieces.length + 1), 0, concat(Array.from({ length: count }, () => one)));
    }),
  ],
  [
    1,
    'a long list of options',
    onPieces((pieces, dice, _other, { little }) => {
      // Options of an interface: code, length, value; the last may claim more than there is.
      const options = concat([
        new Uint8Array(8),
        ...Array.from({ length: dice.pick([1, 50, 5000]) }, () => dice.bytes(8)),
      ]);
      pieces.splice(dice.below(pieces.length + 1), 0, block(dice.pick([1, 6, 5, 0x0a0d0d0a]), options, !little));
    }),
  ],
  [
    1,
    'another type of block',
    onPieces((pieces, dice, _other, { little }) => {
      const at = dice.below(pieces.length);
      const piece = pieces[at].slice();
      if (piece.length < 4) return;
      new DataView(piece.buffer).setUint32(0, dice.pick([0, 1, 2, 3, 4, 6, 11, 0x0a0d0d0a, 0x80000000]), little);
      pieces[at] = piece;
    }),
  ],
];

/** One kind of damage done to a capture. @returns its bytes, and what was done */
export function damageFraming(bytes: Uint8Array, dice: Dice, other: Uint8Array): { bytes: Uint8Array; done: string } {
  const [done, damage] = dice.weighted(DAMAGES.map(([weight, name, change]) => [weight, [name, change] as const]));
  return { bytes: damage(bytes, dice, other), done };
}
