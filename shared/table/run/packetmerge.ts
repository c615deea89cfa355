/**
 * Merges packet runs into the order of the packets table: sessions by (start, uid), and inside a session the runs one
 * after the other, which is the order of time. Processes whole sessions of a batch at a time, with one decoded batch
 * for each run that has been reached.
 */

import { Heap } from '../../algorithm/heap.ts';
import { PACKETS } from '../packets.ts';
import { CHUNK_ROWS } from '../parquet/chunk.ts';
import type { ParquetContent } from '../parquet/parquetfile.ts';
import { chunkSource } from '../parquet/tablefile.ts';
import { compareStarts } from '../startorder.ts';
import type { FlippedSessions } from './flippedsessions.ts';
import { decodePacketBatch, type PacketRunBatch, SessionPackets } from './packetrun.ts';
import type { Spool } from './spool.ts';

/** Position of the merge in one run. */
interface BatchReader {
  /** Place of the run in the list: earlier runs hold earlier packets of a session. */
  run: number;
  batches: readonly PacketRunBatch[];
  /** The batch to load next. */
  next: number;
  /** The loaded batch, undefined when the next one is still to be loaded. */
  batch: SessionPackets | undefined;
  row: number;
}

/** Fills chunks of the packets table from spooled runs, file after file. */
export class PacketMerge {
  private readonly spool: Spool<PacketRunBatch>;
  private readonly flipped: FlippedSessions;
  private readonly fromUs: number;
  private readonly heap = new Heap(before);
  /** Of the file that is being filled: where the window ends, and rows that there is room for. */
  private toUs = Number.NEGATIVE_INFINITY;
  private room = 0;

  /** @param fromUs packets of sessions that start earlier are skipped */
  constructor(spool: Spool<PacketRunBatch>, flipped: FlippedSessions, fromUs: number) {
    this.spool = spool;
    this.flipped = flipped;
    this.fromUs = fromUs;
    for (const [run, batches] of spool.runs.entries())
      this.heap.push({ run, batches, next: 0, batch: undefined, row: 0 });
  }

  /** Whether packets of a session that starts before `toUs` are left. */
  hasRowsBefore(toUs: number): boolean {
    const { items } = this.heap;
    while (items.length > 0) {
      const top = items[0];
      if (startOf(top) >= toUs) return false;
      if (top.batch !== undefined && startOf(top) >= this.fromUs) return true;
      if (top.batch === undefined) this.load(top);
      else this.passOver(top, top.batch);
      this.settle(top);
    }
    return false;
  }

  /**
   * Begins a file: of packets of sessions that start before `toUs`, at most `mostRows`.
   *
   * @param captureName for ranks in `ranksBefore(toUs)`
   * @returns the source of its rows
   */
  begin(toUs: number, mostRows: number, captureName: (rank: number) => string): ParquetContent {
    this.toUs = toUs;
    this.room = mostRows;
    const { lowest, highest } = this.ranksBefore(toUs);
    const names: string[] = [];
    for (let rank = lowest; rank <= highest; rank++) names.push(captureName(rank));
    const rows = new SessionPackets(Math.min(mostRows, CHUNK_ROWS));
    const chunk = { rows, captureNames: names, lowestCapture: lowest };
    return chunkSource(PACKETS, chunk, () => this.next(rows));
  }

  /** Lowest and highest rank of a capture in the remaining batches that begin before `toUs`. */
  ranksBefore(toUs: number): { lowest: number; highest: number } {
    let lowest = Number.POSITIVE_INFINITY;
    let highest = -1;
    for (const { batches, batch, next } of this.heap.items)
      for (let i = batch === undefined ? next : next - 1; i < batches.length && batches[i].firstUs < toUs; i++) {
        lowest = Math.min(lowest, batches[i].firstCapture);
        highest = Math.max(highest, batches[i].lastCapture);
      }
    return { lowest, highest };
  }

  /** Rows of the remaining batches that begin before `toUs`: no fewer than the file will have. */
  rowsBefore(toUs: number): number {
    let rows = 0;
    for (const { batches, batch, next } of this.heap.items)
      for (let i = batch === undefined ? next : next - 1; i < batches.length && batches[i].firstUs < toUs; i++)
        rows += batches[i].rows;
    return rows;
  }

  /** Fills `chunk` with the file's next rows. @returns how many there are, 0 at the file's end */
  private next(chunk: SessionPackets): number {
    chunk.clear();
    const { items } = this.heap;
    while (!chunk.full && this.room > 0 && items.length > 0) {
      const top = items[0];
      if (startOf(top) >= this.toUs) break;
      if (top.batch === undefined) this.load(top);
      else if (startOf(top) < this.fromUs) this.passOver(top, top.batch);
      else this.takeSession(top, top.batch, chunk);
      this.settle(top);
    }
    return chunk.length;
  }

  /** Restores the heap after its first cursor has moved, or removes it at its run's end. */
  private settle(top: BatchReader): void {
    if (top.batch === undefined && top.next === top.batches.length) this.heap.shift();
    else this.heap.settle();
  }

  private load(cursor: BatchReader): void {
    const range = cursor.batches[cursor.next++];
    cursor.batch = decodePacketBatch(this.spool.read(range), range);
    cursor.row = 0;
  }

  /** Skip the rows of a batch that belong to sessions which start too early. */
  private passOver(cursor: BatchReader, batch: SessionPackets): void {
    while (cursor.row < batch.length && batch.startUs[cursor.row] < this.fromUs) cursor.row++;
    if (cursor.row === batch.length) cursor.batch = undefined;
  }

  /** Take the rows of one session from a cursor's batch, as far as chunk and file have room. */
  private takeSession(cursor: BatchReader, batch: SessionPackets, chunk: SessionPackets): void {
    const first = cursor.row;
    const most = Math.min(batch.length, first + this.room, first + chunk.capacity - chunk.length);
    const origIsB = this.flipped.directionOf(batch, first) ?? batch.origIsB[first];
    let row = first + 1;
    while (row < most && compareStarts(batch, row, batch, first) === 0) row++;
    chunk.origIsB.fill(origIsB, chunk.pushRows(batch, first, row), chunk.length);
    this.room -= row - first;
    cursor.row = row;
    if (row === batch.length) cursor.batch = undefined;
  }
}

/** Start of the session that a cursor has next; where its batch is still to be loaded, none earlier. */
function startOf({ batch, row, batches, next }: BatchReader): number {
  return batch === undefined ? batches[next].firstUs : batch.startUs[row];
}

/**
 * Whether cursor `a` comes before `b`. At equal times one with a batch still to load comes first, as its content is not
 * known.
 */
function before(a: BatchReader, b: BatchReader): boolean {
  if (a.batch !== undefined && b.batch !== undefined) {
    const order = compareStarts(a.batch, a.row, b.batch, b.row);
    return order < 0 || (order === 0 && a.run < b.run);
  }
  const aUs = startOf(a);
  const bUs = startOf(b);
  if (aUs !== bUs) return aUs < bUs;
  return a.batch === undefined && (b.batch !== undefined || a.run < b.run);
}
