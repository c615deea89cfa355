/**
 * Publishing: one file of the sessions or the packets table from the runs of all
 * reduce tasks, for one window of session start time (window.ts plans those).
 *
 * The file depends on the rows of the window alone: not on how many runs there
 * are, where they were cut, or in which order they are listed, as long as runs of
 * one session's packets are listed in the order in which they were written.
 */
import { SessionRows } from '../session/sessionrows.ts';
import { checkRanges } from '../store/checkedrange.ts';
import type { DuckDBLimits } from './duckdb.ts';
import { PacketMerge } from './packetmerge.ts';
import type { PacketRunBatch } from './packetrun.ts';
import { PACKETS_SCHEMA } from './packets.ts';
import { type ParquetFile, writeParquet } from './parquetfile.ts';
import { decodeSessionBatches, type RunBatch } from './sessionrun.ts';
import { type TableContext, writeSessions } from './sessions.ts';
import { Spool } from './spool.ts';

/** Most bytes asked for in one read, unless a single batch is larger. */
const READ_BYTES = 4 << 20;
/** Reads under way at once: a window can touch hundreds of runs, and each read waits for the store. */
const READS_AHEAD = 8;

/** Reads bytes [start, end) of an object. */
export type ReadRange = (key: string, start: number, end: number) => Promise<Uint8Array>;

/** A run as a publish task sees it. */
export interface PublishedRun<Batch extends RunBatch = RunBatch> {
  /** The object's key, as `read` takes it. */
  key: string;
  /** Its batches, in order. */
  batches: readonly Batch[];
}

/** One read: neighbouring batches of one run. */
export interface PlannedRead<Batch extends RunBatch = RunBatch> {
  key: string;
  start: number;
  end: number;
  batches: Batch[];
}

/** The reads that bring in every batch of `run` with a session start in [fromUs, toUs), neighbours together up to 4 MiB. */
export function planReads<Batch extends RunBatch>(
  run: PublishedRun<Batch>,
  fromUs: number,
  toUs: number,
): PlannedRead<Batch>[] {
  const reads: PlannedRead<Batch>[] = [];
  for (const batch of run.batches) {
    if (batch.lastUs < fromUs || batch.firstUs >= toUs) continue;
    const last = reads.at(-1);
    if (last !== undefined && last.end === batch.start && batch.end - last.start <= READ_BYTES) {
      last.end = batch.end;
      last.batches.push(batch);
    } else {
      reads.push({ key: run.key, start: batch.start, end: batch.end, batches: [batch] });
    }
  }
  return reads;
}

/** Do the reads, several at once, and give their bytes in the order of `reads`. */
async function* readInOrder<Batch extends RunBatch>(
  reads: readonly PlannedRead<Batch>[],
  read: ReadRange,
): AsyncGenerator<{ read: PlannedRead<Batch>; bytes: Uint8Array }> {
  const begin = ({ key, start, end }: PlannedRead<Batch>): Promise<Uint8Array> => {
    const bytes = read(key, start, end);
    // When an earlier read fails nobody waits for this one any more.
    bytes.catch(() => undefined);
    return bytes;
  };
  const underWay: Promise<Uint8Array>[] = [];
  for (let next = 0; next < reads.length; next++) {
    while (underWay.length < READS_AHEAD && next + underWay.length < reads.length)
      underWay.push(begin(reads[next + underWay.length]));
    const bytes = await underWay.shift()!;
    checkRanges(reads[next].key, bytes, reads[next].batches);
    yield { read: reads[next], bytes };
  }
}

/** What both kinds of publish task are told. */
export interface PublishTask<Batch extends RunBatch = RunBatch> {
  /** Where the file goes: a path on this machine. */
  path: string;
  /** Sessions that start in [fromUs, toUs), microseconds since 1970. */
  fromUs: number;
  toUs: number;
  runs: readonly PublishedRun<Batch>[];
  read: ReadRange;
  limits?: DuckDBLimits;
}

/**
 * Write the sessions of a window. All its rows are held in memory at about 200
 * bytes each, beside some 300 MB for DuckDB and the decoding: measured, 650 MB at
 * the peak for a million rows and 510 MB for half a million.
 *
 * @throws what `read` throws, or DuckDB's error, or an Error for a run that cannot be read
 */
export async function publishSessions(task: PublishTask & { context: TableContext }): Promise<ParquetFile> {
  const { fromUs, toUs } = task;
  const reads = task.runs.flatMap((run) => planReads(run, fromUs, toUs));
  let most = 0;
  for (const read of reads) for (const batch of read.batches) most += batch.rows;
  const rows = new SessionRows(most);
  for await (const { read, bytes } of readInOrder(reads, task.read))
    decodeSessionBatches(bytes, read.batches, rows, fromUs, toUs);
  return writeSessions(task.path, rows, task.context, task.limits);
}

/**
 * Write the packets of a window's sessions. The batches are copied to the temp
 * directory first and merged from there, one batch of each run in memory at a
 * time and runs opened as late as their first session allows: neither a giant
 * session nor a giant window needs to fit into memory.
 *
 * @param task.turned sessions whose direction turned after packets of theirs had been
 *   written to a run: uid to the last value of origIsB. See `turnedSessions`.
 * @throws as `publishSessions`
 */
export async function publishPackets(
  task: PublishTask<PacketRunBatch> & {
    captureName(rank: number): string;
    turned: ReadonlyMap<string, number>;
  },
): Promise<ParquetFile> {
  const spool = new Spool(task.limits?.tempDirectory);
  try {
    const reads = task.runs.flatMap((run) => planReads(run, task.fromUs, task.toUs));
    for await (const { read, bytes } of readInOrder(reads, task.read)) spool.append(read, bytes);
    const merge = new PacketMerge(spool, task);
    return await writeParquet(
      task.path,
      { schema: PACKETS_SCHEMA, columns: merge.columns, fill: () => merge.fill() },
      task.limits,
    );
  } finally {
    spool.close();
  }
}
