/**
 * Merges segments in time order in bounded memory: a segment is opened when the merge reaches its first time, and if
 * more would be open at once than the limit allows, groups of them are merged into runs on scratch first.
 */
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { Heap } from '../algorithm/heap.ts';
import { PacketColumns } from '../packet/columns.ts';
import type { FlowTable } from '../packet/flow/flowtable.ts';
import { BatchEncoder } from './batchencoder.ts';
import { rangeReader } from './scratch.ts';
import { firstReadBytes, openRows, type Segment, SegmentReader } from './segment.ts';
import { PositionedWriter, SHARD_SCHEMA } from './shardschema.ts';
import { type BatchPlace, compareRecords } from './shardwriter.ts';

export interface MergeOptions {
  /** Rows that may be held in memory at once (about 80 bytes each). */
  maxOpenRows: number;
  /** An empty folder for the runs of a merge in passes. */
  scratch: string;
  /** Awaited at every block of rows, to flush output that must not pile up. */
  between?: () => Promise<void> | void;
  /** Pauses at borders of time. */
  borders?: Borders;
}

/** Times at which a merge pauses. */
export interface Borders {
  /** The next one, microseconds; infinite behind the last. */
  readonly nextUs: number;
  /** Called when all rows before the next border have been emitted and none behind it; must move on to a later one. */
  cross(): Promise<void>;
}

const NO_BORDERS: Borders = { nextUs: Number.POSITIVE_INFINITY, cross: async () => {} };
/** Most columns of finished segments that are kept for reuse. */
const SPARE_COLUMNS = 4;
/** Most segments, and bytes of them, that are read ahead of opening. */
const MOST_AHEAD = 32;
const AHEAD_BYTES = 16 << 20;
/** Rows of a batch in a scratch run. */
const RUN_BATCH_ROWS = 16384;

/** The most rows that a merge of these segments (sorted by first time) would hold open at once. */
export function peakOpenRows(segments: readonly Segment[]): number {
  const closing = segments
    .map((segment) => ({ us: segment.lastUs, rows: openRows(segment) }))
    .sort((a, b) => a.us - b.us);
  let closed = 0;
  let rows = 0;
  let peak = 0;
  for (const segment of segments) {
    while (closed < closing.length && closing[closed].us < segment.firstUs) rows -= closing[closed++].rows;
    rows += openRows(segment);
    if (rows > peak) peak = rows;
  }
  return peak;
}

/** Groups of neighbours in time that fit within the limit together, at least two each if there are two. */
export function passGroups(segments: readonly Segment[], maxOpenRows: number): Segment[][] {
  const groups: Segment[][] = [];
  let rows = 0;
  for (const segment of segments) {
    const last = groups[groups.length - 1];
    const cost = openRows(segment);
    if (last !== undefined && (rows + cost <= maxOpenRows || last.length < 2)) {
      last.push(segment);
      rows += cost;
    } else {
      groups.push([segment]);
      rows = cost;
    }
  }
  return groups;
}

/**
 * Calls `emit` for every row of the segments, in the order of compareRecords, but for those of captures that are left
 * out. @returns how many these were
 */
export async function mergeSegments(
  segments: readonly Segment[],
  flows: FlowTable,
  emit: (columns: PacketColumns, row: number) => void,
  options: MergeOptions,
): Promise<number> {
  let leftOut = 0;
  let level = [...segments].sort((a, b) => a.firstUs - b.firstUs);
  for (let pass = 0; level.length > 1 && peakOpenRows(level) > options.maxOpenRows; pass++) {
    const runs: Segment[] = [];
    for (const [number, group] of passGroups(level, options.maxOpenRows).entries()) {
      const path = join(options.scratch, `pass-${pass}-${number}`);
      const merged = await mergeToRun(group, flows, path, { ...options, borders: undefined });
      leftOut += merged.leftOut;
      if (merged.run.to > 0) runs.push(merged.run);
    }
    level = runs;
  }
  return leftOut + (await mergeOpen(level, flows, emit, options));
}

