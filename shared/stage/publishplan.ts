/** Planning the publish stage: which tasks a job has, which windows of session start time become files, and which runs each reads. */
import type { IntervalEnd, IntervalsPlan } from '../job/interval.ts';
import { digestOf, type Job } from '../job/jobconfig.ts';
import type { PublishSpec } from '../job/publishtask.ts';
import type { FlippedPart, TurnedPart, WrittenRun } from '../job/reduced.ts';
import type { StageResults } from '../job/stageresults.ts';
import type { PacketRunBatch } from '../table/run/packetrun.ts';
import type { RunBatch } from '../table/run/sessionrun.ts';
import type { DayTable } from '../table/tables.ts';
import { planWindows, sumStarts, type Window } from '../table/window.ts';

/** Most windows that are written together: many small days share one DuckDB. */
const MOST_WINDOWS = 125;

/** Digits of the names of files. */
const UNIT_DIGITS = 16;

/**
 * The publish tasks of a job.
 *
 * @param turned of all reduce tasks: what flipped in the intervals that this job makes
 */
export function publishTasks(
  job: Job,
  { made, rest }: IntervalsPlan,
  { partitions, names }: Pick<StageResults['balance'], 'partitions' | 'names'>,
  turned: readonly TurnedPart[],
): PublishSpec[] {
  const specs: PublishSpec[] = [];
  const first = made.length;
  const flips: { interval: number; chain: string; part: FlippedPart }[] = [
    ...made.flatMap(({ chain, turned: parts }, interval) => parts.map((part) => ({ interval, chain, part }))),
    ...turned.map(({ interval, ...part }) => ({ interval, chain: rest[interval - first].chain, part })),
  ].sort((a, b) => a.interval - b.interval);
  if (job.config.packets)
    for (const [interval, before] of made.entries()) {
      const { parts, corrections } = flipsAfter(flips, interval, before.toUs);
      if (corrections.join() === before.corrections.join()) continue;
      const unit = unitOf(before.chain, corrections);
      const { job: maker, number, partitions: of, names: its } = before;
      const ends = { job: maker, number, partitions: of };
      specs.push({ table: 'packets', interval, unit, ends, names: its, turned: parts, corrections });
    }
  if (partitions === 0) return specs;
  for (const [at, { chain, toUs }] of rest.entries()) {
    const interval = first + at;
    const ends = { job: job.job, number: interval, partitions };
    specs.push({ table: 'sessions', interval, unit: unitOf(chain, []), ends, names, turned: [], corrections: [] });
    if (!job.config.packets) continue;
    const { parts, corrections } = flipsAfter(flips, interval, toUs);
    specs.push({
      table: 'packets',
      interval,
      unit: unitOf(chain, corrections),
      ends,
      names,
      turned: parts,
      corrections,
    });
  }
  const interval = first + rest.length;
  const ends = { job: job.job, number: interval, partitions };
  specs.push({ table: 'sessions', interval, unit: job.job, ends, names, turned: [], corrections: [] });
  return specs;
}

/** What flipped in interval `interval` or later, of sessions that may have packets in it; and the chain ids of the later ones. */
function flipsAfter(
  flips: readonly { interval: number; chain: string; part: FlippedPart }[],
  interval: number,
  toUs: number,
): { parts: string[]; corrections: string[] } {
  const parts: string[] = [];
  const corrections: string[] = [];
  for (const flip of flips) {
    if (flip.interval < interval || flip.part.firstUs >= toUs) continue;
    parts.push(flip.part.key);
    if (flip.interval > interval && corrections.at(-1) !== flip.chain) corrections.push(flip.chain);
  }
  return { parts, corrections };
}

function unitOf(chain: string, corrections: readonly string[]): string {
  return (corrections.length === 0 ? chain : digestOf([chain, corrections])).slice(0, UNIT_DIGITS);
}

/** Neighbouring windows that are written together, and what is read for them. */
export interface WindowGroup {
  windows: Window[];
  runs: WrittenRun<RunBatch | PacketRunBatch>[];
}

/**
 * The windows of one interval's rows of a table, in groups of about the rows of a file.
 * @param mostRows most rows of a file
 */
export function windowGroups(ends: readonly IntervalEnd[], table: DayTable, mostRows: number): WindowGroup[] {
  const sums = new Map<number, number>();
  for (const { sessionStarts, packetStarts } of ends)
    sumStarts(sums, table === 'sessions' ? sessionStarts : packetStarts);
  const groups = grouped(planWindows(sums, mostRows, ends[0].slotUs), mostRows).map((windows): WindowGroup => {
    return { windows, runs: [] };
  });
  const find = finder(groups);
  for (const { sessionRuns, packetRuns } of ends)
    for (const { key, batches } of table === 'sessions' ? sessionRuns : packetRuns)
      for (const batch of batches)
        for (const { runs } of find(batch)) {
          const last = runs.at(-1);
          if (last?.key === key) last.batches.push(batch);
          else runs.push({ key, batches: [batch] });
        }
  // A slot that is cut by time may have pieces without starts.
  return groups.filter(({ runs }) => runs.length > 0);
}

/** Neighbouring windows with at most `rows` rows together. */
function grouped(windows: readonly Window[], rows: number): Window[][] {
  const groups: Window[][] = [];
  let sum = 0;
  for (const window of windows) {
    const last = groups.at(-1);
    if (last === undefined || sum + window.rows > rows || last.length === MOST_WINDOWS) {
      groups.push([window]);
      sum = window.rows;
    } else {
      last.push(window);
      sum += window.rows;
    }
  }
  return groups;
}

/** Finds those of some groups, which stand in order of time, whose windows meet [firstUs, lastUs]. */
function finder(groups: readonly WindowGroup[]): (of: { firstUs: number; lastUs: number }) => Iterable<WindowGroup> {
  const ends = groups.map(({ windows }) => windows[windows.length - 1].toUs);
  return function* ({ firstUs, lastUs }) {
    let low = 0;
    for (let high = ends.length; low < high; ) {
      const middle = (low + high) >>> 1;
      if (ends[middle] <= firstUs) low = middle + 1;
      else high = middle;
    }
    for (; low < groups.length && groups[low].windows[0].fromUs <= lastUs; low++) yield groups[low];
  };
}
