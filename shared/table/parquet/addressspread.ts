/**
 * Estimates the number of distinct addresses in a row group. DuckDB writes bloom filters only for columns with
 * dictionaries, and has one dictionary limit for all columns of a file: if it is too low, a scanned network has no
 * filters; if it is too high, every column of unique values has a useless dictionary (measured: a quarter more bytes
 * and a third more time). So the limit is what the addresses need.
 */
import { KEY_ADDR_A, KEY_ADDR_B, KEY_FLAG_V6, KEY_PROTO, KEY_WORDS } from '../../packet/flow/flowtable.ts';
import type { SessionRows } from '../../session/rows/sessionrows.ts';
import { DEFAULT_DICTIONARY_LIMIT, ROW_GROUP_ROWS } from './parquetfile.ts';

/** Addresses that share a mark are counted once: of 100,352 addresses on 2^22 marks about 1.2 %. */
const SHARED_MARKS = 1.03;
/** Bits of the number of marks in a map. */
const MAP_BITS = 22;

/**
 * A limit on dictionaries under which both address columns have one in every row group.
 *
 * @param rows flow keys and directions
 * @param order the rows in the order in which they are written
 */
export function addressDictionaryLimit(rows: Pick<SessionRows, 'key' | 'origIsB'>, order: Uint32Array): number {
  const { key, origIsB } = rows;
  // So few rows cannot exceed the default limit.
  if (Math.ceil(order.length * SHARED_MARKS) <= DEFAULT_DICTIONARY_LIMIT) return DEFAULT_DICTIONARY_LIMIT;
  const origs = new Uint32Array(1 << (MAP_BITS - 5));
  const resps = new Uint32Array(1 << (MAP_BITS - 5));
  let most = 0;
  for (let from = 0; from < order.length; from += ROW_GROUP_ROWS) {
    origs.fill(0);
    resps.fill(0);
    let origCount = 0;
    let respCount = 0;
    const to = Math.min(from + ROW_GROUP_ROWS, order.length);
    for (let i = from; i < to; i++) {
      const row = order[i];
      const at = row * KEY_WORDS;
      const family = key[at + KEY_PROTO] & KEY_FLAG_V6;
      const fromB = origIsB[row] === 1;
      origCount += mark(origs, key, at + (fromB ? KEY_ADDR_B : KEY_ADDR_A), family);
      respCount += mark(resps, key, at + (fromB ? KEY_ADDR_A : KEY_ADDR_B), family);
    }
    most = Math.max(most, origCount, respCount);
  }
  const limit = Math.min(Math.ceil(most * SHARED_MARKS), ROW_GROUP_ROWS);
  return Math.max(limit, DEFAULT_DICTIONARY_LIMIT);
}

/** Mark the address whose four words stand at `at`: 1 if its mark is new, else 0. */
function mark(map: Uint32Array, key: Uint32Array, at: number, family: number): number {
  let h = family;
  for (let i = 0; i < 4; i++) {
    h = Math.imul(h ^ key[at + i], 0xcc9e2d51);
    h ^= h >>> 15;
    h = Math.imul(h, 0x85ebca6b);
    h ^= h >>> 13;
  }
  h >>>= 32 - MAP_BITS;
  const bit = 1 << (h & 31);
  if ((map[h >>> 5] & bit) !== 0) return 0;
  map[h >>> 5] |= bit;
  return 1;
}
