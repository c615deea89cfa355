/**
 * Publishing: files of the sessions or the packets table from the runs of all reduce tasks, for neighbouring windows of
 * session start time (window.ts plans those). A window becomes one file; none when it has no rows, and several when it
 * has more than a file may have.
 *
 * The files depend on the rows of the windows alone: not on the number of runs, where they were split, or the order in
 * which they are listed, as long as runs of one session's packets are listed in the order in which they were written.
 */
import { join } from 'node:path';
import { SessionRows } from '../session/rows/sessionrows.ts';
import { type ParquetFile, writeParquet } from './parquet/parquetfile.ts';
import type { FlippedSessions } from './run/flippedsessions.ts';
import { PacketMerge } from './run/packetmerge.ts';
import type { PacketRunBatch } from './run/packetrun.ts';
import { type PlannedRead, type PublishedRun, planReads, type ReadObjectRange, readInOrder } from './run/runreads.ts';
import { SessionPieces } from './run/sessionpieces.ts';
import { decodeSessionBatches, NoRoom, type RunBatch } from './run/sessionrun.ts';
import { Spool } from './run/spool.ts';
import { writeSessions } from './sessionsfile.ts';
import { startOrder } from './startorder.ts';

/** Sessions that start in [fromUs, toUs), microseconds since 1970. */
export interface TimeRange {
  fromUs: number;
  toUs: number;
}

/** Input of both kinds of publish task. */
export interface PublishTask<Batch extends RunBatch = RunBatch> {
  /** Local folder for the files, and for rows that do not fit into memory. */
  directory: string;
  /** At least one, in order of time; sessions that start between two of them are in no file. */
  windows: readonly TimeRange[];
  /** Most rows of a file. */
  mostRows: number;
  runs: readonly PublishedRun<Batch>[];
  read: ReadObjectRange;
  captureName(rank: number): string;
  /** Called before names of these ranks, lowest to highest, are needed. */
  needNames?(lowest: number, highest: number): Promise<void>;
}

/** A file that was written. */
export interface PublishedPart extends ParquetFile {
  /** Number of its window in the task's list. */
  window: number;
  /** Number of the file in its window, from 0; they follow each other in the table's order. */
  piece: number;
}

/** Where the windows of a task begin and end. */
function spanOf(windows: readonly TimeRange[]): TimeRange {
  return { fromUs: windows[0].fromUs, toUs: windows[windows.length - 1].toUs };
}

/**
 * Write the sessions of some windows, which usually have no more rows together than a file may have. All rows are held
 * in memory at about 200 bytes each, plus some 300 MB for DuckDB and the decoding: measured, 650 MB at the peak for a
 * million rows and 510 MB for half a million. Where there are more than `mostRows` they are written to the temp
 * directory first and read back a file at a time.
 *
 * @returns the files, in order of windows
 * @throws what `read` throws, or what `writeParquet` does, or an Error for a run that cannot be read
 */
export async function* publishSessions(task: PublishTask): AsyncGenerator<PublishedPart> {
  const { fromUs, toUs } = spanOf(task.windows);
  const reads = task.runs.flatMap((run) => planReads(run, fromUs, toUs));
  let most = 0;
  for (const read of reads) for (const batch of read.batches) most += batch.rows;
  // Batches at the borders contain rows of other windows: room for all is reserved, and little of it used.
  const rows = new SessionRows(Math.min(most, task.mostRows));
  try {
    for await (const { read, bytes } of readInOrder(reads, task.read))
      decodeSessionBatches(bytes, read.batches, rows, fromUs, toUs);
  } catch (error) {
    if (!(error instanceof NoRoom)) throw error;
    yield* publishInPieces(task, reads, rows);
    return;
  }
  const order = startOrder(rows);
  await needNames(task, rows);
  for (let window = 0, from = 0; window < task.windows.length; window++) {
    const end = task.windows[window].toUs;
    let to = from;
    while (to < order.length && rows.startUs[order[to]] < end) to++;
    if (to > from) yield await writePart(task, window, 0, rows, order.subarray(from, to));
    from = to;
  }
}

/** As `publishSessions`, for more rows than a file may have. @param rows room for those of a file */
async function* publishInPieces(
  task: PublishTask,
  reads: readonly PlannedRead[],
  rows: SessionRows,
): AsyncGenerator<PublishedPart> {
  const spool = new Spool<RunBatch>(task.directory);
  try {
    for await (const { read, bytes } of readInOrder(reads, task.read)) spool.append(read, bytes);
    const pieces = new SessionPieces(spool, task.windows[0].fromUs);
    for (const [window, { toUs }] of task.windows.entries())
      for (let piece = 0; ; piece++) {
        rows.clear();
        pieces.take(rows, toUs);
        if (rows.length === 0) break;
        await needNames(task, rows);
        yield await writePart(task, window, piece, rows, startOrder(rows));
        if (!rows.full) break;
      }
  } finally {
    spool.close();
  }
}

async function writePart(
  task: PublishTask,
  window: number,
  piece: number,
  rows: SessionRows,
  order: Uint32Array,
): Promise<PublishedPart> {
  return { window, piece, ...(await writeSessions(partPath(task, window, piece), rows, task, order)) };
}

function partPath({ directory }: PublishTask, window: number, piece: number): string {
  return join(directory, `${window}-${piece}.parquet`);
}

async function needNames(
  { needNames }: PublishTask,
  { length, captureFirst, captureLast }: SessionRows,
): Promise<void> {
  if (needNames === undefined || length === 0) return;
  let lowest = Number.POSITIVE_INFINITY;
  let highest = 0;
  for (let i = 0; i < length; i++) {
    lowest = Math.min(lowest, captureFirst[i], captureLast[i]);
    highest = Math.max(highest, captureFirst[i], captureLast[i]);
  }
  await needNames(lowest, highest);
}

/**
 * Write the packets of some windows' sessions. The batches are copied to the temp directory first and merged from
 * there, one batch of each run in memory at a time and runs opened as late as their first session allows: neither a
 * giant session nor a giant window needs to fit into memory. A full file ends, even within a session.
 *
 * @returns and throws as `publishSessions`
 */
export async function* publishPackets(
  task: PublishTask<PacketRunBatch> & { flipped: FlippedSessions },
): AsyncGenerator<PublishedPart> {
  const { fromUs, toUs } = spanOf(task.windows);
  const spool = new Spool<PacketRunBatch>(task.directory);
  try {
    const reads = task.runs.flatMap((run) => planReads(run, fromUs, toUs));
    for await (const { read, bytes } of readInOrder(reads, task.read)) spool.append(read, bytes);
    const merge = new PacketMerge(spool, task.flipped, fromUs);
    for (const [window, { toUs: end }] of task.windows.entries())
      for (let piece = 0; merge.hasRowsBefore(end); piece++) {
        const { lowest, highest } = merge.ranksBefore(end);
        await task.needNames?.(lowest, highest);
        const mostRows = Math.min(task.mostRows, merge.rowsBefore(end));
        const source = merge.begin(end, mostRows, task.captureName.bind(task));
        yield { window, piece, ...(await writeParquet(partPath(task, window, piece), source)) };
      }
  } finally {
    spool.close();
  }
}
