/**
 * The publish stage: windows of session start time, from the runs of all reduce
 * tasks to one Parquet file each. Windows are cut from exact counts, so the files
 * are the same whatever the partitions were; attempts write the same bytes under
 * the same name, and so need none of their own.
 */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { openDuckDB } from '../table/duckdb.ts';
import { publishPackets, publishSessions } from '../table/publish.ts';
import type { Window } from '../table/window.ts';
import { stageResults } from './barrier.ts';
import type { TaskContext } from './context.ts';
import { tablePrefix } from './keys.ts';
import { readListed } from './parts.ts';
import type { Job, PublishedFile, PublishSpec, RankedCapture, StageResults } from './types.ts';
import { PendingWrites } from './writes.ts';

/** Files on their way into the results at once. */
const MOST_MOVES = 8;

/** Key of the file of one window. */
function fileKey(job: Job, table: PublishSpec['table'], window: Window): string {
  return `${tablePrefix(table, job.config.dataset, job.job)}dt=${window.day}/part-${window.part}.parquet`;
}

export async function runPublish(context: TaskContext, job: Job, spec: PublishSpec): Promise<StageResults['publish']> {
  const { store, results, scratch, duckdbMemory } = context;
  const { table } = spec;
  const [balance] = await stageResults(store, job.job, 'balance');
  const names: string[] = [];
  for await (const part of readListed<RankedCapture>(store, balance?.captures ?? ''))
    for (const { capture } of part) names.push(capture.name);
  const captureName = (rank: number): string => names[rank];
  const reduced = (await stageResults(store, job.job, 'reduce')).filter((result) => result !== null);
  const sessionRuns = reduced.flatMap((result) => result.sessionRuns);
  const packetRuns = reduced.flatMap((result) => result.packetRuns);
  const turned = new Map(reduced.flatMap((result) => result.turned));
  const writer = await openDuckDB({ memoryLimit: duckdbMemory, tempDirectory: scratch });
  const files: PublishedFile[] = [];
  const moves = new PendingWrites();
  try {
    for (const [number, window] of spec.windows.entries()) {
      const task = {
        path: join(scratch, `part-${number}.parquet`),
        fromUs: window.fromUs,
        toUs: window.toUs,
        read: (key: string, start: number, end: number) => store.get(key, { start, end }),
        limits: { tempDirectory: scratch, writer },
      };
      const file =
        table === 'sessions'
          ? await publishSessions({ ...task, runs: sessionRuns, context: { captureName } })
          : await publishPackets({ ...task, runs: packetRuns, captureName, turned });
      // A slot with more rows than a file is cut into equal lengths of time, and its rows may all start in one of them.
      if (file.rows === 0) {
        await rm(file.path);
        continue;
      }
      const { rows, bytes } = file;
      files.push({ table, key: fileKey(job, table, window), day: window.day, rows, bytes });
      // The files of a task are small where they are many: they reach the disk while the next ones are written.
      await moves.atMost(MOST_MOVES - 1);
      moves.add(results.putFile(files[files.length - 1].key, file.path));
    }
    await moves.atMost(0);
  } finally {
    await moves.settled();
    writer.close();
  }
  return { files };
}
