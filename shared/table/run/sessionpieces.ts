/**
 * Splits the sessions of windows with more rows than a file into pieces of exact size, in the order of the table. All
 * sessions of an hour may start at one microsecond, so they cannot be split by time alone.
 *
 * Runs are sorted, so the rows of a piece are one range of each. A first pass over the sort keys (22 bytes a row, one
 * batch of each run in memory) finds the ends of the ranges, a second one copies whole rows. Which session goes into
 * which piece depends on the sessions alone, not on the runs.
 */
import { Heap } from '../../algorithm/heap.ts';
import type { SessionRows } from '../../session/rows/sessionrows.ts';
import { compareStarts, type StartColumns } from '../startorder.ts';
import { decodeSessionRows, decodeSessionStarts, lowerBound, type RunBatch } from './sessionrun.ts';
import type { Spool } from './spool.ts';

/** Position of the first pass in one run. */
interface RunReader {
  batches: readonly RunBatch[];
  /** The batch it is in, and what orders its rows. */
  batch: number;
  starts: StartColumns;
  row: number;
  /** Where the piece begins. */
  fromBatch: number;
  fromRow: number;
}

export class SessionPieces {
  private readonly spool: Spool<RunBatch>;
  /** All runs; those with rows left are also in the heap. */
  private readonly cursors: RunReader[] = [];
  private readonly heap = new Heap(before);

  /** @param fromUs rows that start earlier are skipped */
  constructor(spool: Spool<RunBatch>, fromUs: number) {
    this.spool = spool;
    for (const batches of spool.runs) {
      const batch = batches.findIndex(({ lastUs }) => lastUs >= fromUs);
      if (batch < 0) continue;
      const starts = decodeSessionStarts(spool.read(batches[batch]), batches[batch]);
      const row = lowerBound(starts.startUs, fromUs);
      const cursor = { batches, batch, starts, row, fromBatch: batch, fromRow: row };
      this.cursors.push(cursor);
      this.heap.push(cursor);
    }
  }

  /** Fills `into`, which is empty, with the next rows that start before `toUs`: all of them, or as many as fit. */
  take(into: SessionRows, toUs: number): void {
    const { items } = this.heap;
    for (let left = into.capacity; left > 0 && items.length > 0; left--) {
      const { starts, row } = items[0];
      if (starts.startUs[row] >= toUs) break;
      this.step();
    }
    for (const cursor of this.cursors) this.move(cursor, into);
  }

  /** Advances by one row, in the run whose row comes first. */
  private step(): void {
    const { heap } = this;
    const top = heap.items[0];
    if (++top.row === top.starts.length) {
      top.batch++;
      top.row = 0;
      if (top.batch < top.batches.length) {
        const range = top.batches[top.batch];
        top.starts = decodeSessionStarts(this.spool.read(range), range);
      } else {
        heap.shift();
        return;
      }
    }
    heap.settle();
  }

  /** Appends the rows of a run that the first pass has covered since the last call. */
  private move(cursor: RunReader, into: SessionRows): void {
    for (; cursor.fromBatch < cursor.batch || cursor.fromRow < cursor.row; cursor.fromBatch++, cursor.fromRow = 0) {
      const range = cursor.batches[cursor.fromBatch];
      const to = cursor.fromBatch < cursor.batch ? range.rows : cursor.row;
      decodeSessionRows(this.spool.read(range), range, into, cursor.fromRow, to);
      if (cursor.fromBatch === cursor.batch) break;
    }
    cursor.fromRow = cursor.row;
  }
}

function before(a: RunReader, b: RunReader): boolean {
  return compareStarts(a.starts, a.row, b.starts, b.row) < 0;
}
