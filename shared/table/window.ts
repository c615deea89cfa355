/**
 * Plans which rows go into which file. Files are windows of session start time, each with about a given number of rows
 * and none across midnight UTC.
 *
 * The windows are computed from exact counts per time slot, which add up to the same sums for any distribution of the
 * rows over runs: the same sessions give the same files with any partitions.
 */

/** Lengths that slots may have, microseconds: each divides the next, and the last is a day. */
const SLOT_LENGTHS = [10, 60, 600, 3600, 86_400].map((seconds) => seconds * 1e6);
/** Shortest length of a slot, microseconds. */
export const SLOT_US = SLOT_LENGTHS[0];
/** Most slots of a job, whatever times its captures have: 231 days of the shortest ones. */
const MOST_SLOTS = 2_000_000;
/** Length of a day, microseconds. */
const DAY_US = 86_400_000_000;

/** Length of the slots of a job whose sessions begin in [firstUs, lastUs]: the same for all its tasks. */
export function slotLength(firstUs: number, lastUs: number): number {
  return SLOT_LENGTHS.find((us) => (lastUs - firstUs) / us <= MOST_SLOTS) ?? DAY_US;
}

/** A planned file: sessions that start in [fromUs, toUs), and the number of rows. */
export interface Window {
  /** Day of the starts, YYYY-MM-DD, UTC. */
  day: string;
  /** Number of the file within the day, from 0. */
  part: number;
  fromUs: number;
  toUs: number;
  /** Exact unless a single slot had too many rows and was split; then an estimate. */
  rows: number;
}

/**
 * Count rows by the slot of their session start.
 *
 * @param order the rows to count, in order of their start
 * @returns slot number and count, alternating, in order of slots
 */
export function countStarts(startUs: Float64Array, order: Uint32Array, slotUs: number): number[] {
  const counts: number[] = [];
  for (let i = 0; i < order.length; i++) addStart(counts, startUs[order[i]], slotUs);
  return counts;
}

/** Count another row, whose session starts no earlier than those before. */
export function addStart(counts: number[], startUs: number, slotUs: number): void {
  const slot = Math.floor(startUs / slotUs);
  if (counts.length > 0 && counts[counts.length - 2] === slot) counts[counts.length - 1]++;
  else counts.push(slot, 1);
}

/** Add counts of some rows to those of others. @param per slots of `counts` in a slot of `sums` */
export function sumStarts(sums: Map<number, number>, counts: readonly number[], per = 1): void {
  for (let i = 0; i < counts.length; i += 2) {
    const slot = Math.floor(counts[i] / per);
    sums.set(slot, (sums.get(slot) ?? 0) + counts[i + 1]);
  }
}

/**
 * Split time into windows of at most `maxRows` rows each, by whole slots. A single slot with more rows is split into
 * equal lengths of time, as many as its count requires: the rows of each of these are not known before they are
 * written.
 *
 * @param sums rows by slot
 */
export function planWindows(sums: ReadonlyMap<number, number>, maxRows: number, slotUs: number): Window[] {
  const windows: Window[] = [];
  let open: Window | undefined;
  const begin = (fromUs: number, toUs: number, rows: number): Window => {
    const day = dayOf(fromUs);
    const before = windows.at(-1);
    const window = { day, part: before?.day === day ? before.part + 1 : 0, fromUs, toUs, rows };
    windows.push(window);
    return window;
  };
  for (const slot of Float64Array.from(sums.keys()).sort()) {
    const rows = sums.get(slot)!;
    const fromUs = slot * slotUs;
    if (rows > maxRows) {
      const pieces = Math.min(Math.ceil(rows / maxRows), slotUs);
      for (let i = 0; i < pieces; i++) {
        const cut = (n: number): number => fromUs + Math.floor((slotUs * n) / pieces);
        begin(cut(i), cut(i + 1), Math.ceil(rows / pieces));
      }
      open = undefined;
    } else if (open !== undefined && open.rows + rows <= maxRows && open.day === dayOf(fromUs)) {
      open.toUs = fromUs + slotUs;
      open.rows += rows;
    } else {
      open = begin(fromUs, fromUs + slotUs, rows);
    }
  }
  return windows;
}

/** The UTC day of a time in microseconds since 1970. */
export function dayOf(us: number): string {
  return new Date(Math.floor(us / DAY_US) * 86_400_000).toISOString().slice(0, 10);
}
