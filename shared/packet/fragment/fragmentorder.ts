/** The order in which fragments are joined: by datagram, then time, from the outermost tunnel inwards. */
import { END_WORDS, type FragmentColumns } from '../fragmentcolumns.ts';

/** Order of the join keys of two rows: negative, 0 for the same datagram key, positive. A total order. */
export function compareFragmentKeys(a: FragmentColumns, i: number, b: FragmentColumns, j: number): number {
  let difference = a.depth[i] - b.depth[j] || a.keyProto[i] - b.keyProto[j];
  for (let w = 0; w < END_WORDS && difference === 0; w++)
    difference = a.ends[i * END_WORDS + w] - b.ends[j * END_WORDS + w];
  return (
    difference ||
    a.id[i] - b.id[j] ||
    a.vlan[i] - b.vlan[j] ||
    a.innerVlan[i] - b.innerVlan[j] ||
    a.network[i] - b.network[j]
  );
}

/**
 * The runs of equal depth in an order of sortedFragmentOrder. Fragments are joined depth by depth, from the outermost
 * inwards: a fragment inside a joined datagram may belong with fragments that were captured directly.
 */
export function* byDepth(
  columns: FragmentColumns,
  order: Uint32Array,
): Generator<{ depth: number; order: Uint32Array }> {
  for (let at = 0; at < order.length; ) {
    const start = at;
    const depth = columns.depth[order[start]];
    while (at < order.length && columns.depth[order[at]] === depth) at++;
    yield { depth, order: order.subarray(start, at) };
  }
}

/**
 * Row numbers [from, to) in the order that a FragmentJoiner requires: key, time, rank of the capture, offset.
 *
 * @param ranks rank by capture number; without it the numbers are ranks
 */
export function sortedFragmentOrder(
  columns: FragmentColumns,
  from = 0,
  to = columns.length,
  ranks: ArrayLike<number> | null = null,
): Uint32Array {
  const order = new Uint32Array(to - from);
  for (let at = 0; at < order.length; at++) order[at] = from + at;
  const rank = (row: number): number => (ranks === null ? columns.capture[row] : ranks[columns.capture[row]]);
  return order.sort(
    (i, j) =>
      compareFragmentKeys(columns, i, columns, j) ||
      columns.us[i] - columns.us[j] ||
      columns.ns[i] - columns.ns[j] ||
      rank(i) - rank(j) ||
      columns.offset[i] - columns.offset[j],
  );
}