/** As mergeSegments, with all segments open that overlap in time. */
async function mergeOpen(
  segments: readonly Segment[],
  flows: FlowTable,
  emit: (columns: PacketColumns, row: number) => void,
  options: MergeOptions,
): Promise<number> {
  let leftOut = 0;
  const heap = new Heap(before);
  const { items } = heap;
  // Columns of finished segments, for those still to be opened.
  const spare: PacketColumns[] = [];
  let next = 0;
  const { borders = NO_BORDERS } = options;
  const ahead = new OpenAhead(segments);
  while (items.length > 0 || next < segments.length) {
    while (next < segments.length && (items.length === 0 || segments[next].firstUs <= nextUs(items[0]))) {
      ahead.opens(next);
      const reader = new SegmentReader(segments[next++], flows, spare.pop());
      if (await reader.fill()) heap.push(reader);
      else leftOut += reader.leftOut;
    }
    if (items.length === 0) break;
    const top = items[0];
    const rivalAt = items.length > 2 && before(items[2], items[1]) ? 2 : 1;
    const rival = items.length > 1 ? items[rivalAt] : null;
    while (nextUs(top) >= borders.nextUs) await borders.cross();
    const untilUs = next < segments.length ? Math.min(segments[next].firstUs, borders.nextUs) : borders.nextUs;
    emitRun(top, rival, untilUs, emit);
    if (top.exhausted) {
      await options.between?.();
      if (!(await top.fill())) {
        leftOut += top.leftOut;
        if (spare.length < SPARE_COLUMNS) spare.push(top.columns);
        heap.shift();
        continue;
      }
    }
    heap.settle();
  }
  return leftOut;
}

function before(a: SegmentReader, b: SegmentReader): boolean {
  return compareRecords(a.columns, a.row, b.columns, b.row) < 0;
}

function nextUs({ columns, row }: SegmentReader): number {
  return columns.us[row];
}

/** Emits rows of `top`, at least one: up to its block's end, the first that `rival` goes before, or the first at `untilUs` or later. */
function emitRun(
  top: SegmentReader,
  rival: SegmentReader | null,
  untilUs: number,
  emit: (columns: PacketColumns, row: number) => void,
): void {
  const { columns } = top;
  do {
    emit(columns, top.row);
    top.step();
  } while (
    !top.exhausted &&
    columns.us[top.row] < untilUs &&
    (rival === null || compareRecords(columns, top.row, rival.columns, rival.row) <= 0)
  );
}

/** Reads the first blocks of the next segments ahead: object stores have high latency. */
class OpenAhead {
  private readonly segments: readonly Segment[];
  private asked = 0;
  private bytes = 0;

  constructor(segments: readonly Segment[]) {
    this.segments = segments;
  }

  /** Segment `at` is opened now. */
  opens(at: number): void {
    const { segments } = this;
    if (at < this.asked) this.bytes -= firstReadBytes(segments[at]);
    else this.asked = at + 1;
    while (this.asked < segments.length && this.asked - at <= MOST_AHEAD && this.bytes < AHEAD_BYTES) {
      const segment = segments[this.asked++];
      segment.prefetch?.();
      this.bytes += firstReadBytes(segment);
    }
  }
}

/** Merges segments into one on scratch, in time order, whatever their buckets, and counts the rows left out. */
async function mergeToRun(
  segments: readonly Segment[],
  flows: FlowTable,
  path: string,
  options: MergeOptions,
): Promise<{ run: Segment; leftOut: number }> {
  const file = await open(path, 'wx');
  const places: BatchPlace[] = [];
  const pending = new PacketColumns(RUN_BATCH_ROWS);
  const encoder = new BatchEncoder(RUN_BATCH_ROWS);
  encoder.begin();
  const baseUs = segments[0].firstUs;
  const written: Uint8Array[] = [];
  let rows = 0;
  let end = 0;
  let leftOut: number;
  const flush = (): void => {
    if (pending.length === 0) return;
    const writer = new PositionedWriter();
    writer.reset(undefined, SHARD_SCHEMA);
    const head = writer.position;
    writer.write(encoder.encode(pending, flows, 0, pending.length, baseUs));
    const length = writer.position - head;
    writer.finish();
    const bytes = writer.toUint8Array(true).slice(head, head + length);
    written.push(bytes);
    places.push({ start: end, end: end + length, crc: crc32(bytes), firstRow: rows, rows: pending.length });
    end += length;
    rows += pending.length;
    pending.length = 0;
  };
  const save = async (): Promise<void> => {
    for (const bytes of written) await file.writeFile(bytes);
    written.length = 0;
  };
  try {
    leftOut = await mergeOpen(
      segments,
      flows,
      (columns, row) => {
        pending.pushRow(columns, row);
        if (pending.length === RUN_BATCH_ROWS) flush();
      },
      { ...options, between: save },
    );
    flush();
    await save();
  } finally {
    await file.close();
  }
  let lastUs = baseUs;
  for (const segment of segments) if (segment.lastUs > lastUs) lastUs = segment.lastUs;
  const run: Segment = {
    key: path,
    read: rangeReader(path),
    baseUs,
    firstUs: baseUs,
    lastUs,
    from: 0,
    to: rows,
    batches: places,
    captures: null,
    oneBucket: true,
  };
  return { run, leftOut };
}
