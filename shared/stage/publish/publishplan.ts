/** Planning the publish stage: which tasks a job has, which windows of session start time become files, and which runs each reads. */

import { digestOf, type Job } from '../../job/jobconfig.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import type { IntervalEnd, IntervalsPlan, JoinedDay, MadeInterval } from '../../job/tasks/interval.ts';
import type { EndsPlace, PublishSpec } from '../../job/tasks/publishtask.ts';
import type { FlippedPart, TurnedPart, WrittenRun } from '../../job/tasks/reduced.ts';
import type { PacketRunBatch } from '../../table/run/packetrun.ts';
import type { RunBatch } from '../../table/run/sessionrun.ts';
import type { DayTable } from '../../table/tables.ts';
import { planWindows, sumStarts, type Window } from '../../table/window.ts';

/** Most windows that are written together: many small days share one DuckDB. */
const MOST_WINDOWS = 125;

/** Digits of the names of files. */
const UNIT_DIGITS = 16;

/** Sessions that flipped in an interval. */
interface Flip {
  interval: number;
  chain: string;
  part: FlippedPart;
}

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
  const flips: Flip[] = [
    ...made.flatMap(({ chain, turned: parts }, interval) => parts.map((part) => ({ interval, chain, part }))),
    ...turned.map(({ interval, ...part }) => ({ interval, chain: rest[interval - first].chain, part })),
  ].sort((a, b) => a.interval - b.interval);
  specs.push(...joinedTasks(made, names, flips));
  if (job.config.packets)
    for (const [interval, before] of made.entries()) {
      if (!before.files.some(({ table, day }) => table === 'packets' && !isJoined(before, table, day))) continue;
      const { parts, corrections } = flipsAfter(flips, interval, interval, before.toUs);
      if (corrections.join() === before.corrections.join()) continue;
      const without = before.joined.flatMap(({ table, day }) => (table === 'packets' ? [day] : []));
      specs.push({
        table: 'packets',
        interval,
        unit: unitOf(before.chain, corrections),
        ends: [placeOf(before)],
        names: before.names,
        only: null,
        without,
        turned: parts,
        corrections,
      });
    }
  if (partitions === 0) return specs;
  for (const [at, { chain, toUs }] of rest.entries()) {
    const interval = first + at;
    const ends = [{ job: job.job, number: interval, partitions, names }];
    const whole = { interval, ends, names, only: null, without: [] };
    specs.push({ ...whole, table: 'sessions', unit: unitOf(chain, []), turned: [], corrections: [] });
    if (!job.config.packets) continue;
    const { parts, corrections } = flipsAfter(flips, interval, interval, toUs);
    specs.push({ ...whole, table: 'packets', unit: unitOf(chain, corrections), turned: parts, corrections });
  }
  const interval = first + rest.length;
  const ends = [{ job: job.job, number: interval, partitions, names }];
  const open = { interval, ends, names, only: null, without: [] };
  specs.push({ ...open, table: 'sessions', unit: job.job, turned: [], corrections: [] });
  return specs;
}

function placeOf({ job, number, partitions, names }: MadeInterval): EndsPlace {
  return { job, number, partitions, names };
}

function isJoined({ joined }: MadeInterval, table: DayTable, day: string): boolean {
  return joined.some((of) => of.table === table && of.day === day);
}

/** Joined days that are not written yet, or whose packets have flipped since. @param names list of this job */
function* joinedTasks(made: readonly MadeInterval[], names: string, flips: readonly Flip[]): Generator<PublishSpec> {
  const days = new Map<string, { joined: JoinedDay; intervals: number[] }>();
  for (const [number, interval] of made.entries())
    for (const joined of interval.joined) {
      const name = `${joined.table} ${joined.day} ${joined.into}`;
      const known = days.get(name);
      if (known === undefined) days.set(name, { joined, intervals: [number] });
      else known.intervals.push(number);
    }
  for (const { joined, intervals } of days.values()) {
    const { table, day, into, corrections: before } = joined;
    const interval = intervals[intervals.length - 1];
    const { parts, corrections } =
      table === 'packets'
        ? flipsAfter(flips, intervals[0], interval, made[interval].toUs)
        : { parts: [], corrections: [] };
    if (before !== null && corrections.join() === before.join()) continue;
    const chains = intervals.map((number) => made[number].chain);
    yield {
      table,
      interval,
      unit: unitOf(digestOf([into, chains]), corrections),
      ends: intervals.map((number) => placeOf(made[number])),
      names,
      only: day,
      without: [],
      turned: parts,
      corrections,
    };
  }
}

/**
 * What flipped in interval `first` or later, of sessions that may have packets in the intervals up to `last`, which ends at
 * `toUs`; and the chain ids of the intervals behind that one. A packet row from behind the interval in which its session
 * flipped last has the last direction already.
 */
function flipsAfter(
  flips: readonly Flip[],
  first: number,
  last: number,
  toUs: number,
): { parts: string[]; corrections: string[] } {
  const parts: string[] = [];
  const corrections: string[] = [];
  for (const flip of flips) {
    if (flip.interval < first || flip.part.firstUs >= toUs) continue;
    parts.push(flip.part.key);
    if (flip.interval > last && corrections.at(-1) !== flip.chain) corrections.push(flip.chain);
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
 * The windows of the rows of a table that some ends have together, in groups of about the rows of a file.
 * @param mostRows most rows of a file
 * @param isWanted which days are
 */
export function windowGroups(
  ends: readonly IntervalEnd[],
  table: DayTable,
  mostRows: number,
  isWanted: (day: string) => boolean = () => true,
): WindowGroup[] {
  const sums = new Map<number, number>();
  const longest = ends.reduce((most, { slotUs }) => Math.max(most, slotUs), 0);
  for (const { sessionStarts, packetStarts, slotUs } of ends)
    sumStarts(sums, table === 'sessions' ? sessionStarts : packetStarts, longest / slotUs);
  const windows = planWindows(sums, mostRows, longest);
  const groups = grouped(windows, mostRows, isWanted).map((of): WindowGroup => ({ windows: of, runs: [] }));
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

/** Neighbouring windows of wanted days, with at most `rows` rows together; no other one lies between them. */
function grouped(windows: readonly Window[], rows: number, isWanted: (day: string) => boolean): Window[][] {
  const groups: Window[][] = [];
  let last: Window[] | undefined;
  let sum = 0;
  for (const window of windows) {
    if (!isWanted(window.day)) {
      last = undefined;
      continue;
    }
    if (last === undefined || sum + window.rows > rows || last.length === MOST_WINDOWS) {
      last = [window];
      groups.push(last);
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
