/**
 * Which days of a data set are joined. An interval's rows of a day are files of their own, so a data set that grows by a few
 * captures at a time has many small files a day. Once a day is complete they are replaced by few: publish reads the runs of
 * all these intervals again and writes the day as a single interval would have.
 *
 * A joined day stands with the last interval whose rows are in it. A job that makes that one anew, because a capture came
 * late, writes the rows of those before it once more, from the same runs.
 */

import type { JobConfig } from '../../job/jobconfig.ts';
import { intervalEndKey } from '../../job/protocol/keys.ts';
import type { IntervalEnd, JoinedDay, MadeInterval } from '../../job/tasks/interval.ts';
import { fileRowsOf } from '../../job/tasks/publishtask.ts';
import { inParallel, numbersTo, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { getJson } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { DAY_TABLES, type DayTable } from '../../table/tables.ts';
import { dayOf } from '../../table/window.ts';

/**
 * Small files that a day of a table may keep. Each costs a query a request or two, some 50 ms one after the other; a day
 * of batches of five minutes has 288.
 */
const MOST_SMALL_FILES = 8;
/** Files are small when their rows are below this part of what one may have: joining them then leaves a quarter of them or fewer. */
const SMALL = 1 / 4;
/** Days of a table that one job joins, the newest first: those of a data set that has long grown follow with the next jobs. */
const MOST_DAYS = 4;

/** Files of a day of a table that are joined as a whole or not: those of one interval, or of several that were joined before. */
interface DayFiles {
  /** Numbers of the intervals, in order. */
  intervals: number[];
  files: number;
  rows: number;
}

/** What intervals gave of one day of a table. */
interface TableDay {
  table: DayTable;
  day: string;
  present: DayFiles[];
  /** Intervals whose rows are in files of an interval that is not made: they must be written again. */
  without: number[];
}

/**
 * The number of the first interval whose rows of a day are in no file that the job has, and cannot be written again; that
 * behind the last interval when there is none.
 */
export async function firstLost(store: ObjectStore, made: readonly MadeInterval[]): Promise<number> {
  for (const { table, day, interval } of tableDays(made)
    .flatMap(({ table, day, without }) => without.map((interval) => ({ table, day, interval })))
    .sort((a, b) => a.interval - b.interval))
    if (!(await hasRuns(store, made[interval], table, day))) return interval;
  return made.length;
}

/**
 * The intervals as the job leaves them: days that are to be written, because they are joined now or must be again, are
 * among `joined`, without corrections, and their files no longer among `files`.
 *
 * @param made intervals, none of which is lost
 */
export async function joinDays(
  store: ObjectStore,
  made: readonly MadeInterval[],
  config: JobConfig,
): Promise<MadeInterval[]> {
  const joined = made.slice();
  const days = tableDays(made);
  for (const table of DAY_TABLES) {
    const complete = made.length === 0 ? '' : dayOf(made[made.length - 1].toUs);
    let left = MOST_DAYS;
    for (const { day, present, without } of days
      .filter((of) => of.table === table)
      .sort((a, b) => (a.day < b.day ? 1 : -1))) {
      let numbers = left > 0 && day < complete ? toJoin(present, fileRowsOf(config, table)) : [];
      if (numbers.length > 0) {
        left--;
        // Runs expire, the oldest first: where one is gone, those of earlier days are too.
        if (!(await allHaveRuns(store, made, numbers, table, day))) {
          numbers = [];
          left = 0;
        }
      }
      numbers = [...without, ...numbers].sort((a, b) => a - b);
      if (numbers.length === 0) continue;
      const entry: JoinedDay = { table, day, into: made[numbers[numbers.length - 1]].chain, corrections: null };
      for (const number of numbers) joined[number] = withDay(joined[number], entry);
    }
  }
  return joined;
}

function withDay(interval: MadeInterval, entry: JoinedDay): MadeInterval {
  const isOther = ({ table, day }: { table: DayTable; day: string }): boolean =>
    table !== entry.table || day !== entry.day;
  return {
    ...interval,
    files: interval.files.filter(isOther),
    joined: [...interval.joined.filter(isOther), entry],
  };
}

/** What is there of each day of each table. */
function tableDays(made: readonly MadeInterval[]): TableDay[] {
  const days = new Map<string, TableDay>();
  const dayFor = (table: DayTable, day: string): TableDay => {
    const name = `${table} ${day}`;
    const known = days.get(name) ?? { table, day, present: [], without: [] };
    days.set(name, known);
    return known;
  };
  const chains = new Set(made.map(({ chain }) => chain));
  /** Of joined days, by what they are and the interval they stand with. */
  const joint = new Map<string, DayFiles>();
  for (const [number, { chain, files, joined }] of made.entries()) {
    const own = new Map<TableDay, DayFiles>();
    for (const { table, day, into } of joined) {
      const of = dayFor(table, day);
      if (!chains.has(into)) {
        of.without.push(number);
        continue;
      }
      const name = `${table} ${day} ${into}`;
      const known = joint.get(name) ?? { intervals: [], files: 0, rows: 0 };
      if (!joint.has(name)) of.present.push(known);
      joint.set(name, known);
      known.intervals.push(number);
      if (into === chain) own.set(of, known);
    }
    for (const { table, day, rows } of files) {
      const of = dayFor(table, day);
      const known = own.get(of) ?? { intervals: [number], files: 0, rows: 0 };
      if (!own.has(of)) of.present.push(known);
      own.set(of, known);
      known.files++;
      known.rows += rows;
    }
  }
  return [...days.values()];
}

/**
 * The intervals whose files of a day are joined; none when the small ones are few. Files with more rows than all other
 * small ones together are left as they are: else a few stragglers would each time have the whole day written again.
 */
function toJoin(present: readonly DayFiles[], fileRows: number): number[] {
  const small = present.filter(({ files, rows }) => rows < files * fileRows * SMALL).sort((a, b) => a.rows - b.rows);
  let rows = small.reduce((sum, day) => sum + day.rows, 0);
  for (let largest = small.at(-1); largest !== undefined && 2 * largest.rows > rows; largest = small.at(-1)) {
    rows -= largest.rows;
    small.pop();
  }
  const files = small.reduce((sum, day) => sum + day.files, 0);
  return files > MOST_SMALL_FILES ? small.flatMap(({ intervals }) => intervals) : [];
}

/** Whether the runs of intervals are there, that of the first looked at alone: mostly they are all there, or gone. */
async function allHaveRuns(
  store: ObjectStore,
  made: readonly MadeInterval[],
  numbers: readonly number[],
  table: DayTable,
  day: string,
): Promise<boolean> {
  const [first, ...others] = numbers.toSorted((a, b) => a - b);
  if (!(await hasRuns(store, made[first], table, day))) return false;
  const there = await inParallel(others, INTERVALS_AT_ONCE, (number) => hasRuns(store, made[number], table, day));
  return !there.includes(false);
}

/** Intervals that are looked at together, each with several requests at once. */
const INTERVALS_AT_ONCE = 8;

/** Whether all runs with an interval's rows of a day are there. */
async function hasRuns(
  store: ObjectStore,
  { job, number, partitions }: MadeInterval,
  table: DayTable,
  day: string,
): Promise<boolean> {
  const there = await inParallel(numbersTo(partitions), REQUESTS_AT_ONCE, async (task) => {
    const end = await getJson<IntervalEnd>(store, intervalEndKey(job, task, number));
    if (end === undefined) return false;
    for (const { key, batches } of table === 'sessions' ? end.sessionRuns : end.packetRuns) {
      const isOfDay = batches.some(({ firstUs, lastUs }) => dayOf(firstUs) <= day && dayOf(lastUs) >= day);
      if (isOfDay && (await store.head(key)) === undefined) return false;
    }
    return true;
  });
  return !there.includes(false);
}
