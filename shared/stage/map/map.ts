/**
 * The map stage: captures to shards. Each capture is streamed once; a shard holds
 * whole captures, or a piece of one, so that its records can be put in the order
 * of captures without knowing those of other tasks.
 */
import type { Screen } from '../../capture/screen.ts';
import type { TaskContext } from '../../job/context.ts';
import { faultOf, soundOrDiscarded } from '../../job/fault.ts';
import { type Job, shardingDigest } from '../../job/jobconfig.ts';
import { shardGroupPrefix, shardSummaryKey } from '../../job/keys.ts';
import type { MapSpec, MapSummary } from '../../job/maptask.ts';
import type { StageResults } from '../../job/stageresults.ts';
import { getJson, jsonBytes } from '../../store/jsonobject.ts';
import { specOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { CarefulReading } from './carefulreading.ts';
import { Mapper } from './mapper.ts';
import { ReadingAhead } from './readahead.ts';
import { releaseWorkspaces } from './workspace.ts';

const GIVEN_UP = {
  reason: 'capture_given_up',
  detail: 'every attempt that came to this capture failed or died there; flowstitch inspect shows what it holds',
};

export const mapStage: StageWork<'map'> = { stage: 'map', run: runMap, release: releaseWorkspaces };

/** One attempt of a map task. */
async function runMap(context: TaskContext, job: Job, task: number, attempt: string): Promise<StageResults['map']> {
  const spec = await specOf<MapSpec>(context.store, job.job, 'map', task);
  const prefix = shardGroupPrefix(shardingDigest(job.config), spec.group);
  const shared = shardSummaryKey(prefix);
  const known = await soundOrDiscarded<MapSummary>(context.store, shared, context.onDamaged);
  if (known !== undefined) return result(shared, known, true);
  const careful = await CarefulReading.begin(context.store, job.job, task, context.receives ?? 1);
  let summary: MapSummary;
  try {
    const found = await readAll(context, job, prefix + attempt, spec, careful, new Map());
    // Damaged captures whose times are years apart are known once they were read: the task begins again with their
    // screens, and writes over what it wrote.
    summary =
      found instanceof Map
        ? ((await readAll(context, job, prefix + attempt, spec, careful, found)) as MapSummary)
        : found;
  } catch (error) {
    // A full disk is not the fault of the capture that was being read.
    if (faultOf(error) !== null) await careful?.forget();
    throw error;
  }
  // Other jobs may use these shards only if the captures were read completely.
  if (summary.captures.every((outcome) => outcome.failure === null)) {
    if (await context.store.putIfAbsent(shared, jsonBytes(summary))) return result(shared, summary, false);
    return result(shared, (await getJson<MapSummary>(context.store, shared)) ?? summary, false);
  }
  const own = `${prefix}${attempt}/summary.json`;
  await context.store.put(own, jsonBytes(summary));
  return result(own, summary, false);
}

/**
 * Reads all captures of a task.
 * @param screens of captures by number
 * @returns the summary; without any screens, those that are needed, if any are
 */
async function readAll(
  context: TaskContext,
  job: Job,
  prefix: string,
  spec: MapSpec,
  careful: CarefulReading | null,
  screens: ReadonlyMap<number, Screen>,
): Promise<MapSummary | Map<number, Screen>> {
  // Careful reading is one capture at a time: then it is known which one was fatal.
  const source = careful === null ? new ReadingAhead(context.captures, spec.captures) : context.captures;
  const mapper = new Mapper(context, job, `${prefix}/`, source, screens);
  for (const [number, capture] of spec.captures.entries()) {
    if (careful?.leavesOut(number)) {
      await mapper.read({ ...capture, refused: GIVEN_UP });
      continue;
    }
    await careful?.before(number);
    context.onCapture?.(capture.name);
    await mapper.read(capture);
  }
  await careful?.before(null);
  if (mapper.missed.size === 0 || screens.size > 0) return mapper.finish();
  await mapper.abandon();
  return mapper.missed;
}

function result(key: string, summary: MapSummary, reused: boolean): StageResults['map'] {
  let records = 0;
  for (const { facts } of summary.captures) records += facts.records;
  return { summary: key, captures: summary.captures.length, records, reused };
}
