/** Finds equal values for dictionaries: open addressing over places, in memory that is used again. */
import { roomFor } from './groupcolumn.ts';

/** Values that are looked at before a column of mostly different ones is given up. */
const LOOKED_AT = 4096;
/** Part of those that may be different. */
const MOST_DIFFERENT = 0.75;

let table = new Int32Array(0);
let allPlaces = new Uint32Array(0);
let allFirsts = new Uint32Array(0);

/**
 * Number the different ones among `count` values, in the order in which they first appear.
 *
 * @param most different values beyond which there is no dictionary
 * @param hash of a value
 * @param same whether value i equals value j
 * @returns the place of each value, and the first value of each place, both until the next call; undefined when there
 *   are too many
 */
export function numbered(
  count: number,
  most: number,
  hash: (i: number) => number,
  same: (i: number, j: number) => boolean,
): { places: Uint32Array; firsts: Uint32Array } | undefined {
  const bits = Math.ceil(Math.log2(Math.max(2, Math.min(count, most + 1) * 2)));
  const size = 2 ** bits;
  if (table.length < size) table = new Int32Array(size);
  table.fill(-1, 0, size);
  const mask = size - 1;
  if (allPlaces.length < count) {
    allPlaces = new Uint32Array(roomFor(count));
    allFirsts = new Uint32Array(roomFor(count));
  }
  const places = allPlaces;
  const firsts = allFirsts;
  let different = 0;
  for (let i = 0; i < count; i++) {
    let at = hash(i) & mask;
    let place = table[at];
    while (place >= 0 && !same(firsts[place], i)) {
      at = (at + 1) & mask;
      place = table[at];
    }
    if (place < 0) {
      if (different === most) return undefined;
      place = different++;
      table[at] = place;
      firsts[place] = i;
      if (different > LOOKED_AT * MOST_DIFFERENT && i < LOOKED_AT && count > LOOKED_AT * 2) return undefined;
    }
    places[i] = place;
  }
  return { places: places.subarray(0, count), firsts: firsts.subarray(0, different) };
}
