/**
 * The publish stage: an interval's rows of a table, or those of a joined day, from the runs of all partitions to Parquet files. Files are windows of
 * session start time, cut from exact counts, so they are the same whatever the partitions were; attempts write the same
 * bytes under the same names, and so need no names of their own.
 */

import { requireJson, type TaskContext } from '../../job/context.ts';
import type { Job } from '../../job/jobconfig.ts';
import { dayFileKey, intervalEndKey } from '../../job/protocol/keys.ts';
import { readParts } from '../../job/protocol/listparts.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import type { IntervalEnd } from '../../job/tasks/interval.ts';
import { fileRowsOf, type PublishedFile, type PublishSpec } from '../../job/tasks/publishtask.ts';
import { addGained, NOTHING_GAINED, type WrittenRun } from '../../job/tasks/reduced.ts';
import { inParallel, numbersTo, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { type PublishedPart, publishPackets, publishSessions } from '../../table/publishedfiles.ts';
import { type FlippedRow, FlippedSessions } from '../../table/run/flippedsessions.ts';
import type { PacketRunBatch } from '../../table/run/packetrun.ts';
import type { Window } from '../../table/window.ts';
import { PendingWrites } from '../pendingwrites.ts';
import { CaptureNames, ranksAmong } from '../reduce/capturenames.ts';
import { specOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { type WindowGroup, windowGroups } from './publishplan.ts';

/** Files on their way into the results at once. */
const MOST_MOVES = 8;

/** Key of a window's file; those after the first, where a window holds more than a file, are numbered. */
function fileKey(job: Job, { table, unit }: PublishSpec, { day, part }: Window, piece: number): string {
  return dayFileKey(table, job.config.dataset, day, unit, piece === 0 ? part : `${part}-${piece}`);
}

export const publishStage: StageWork<'publish'> = { stage: 'publish', run: runPublish };

async function runPublish(context: TaskContext, job: Job, task: number): Promise<StageResults['publish']> {
  const { store, results, scratch } = context;
  const spec = await specOf<PublishSpec>(store, job.job, 'publish', task);
  const ends = await endsOf(context, spec);
  const { only, without } = spec;
  const fileRows = fileRowsOf(job.config, spec.table);
  const isWanted = (day: string): boolean => (only === null ? !without.includes(day) : day === only);
  const groups = windowGroups(ends, spec.table, fileRows, isWanted);
  const files: PublishedFile[] = [];
  if (groups.length > 0) {
    const names = await CaptureNames.open(store, spec.names);
    const moves = new PendingWrites();
    try {
      for (const group of groups) {
        const merging = {
          directory: scratch,
          windows: group.windows,
          mostRows: fileRows,
          read: (key: string, start: number, end: number) => store.get(key, { start, end }),
          captureName: (rank: number) => names.nameOf(rank),
          needNames: (lowest: number, highest: number) => names.need(lowest, highest),
        };
        for await (const { window, piece, path, rows, bytes } of partsOf(context, spec, group, merging)) {
          const key = fileKey(job, spec, group.windows[window], piece);
          files.push({ table: spec.table, key, day: group.windows[window].day, rows, bytes });
          // Where a task has many files, they are small: they are stored while the next ones are written.
          await moves.atMost(MOST_MOVES - 1);
          moves.add(results.putFile(key, path));
        }
        // The next group's files have the same names on scratch.
        await moves.atMost(0);
      }
    } finally {
      await moves.settled();
    }
  }
  // What the intervals of a joined day gave was counted when they were made.
  const gained =
    spec.table !== 'sessions' || only !== null
      ? null
      : ends.reduce((sum, end) => addGained(sum, end.gained), NOTHING_GAINED);
  return { files, gained };
}

/** The ends of all partitions, interval by interval; the ranks in their runs are those of `names`. */
async function endsOf({ store }: TaskContext, { ends: places, names }: PublishSpec): Promise<IntervalEnd[]> {
  const ranks = await ranksAmong(
    store,
    names,
    places.map((place) => place.names),
  );
  const each = places.flatMap((place) => numbersTo(place.partitions).map((task) => ({ ...place, task })));
  return inParallel(each, REQUESTS_AT_ONCE, async ({ job, number, names: its, task }) => {
    const end = await requireJson<IntervalEnd>(store, intervalEndKey(job, task, number));
    const known = ranks.get(its);
    return known === undefined ? end : withRanks(end, known);
  });
}

function withRanks(end: IntervalEnd, ranks: Uint32Array): IntervalEnd {
  return {
    ...end,
    sessionRuns: end.sessionRuns.map(({ key, batches }) => ({
      key,
      batches: batches.map((batch) => ({ ...batch, ranks })),
    })),
    packetRuns: end.packetRuns.map(({ key, batches }) => ({
      key,
      batches: batches.map((batch) => {
        // Captures have the same order in both jobs.
        const [firstCapture, lastCapture] = [ranks[batch.firstCapture], ranks[batch.lastCapture]];
        return { ...batch, ranks, firstCapture, lastCapture };
      }),
    })),
  };
}

type Merging = Omit<Parameters<typeof publishSessions>[0], 'runs'>;

async function* partsOf(
  context: TaskContext,
  { table, turned }: PublishSpec,
  { runs }: WindowGroup,
  merging: Merging,
): AsyncGenerator<PublishedPart> {
  if (table === 'sessions') yield* publishSessions({ ...merging, runs });
  else
    yield* publishPackets({
      ...merging,
      runs: runs as WrittenRun<PacketRunBatch>[],
      flipped: await flippedSessions(context, turned),
    });
}

async function flippedSessions({ store }: TaskContext, keys: readonly string[]): Promise<FlippedSessions> {
  const flipped = new FlippedSessions();
  for await (const rows of readParts<FlippedRow>(store, keys)) flipped.add(rows);
  return flipped;
}
