/**
 * Cuts the packet time of a job into intervals. Pure planning on the times and rows of shards.
 *
 * Borders are found greedily from the beginning: one lies where a shard begins, as soon as the shards since the last one
 * have enough rows, or are enough. So shards that come later in time never move a border. Where the data set has borders
 * already they are kept: an interval that is made again then costs no more than it did before.
 */

/** What the cut must know of a shard. */
export interface CutShard {
  firstUs: number;
  rows: number;
}

/** When an interval is large enough. */
export interface IntervalSize {
  rows: number;
  shards: number;
}

/**
 * Borders that are kept at the end of those that a data set has, where intervals are made again. Those before are dropped
 * where the intervals between them are small: a data set that grew by small batches is cut anew where one comes late.
 */
const KEPT_BORDERS = 16;

/**
 * The ends of the intervals from `fromUs` on, whole microseconds, in order. The last one is behind `endUs`.
 *
 * @param shards in order of their first time
 * @param endUs time of the last packet; nothing is cut when it is before `fromUs`
 * @param borders ends of intervals that the data set has, and where what it has not begins, in order
 */
export function cutIntervals(
  shards: readonly CutShard[],
  fromUs: number,
  endUs: number,
  size: IntervalSize,
  borders: readonly number[] = [],
): number[] {
  const ends: number[] = [];
  if (endUs < fromUs) return ends;
  const old = borders.filter((border) => border > fromUs && border <= endUs);
  const kept = old.slice(-KEPT_BORDERS);
  let next = 0;
  let begin = fromUs;
  let rows = 0;
  let count = 0;
  const end = (us: number): void => {
    ends.push(us);
    begin = us;
    rows = 0;
    count = 0;
  };
  for (const shard of shards) {
    if (shard.firstUs < fromUs) continue;
    while (next < kept.length && kept[next] <= shard.firstUs) {
      // No shard began since the last border: nothing, or little, is between.
      if (kept[next] > begin && count > 0) end(kept[next]);
      next++;
    }
    if ((rows >= size.rows || count >= size.shards) && shard.firstUs > begin) end(shard.firstUs);
    rows += shard.rows;
    count++;
  }
  for (; next < kept.length; next++) if (kept[next] > begin && count > 0) end(kept[next]);
  ends.push(endUs + 1);
  return ends;
}
