/**
 * The publish stage: windows of session start time, from the runs of all reduce
 * tasks to Parquet files. Windows are cut from exact counts, so the files
 * are the same whatever the partitions were; attempts write the same bytes under
 * the same names, and so need no names of their own.
 */

import { JobError, type TaskContext } from '../job/context.ts';
import type { Job } from '../job/jobconfig.ts';
import { tablePrefix } from '../job/keys.ts';
import { readParts } from '../job/listparts.ts';
import type { PublishedFile, PublishSpec } from '../job/publishtask.ts';
import type { WrittenRun } from '../job/reducetask.ts';
import type { StageResults } from '../job/stageresults.ts';
import { stageResults } from '../job/taskends.ts';
import { publishPackets, publishSessions } from '../table/publishedfiles.ts';
import { type FlippedRow, FlippedSessions } from '../table/run/flippedsessions.ts';
import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { Window } from '../table/window.ts';
import { CaptureNames } from './capturenames.ts';
import { PendingWrites } from './pendingwrites.ts';
import { specOf } from './specs.ts';
import type { StageWork } from './stage.ts';

/** Files on their way into the results at once. */
const MOST_MOVES = 8;

/** Key of a window's file; those after the first, where a window holds more than a file, are numbered. */
function fileKey(job: Job, table: PublishSpec['table'], { day, part }: Window, piece: number): string {
  const number = piece === 0 ? `${part}` : `${part}-${piece}`;
  return `${tablePrefix(table, job.config.dataset, job.job)}dt=${day}/part-${number}.parquet`;
}

export const publishStage: StageWork<'publish'> = { stage: 'publish', run: runPublish };

async function runPublish(context: TaskContext, job: Job, task: number): Promise<StageResults['publish']> {
  const { store, results, scratch } = context;
  const spec = await specOf<PublishSpec>(store, job.job, 'publish', task);
  const { table, windows, mostRows } = spec;
  const [balance] = await stageResults(store, job.job, 'balance');
  if (balance === null || balance === undefined) throw new JobError('no balance result', job.job, 'publish');
  const names = await CaptureNames.open(store, balance.names);
  const merging = {
    directory: scratch,
    windows,
    mostRows,
    read: (key: string, start: number, end: number) => store.get(key, { start, end }),
    captureName: (rank: number) => names.nameOf(rank),
    needNames: (lowest: number, highest: number) => names.need(lowest, highest),
  };
  const files: PublishedFile[] = [];
  const moves = new PendingWrites();
  try {
    const parts =
      table === 'sessions'
        ? publishSessions({ ...merging, runs: spec.runs })
        : publishPackets({
            ...merging,
            runs: spec.runs as WrittenRun<PacketRunBatch>[],
            flipped: await flippedSessions(context, spec.turned),
          });
    for await (const { window, piece, path, rows, bytes } of parts) {
      const key = fileKey(job, table, windows[window], piece);
      files.push({ table, key, day: windows[window].day, rows, bytes });
      // Where a task has many files, they are small: they are stored while the next ones are written.
      await moves.atMost(MOST_MOVES - 1);
      moves.add(results.putFile(key, path));
    }
    await moves.atMost(0);
  } finally {
    await moves.settled();
  }
  return { files };
}

async function flippedSessions({ store }: TaskContext, keys: readonly string[]): Promise<FlippedSessions> {
  const flipped = new FlippedSessions();
  for await (const rows of readParts<FlippedRow>(store, keys)) flipped.add(rows);
  return flipped;
}
