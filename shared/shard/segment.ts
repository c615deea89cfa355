/**
 * Reads a segment: one partition's rows inside one shard. A segment of one bucket is stored in time order and is read
 * block by block; one of several buckets is read whole and sorted by time.
 */
import { RecordBatchReader } from 'apache-arrow';
import { rowsByTime, sortRows } from '../algorithm/roworder.ts';
import { PacketColumns } from '../packet/columns.ts';
import type { FlowTable } from '../packet/flow/flowtable.ts';
import { checkRanges } from '../store/checkedrange.ts';
import { BatchDecoder } from './batchdecoder.ts';
import { SCHEMA_BYTES } from './shardschema.ts';
import { type BatchPlace, compareRecords } from './shardwriter.ts';

/** Average moves a row in an insertion sort of ties above which a merge sort is faster. */
const TIE_MOVES = 8;

/** Reads bytes [start, end) of the object that holds a segment. */
export type ReadRange = (start: number, end: number) => Promise<Uint8Array>;

/** One partition's rows inside one shard. */
export interface Segment {
  /** The object's name in errors. */
  key: string;
  read: ReadRange;
  /** The shard's base time, whole microseconds. */
  baseUs: number;
  /** All rows of the segment are in [firstUs, lastUs]. */
  firstUs: number;
  lastUs: number;
  /** Rows [from, to) of the shard. */
  from: number;
  to: number;
  /** The batches that hold these rows, adjoining, in order. */
  batches: BatchPlace[];
  /** Rank of each capture of the shard, or LEFT_OUT; null when the rows hold ranks already. */
  captures: ArrayLike<number> | null;
  /** True when all rows are of one bucket, hence in time order. */
  oneBucket: boolean;
  /** Starts the first read ahead, where reads have high latency. */
  prefetch?(): void;
}

/** Bytes of a segment's first read. */
export function firstReadBytes({ batches, oneBucket }: Segment): number {
  return batches[oneBucket ? 0 : batches.length - 1].end - batches[0].start;
}

/**
 * A reader of a segment that reads ahead: the first block when `prefetch` is called, and each further block when the
 * one before it is read.
 */
export function readingAhead(segment: Segment, read: ReadRange): Pick<Segment, 'read' | 'prefetch'> {
  const { batches, oneBucket } = segment;
  const early = new Map<number, Promise<Uint8Array>>();
  const begin = (start: number, end: number): void => {
    const bytes = read(start, end);
    // The read of this block gets the error; until then it must not count as unhandled.
    bytes.catch(() => undefined);
    early.set(start, bytes);
  };
  return {
    prefetch: () => {
      const [{ start }] = batches;
      if (!early.has(start)) begin(start, start + firstReadBytes(segment));
    },
    read: (start, end) => {
      const bytes = early.get(start) ?? read(start, end);
      early.delete(start);
      const next = oneBucket ? batches.find((batch) => batch.start >= end) : undefined;
      if (next !== undefined) begin(next.start, next.end);
      return bytes;
    },
  };
}

/**
 * Memory of an open segment other than its rows, counted as rows: a reader and Arrow's view of a batch are some 10 KB.
 */
const SEGMENT_ROWS = 150;

/** Rows that reading the segment keeps in memory at once, including its overhead. */
export function openRows(segment: Segment): number {
  const rows = segment.to - segment.from;
  if (!segment.oneBucket) return SEGMENT_ROWS + rows;
  let largest = 0;
  for (const batch of segment.batches) if (batch.rows > largest) largest = batch.rows;
  return SEGMENT_ROWS + Math.min(rows, largest);
}

/** The segment's rows in the order of compareRecords: `columns` row by row through `order`. */
export class SegmentReader {
  private readonly segment: Segment;
  private readonly decoder: BatchDecoder;
  private nextBatch = 0;
  private rows: Uint32Array = new Uint32Array(0);
  private sorted = true;
  readonly columns: PacketColumns;
  /** Current place and end of the current block. */
  private at = 0;
  private end = 0;

  /** @param columns to work in; their content is overwritten */
  constructor(segment: Segment, flows: FlowTable, columns = new PacketColumns(0)) {
    this.segment = segment;
    this.columns = columns;
    this.decoder = new BatchDecoder(flows, segment.baseUs, segment.captures);
  }

  /** Row of `columns` that comes next; only while `exhausted` is false. */
  get row(): number {
    return this.sorted ? this.at : this.rows[this.at];
  }

  /** True when the current block is used up and `fill` must be called. */
  get exhausted(): boolean {
    return this.at === this.end;
  }

  /** Rows of captures that are left out, among those read so far. */
  get leftOut(): number {
    return this.decoder.leftOut;
  }

  step(): void {
    this.at++;
  }

  /** Loads the next block. @returns false when the segment has ended */
  async fill(): Promise<boolean> {
    const { segment } = this;
    this.columns.length = 0;
    this.at = this.end = 0;
    while (this.columns.length === 0) {
      if (this.nextBatch === segment.batches.length) return false;
      const first = this.nextBatch;
      const last = segment.oneBucket ? first + 1 : segment.batches.length;
      this.nextBatch = last;
      const places = segment.batches.slice(first, last);
      const bytes = await segment.read(places[0].start, places[places.length - 1].end);
      checkRanges(segment.key, bytes, places);
      this.columns.reserve(segment.oneBucket ? Math.max(...places.map(({ rows }) => rows)) : segment.to - segment.from);
      let number = 0;
      for (const batch of RecordBatchReader.from([SCHEMA_BYTES, bytes])) {
        const place = places[number++];
        // For a stream without batches Arrow's reader returns an empty one, whose rows would read as zeros.
        if (batch.numRows !== place?.rows)
          throw new Error(`the shard's batch at byte ${place?.start} holds ${batch.numRows} rows, not ${place?.rows}`);
        const from = Math.max(segment.from - place.firstRow, 0);
        const to = Math.min(segment.to - place.firstRow, place.rows);
        this.decoder.decode(batch, from, to, this.columns);
      }
      if (number !== places.length)
        throw new Error(`${segment.key}: ${number} batches at ${places[0].start} where ${places.length} are listed`);
    }
    this.end = this.columns.length;
    this.sort();
    return true;
  }

  private sort(): void {
    const { columns } = this;
    this.sorted = true;
    for (let row = 1; row < columns.length && this.sorted; row++)
      if (compareRecords(columns, row - 1, columns, row) > 0) this.sorted = false;
    if (this.sorted) return;
    this.rows = rowsByTime(columns.us, columns.length);
    this.settleTies();
  }

  /** Sorts rows that the radix sort could not distinguish: those within one of its steps. */
  private settleTies(): void {
    const { columns, rows } = this;
    let budget = TIE_MOVES * rows.length;
    for (let at = 1; at < rows.length; at++) {
      const row = rows[at];
      let to = at;
      while (to > 0 && compareRecords(columns, rows[to - 1], columns, row) > 0) {
        rows[to] = rows[to - 1];
        to--;
      }
      rows[to] = row;
      budget -= at - to;
      if (budget < 0) {
        const scratch = new Uint32Array(rows.length);
        sortRows(rows, 0, rows.length, (a, b) => compareRecords(columns, a, columns, b), scratch);
        return;
      }
    }
  }
}
