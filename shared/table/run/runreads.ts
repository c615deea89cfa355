/** Reads of a publish task: the batches that overlap its windows, neighbours in one read, several reads in flight. */
import { checkRanges } from '../../store/checkedrange.ts';
import type { RunBatch } from './sessionrun.ts';

/** Most bytes of one read, unless a single batch is larger. */
const READ_BYTES = 4 << 20;
/** Reads in flight at once: a window can touch hundreds of runs, and each read waits for the store. */
const READS_AHEAD = 8;

/** Reads bytes [start, end) of an object. */
export type ReadObjectRange = (key: string, start: number, end: number) => Promise<Uint8Array>;

/** A run as input of a publish task. */
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

/** The reads for all batches of `run` with a session start in [fromUs, toUs), neighbours together up to 4 MiB. */
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

/**
 * Perform the reads, several at once, and yield their bytes in the order of `reads`.
 *
 * @throws what `read` throws; StoreError 'damaged' for bytes that are not those of the batches
 */
export async function* readInOrder<Batch extends RunBatch>(
  reads: readonly PlannedRead<Batch>[],
  read: ReadObjectRange,
): AsyncGenerator<{ read: PlannedRead<Batch>; bytes: Uint8Array }> {
  const begin = ({ key, start, end }: PlannedRead<Batch>): Promise<Uint8Array> => {
    const bytes = read(key, start, end);
    // When an earlier read fails, this one is no longer awaited.
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
