/**
 * The publish stage: a task a window of session start time, from the runs of all
 * reduce tasks to one Parquet file. Windows are cut from exact counts, so the files
 * are the same whatever the partitions were; attempts write the same bytes under
 * the same name, and so need none of their own.
 */
import { join } from 'node:path';
import type { PacketRunBatch } from '../table/packetrun.ts';
import { type PublishedRun, publishPackets, publishSessions } from '../table/publish.ts';
import { planWindows } from '../table/window.ts';
import { stageResults } from './barrier.ts';
import { requireJson, type TaskContext } from './context.ts';
import { tablePrefix } from './keys.ts';
import type { Job, PublishSpec, RankedCapture, StageResults } from './types.ts';

/** All publish tasks of a job. */
export function planPublish(job: Job, reduced: readonly StageResults['reduce'][]): PublishSpec[] {
  const { fileRows } = job.config.sizes;
  const specs: PublishSpec[] = [];
  const sessions = planWindows(
    reduced.map(({ sessionStarts }) => sessionStarts),
    fileRows,
  );
  for (const window of sessions) specs.push({ table: 'sessions', window });
  const packets = planWindows(
    reduced.map(({ packetStarts }) => packetStarts),
    fileRows,
  );
  for (const window of packets) specs.push({ table: 'packets', window });
  return specs;
}

/** Key of the file of one window. */
export function fileKey(job: Job, { table, window }: PublishSpec): string {
  return `${tablePrefix(table, job.config.dataset, job.job)}dt=${window.day}/part-${window.part}.parquet`;
}

export async function runPublish(context: TaskContext, job: Job, spec: PublishSpec): Promise<StageResults['publish']> {
  const { store, results, scratch, duckdbMemory } = context;
  const [balance] = await stageResults(store, job.job, 'balance');
  const captures = await requireJson<RankedCapture[]>(store, balance?.captures ?? '', job.job);
  const captureName = (rank: number): string => captures[rank].capture.name;
  const reduced = (await stageResults(store, job.job, 'reduce')).filter((result) => result !== null);
  const task = {
    path: join(scratch, 'part.parquet'),
    fromUs: spec.window.fromUs,
    toUs: spec.window.toUs,
    read: (key: string, start: number, end: number) => store.get(key, { start, end }),
    limits: { memoryLimit: duckdbMemory, tempDirectory: scratch },
  };
  const file =
    spec.table === 'sessions'
      ? await publishSessions({
          ...task,
          runs: reduced.flatMap(({ sessionRuns }) => sessionRuns),
          context: { captureName, tunnelText: (tunnel) => String(tunnel) },
        })
      : await publishPackets({
          ...task,
          runs: reduced.flatMap(({ packetRuns }): PublishedRun<PacketRunBatch>[] => packetRuns),
          captureName,
          turned: new Map(reduced.flatMap(({ turned }) => turned)),
        });
  const key = fileKey(job, spec);
  const bytes = await results.putFile(key, file.path);
  return { table: spec.table, key, day: spec.window.day, rows: file.rows, bytes };
}
