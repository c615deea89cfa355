/**
 * Merging packet runs into the order of the packets table: sessions by (start,
 * uid), and inside a session the runs one after the other, which is time. Works on
 * whole sessions of a batch at a time, with one decoded batch per run that has
 * been reached.
 */
import { UID_BYTES } from '../session/sessionrows.ts';
import { uidText } from '../session/uid.ts';
import { CHUNK_ROWS, ChoiceColumn, type ChunkColumn } from './chunk.ts';
import { compareStarts } from './order.ts';
import { decodePacketBatch, type PacketBatch } from './packetrun.ts';
import { PacketChunk } from './packets.ts';
import type { Spool, SpooledBatch } from './spool.ts';

/** Where the merge stands in one run. */
interface Cursor {
  /** Place of the run in the list: earlier runs hold earlier packets of a session. */
  run: number;
  batches: readonly SpooledBatch[];
  /** The batch to load next. */
  next: number;
  /** The loaded batch, undefined when the next one is still to be loaded. */
  batch: PacketBatch | undefined;
  row: number;
}

/** What decides which rows are merged and how they read. */
export interface MergeOptions {
  /** Sessions that start in [fromUs, toUs). */
  fromUs: number;
  toUs: number;
  captureName(rank: number): string;
  /** uid to the last value of origIsB, for sessions that turned after rows of theirs had been written. */
  turned: ReadonlyMap<string, number>;
}

/** Fills chunks of the packets table from spooled runs. */
export class PacketMerge {
  readonly columns: readonly ChunkColumn[];
  private readonly chunk: PacketChunk;
  private readonly spool: Spool;
  private readonly options: MergeOptions;
  private readonly lowestCapture: number;
  /** Binary heap, the cursor that comes first at the top. */
  private readonly heap: Cursor[];

  constructor(spool: Spool, options: MergeOptions) {
    this.spool = spool;
    this.options = options;
    let lowest = Number.POSITIVE_INFINITY;
    let highest = -1;
    for (const batches of spool.runs) {
      for (const batch of batches) {
        lowest = Math.min(lowest, batch.firstCapture);
        highest = Math.max(highest, batch.lastCapture);
      }
    }
    const names: string[] = [];
    for (let rank = lowest; rank <= highest; rank++) names.push(options.captureName(rank));
    this.lowestCapture = lowest;
    this.chunk = new PacketChunk(new ChoiceColumn(names));
    this.columns = this.chunk.columns;
    this.heap = spool.runs.map((batches, run) => ({ run, batches, next: 0, batch: undefined, row: 0 }));
    for (let i = (this.heap.length >>> 1) - 1; i >= 0; i--) this.sink(i);
  }

  /** Fill the next chunk; the number of rows in it, 0 at the end. */
  fill(): number {
    let count = 0;
    while (count < CHUNK_ROWS && this.heap.length > 0) {
      const top = this.heap[0];
      if (top.batch === undefined) this.load(top);
      else count = this.takeSession(top, top.batch, count);
      if (top.batch === undefined && top.next === top.batches.length) {
        const last = this.heap.pop()!;
        if (last !== top) this.heap[0] = last;
      }
      this.sink(0);
    }
    return count;
  }

  private load(cursor: Cursor): void {
    const range = cursor.batches[cursor.next++];
    cursor.batch = decodePacketBatch(this.spool.read(range), range);
    cursor.row = 0;
  }

  /** Take the rows of one session from a cursor's batch, as far as the chunk has room. */
  private takeSession(cursor: Cursor, batch: PacketBatch, count: number): number {
    const first = cursor.row;
    let row = first;
    const startUs = batch.startUs[first];
    const wanted = startUs >= this.options.fromUs && startUs < this.options.toUs;
    const origIsB = this.orientation(batch, first);
    do {
      if (wanted) {
        if (count === CHUNK_ROWS) break;
        this.chunk.put(count++, batch, row, origIsB, batch.capture[row] - this.lowestCapture);
      }
      row++;
    } while (row < batch.rows && compareStarts(batch, row, batch, first) === 0);
    cursor.row = row;
    if (row === batch.rows) cursor.batch = undefined;
    return count;
  }

  private orientation(batch: PacketBatch, row: number): number {
    const { turned } = this.options;
    const last = turned.size === 0 ? undefined : turned.get(uidText(batch.uid, row * UID_BYTES));
    return last ?? batch.origIsB[row];
  }

  private sink(at: number): void {
    const { heap } = this;
    for (;;) {
      const left = at * 2 + 1;
      if (left >= heap.length) return;
      const child = left + 1 < heap.length && before(heap[left + 1], heap[left]) ? left + 1 : left;
      if (!before(heap[child], heap[at])) return;
      [heap[at], heap[child]] = [heap[child], heap[at]];
      at = child;
    }
  }
}

/** Whether cursor `a` is to be served before `b`. One that has yet to load goes first at equal times: what it holds is not known. */
function before(a: Cursor, b: Cursor): boolean {
  if (a.batch !== undefined && b.batch !== undefined) {
    const order = compareStarts(a.batch, a.row, b.batch, b.row);
    return order < 0 || (order === 0 && a.run < b.run);
  }
  const aUs = a.batch === undefined ? a.batches[a.next].firstUs : a.batch.startUs[a.row];
  const bUs = b.batch === undefined ? b.batches[b.next].firstUs : b.batch.startUs[b.row];
  if (aUs !== bUs) return aUs < bUs;
  return a.batch === undefined && (b.batch !== undefined || a.run < b.run);
}
