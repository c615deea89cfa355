/**
 * Which rows go into which file. Files are windows of session start time, cut so
 * that each holds about a given number of rows and none crosses midnight UTC.
 *
 * The cuts come from exact counts per slot of time, which add up to the same sums
 * however the rows lie in runs: the same sessions give the same files whatever the
 * partitions were.
 */

/** Length of a slot, microseconds. */
export const SLOT_US = 10_000_000;
/** Length of a day, microseconds; a whole number of slots. */
const DAY_US = 86_400_000_000;

/** One file to be: sessions that start in [fromUs, toUs), and how many rows that is. */
export interface Window {
  /** Day of the starts, YYYY-MM-DD, UTC. */
  day: string;
  /** Number of the file within the day, from 0. */
  part: number;
  fromUs: number;
  toUs: number;
  /** Exact unless one slot alone was too many rows and was cut; then an estimate. */
  rows: number;
}

/**
 * Count rows by the slot of their session start.
 *
 * @param order the rows that count, in order of their start
 * @returns slot number and count, alternating, in order of slots
 */
export function countStarts(startUs: Float64Array, order: Uint32Array): number[] {
  const counts: number[] = [];
  for (let i = 0; i < order.length; i++) addStart(counts, startUs[order[i]]);
  return counts;
}

/** Count one row more, whose session starts no earlier than those before. */
export function addStart(counts: number[], startUs: number): void {
  const slot = Math.floor(startUs / SLOT_US);
  if (counts.length > 0 && counts[counts.length - 2] === slot) counts[counts.length - 1]++;
  else counts.push(slot, 1);
}

/**
 * Cut time into windows of at most `maxRows` rows each, by whole slots. A slot
 * that holds more by itself is cut into equal lengths of time, as many as its
 * count asks for; a single session's packets are never cut.
 *
 * @param runs the `starts` of all runs
 */
export function planWindows(runs: Iterable<readonly number[]>, maxRows: number): Window[] {
  const sums = new Map<number, number>();
  for (const starts of runs)
    for (let i = 0; i < starts.length; i += 2) sums.set(starts[i], (sums.get(starts[i]) ?? 0) + starts[i + 1]);
  const windows: Window[] = [];
  let open: Window | undefined;
  const begin = (fromUs: number, toUs: number, rows: number): Window => {
    const day = dayOf(fromUs);
    const before = windows.at(-1);
    const window = { day, part: before?.day === day ? before.part + 1 : 0, fromUs, toUs, rows };
    windows.push(window);
    return window;
  };
  for (const slot of [...sums.keys()].sort((a, b) => a - b)) {
    const rows = sums.get(slot)!;
    const fromUs = slot * SLOT_US;
    if (rows > maxRows) {
      const pieces = Math.min(Math.ceil(rows / maxRows), SLOT_US);
      for (let i = 0; i < pieces; i++) {
        const cut = (n: number): number => fromUs + Math.floor((SLOT_US * n) / pieces);
        begin(cut(i), cut(i + 1), Math.ceil(rows / pieces));
      }
      open = undefined;
    } else if (open !== undefined && open.rows + rows <= maxRows && open.day === dayOf(fromUs)) {
      open.toUs = fromUs + SLOT_US;
      open.rows += rows;
    } else {
      open = begin(fromUs, fromUs + SLOT_US, rows);
    }
  }
  return windows;
}

/** The UTC day of a time in microseconds since 1970. */
export function dayOf(us: number): string {
  return new Date(Math.floor(us / DAY_US) * 86_400_000).toISOString().slice(0, 10);
}
