/**
 * The commit stage: writes the tables that have one file per job, and then makes
 * the whole job visible in one step, by making it the data set's current one.
 */

import { join } from 'node:path';
import { currentState } from '../../catalog/showcurrent.ts';
import { showInCatalog } from '../../catalog/step.ts';
import { requireJson, type TaskContext } from '../../job/context.ts';
import { makeCurrent } from '../../job/dataset/currentjob.ts';
import { keepCaptures, rankedCaptures } from '../../job/dataset/datasetcaptures.ts';
import { allInputs } from '../../job/inputs.ts';
import { type Job, lineOf } from '../../job/jobconfig.ts';
import { chainKey, jobFileKey, summaryKey, tablePrefix } from '../../job/protocol/keys.ts';
import type { StageResults } from '../../job/protocol/stageresults.ts';
import { eachResult, stageResult, stageResults } from '../../job/protocol/taskends.ts';
import { conservationOf, type JobSummary, summarize } from '../../job/summary.ts';
import type { Chain, IntervalsPlan, MadeInterval } from '../../job/tasks/interval.ts';
import type { PublishedFile, PublishSpec } from '../../job/tasks/publishtask.ts';
import { addGained, type Gained, NOTHING_GAINED, type TurnedPart } from '../../job/tasks/reduced.ts';
import { eachInParallel, REQUESTS_AT_ONCE } from '../../store/inparallel.ts';
import { listBytes } from '../../store/jsonobject.ts';
import type { ObjectStore } from '../../store/objectstore.ts';
import { JOB_TABLES, perTable } from '../../table/tables.ts';
import { specsOf } from '../specs.ts';
import type { StageWork } from '../stage.ts';
import { WRITERS } from './jobtables.ts';
import { checkCaptures, checkConserved, checkWritten } from './reconcile.ts';

/** Objects that are removed by one request. */
const REMOVED_AT_ONCE = 1000;

export const commitStage: StageWork<'commit'> = { stage: 'commit', run: runCommit };

async function runCommit(context: TaskContext, job: Job): Promise<StageResults['commit']> {
  const { store, results, scratch } = context;
  const { dataset } = job.config;
  const balance = await stageResult(store, job.job, 'balance', 'commit');
  const captures = await rankedCaptures(store, balance.captures);
  const mapped = await stageResults(store, job.job, 'map');
  const plan = await requireJson<IntervalsPlan>(store, balance.intervals);
  const chain = await chainOf(context, job, plan, balance);
  checkCaptures(job, await allInputs(store, job.job), captures);
  checkConserved(job, { conservation: conservationOf(captures), captures, balance, ...chain });

  const files = perTable((): string[] => []);
  const fileBytes: JobSummary['fileBytes'] = {};
  for (const { table, key, bytes } of chain.files) {
    files[table].push(key);
    fileBytes[key] = bytes;
  }
  for (const table of JOB_TABLES) {
    const path = join(scratch, `${table}.parquet`);
    const { given, written } = await WRITERS[table](path, { store, captures, mapped, balance }, scratch);
    checkWritten(job, table, given, written);
    const key = jobFileKey(table, dataset, job.job);
    files[table].push(key);
    fileBytes[key] = await results.putFile(key, path);
  }

  const summary = summarize(job, captures, mapped, balance, chain.gained, { files, fileBytes });
  await store.put(summaryKey(job.job), listBytes(summary));
  const { intervals } = chain;
  await store.put(chainKey(dataset, lineOf(job.config)), listBytes({ intervals } satisfies Chain));
  await keepCaptures(store, dataset, job.job, captures);
  // Programs that wait for a folder of tables look for this name.
  const before = await currentState(results, dataset);
  await makeCurrent(results, summary);
  await results.put(`${tablePrefix('sessions', dataset)}_SUCCESS`, new Uint8Array(0));
  const behind = await showInCatalog(store, results, summary, before);
  if (behind !== null) context.onBehind?.(behind.reason);
  await removeMerged(store, balance);
  return { summary: summaryKey(job.job) };
}

/** What merge tasks wrote is of no more use: the shards, of which they are parts, stay. */
async function removeMerged(store: ObjectStore, { merges, specs }: StageResults['balance']): Promise<void> {
  if (merges === 0) return;
  let keys: string[] = [];
  for await (const { key } of store.list(`${specs}merged-`)) {
    keys.push(key);
    if (keys.length === REMOVED_AT_ONCE) {
      await store.remove(keys);
      keys = [];
    }
  }
  await store.remove(keys);
}

/**
 * The intervals of the job as later jobs find them, what they gave together, and the files of the tables by day, in the
 * order of intervals.
 */
async function chainOf(
  { store }: TaskContext,
  job: Job,
  { made, rest }: IntervalsPlan,
  { partitions, names }: StageResults['balance'],
): Promise<{ intervals: MadeInterval[]; gained: Gained; files: PublishedFile[] }> {
  const turned: TurnedPart[] = [];
  let gained = made.at(-1)?.total ?? NOTHING_GAINED;
  for await (const result of eachResult(store, job.job, 'reduce')) {
    if (result === null) continue;
    turned.push(...result.turned);
    gained = addGained(gained, result.gained);
  }
  const turnedIn = Map.groupBy(turned, ({ interval }) => interval);
  const intervals: MadeInterval[] = [
    ...made,
    ...rest.map((interval, at): MadeInterval => {
      const number = made.length + at;
      return {
        ...interval,
        job: job.job,
        number,
        partitions,
        names,
        files: [],
        joined: [],
        turned: (turnedIn.get(number) ?? []).map(({ interval: _, ...part }) => part),
        corrections: [],
        total: NOTHING_GAINED,
      };
    }),
  ];
  let total = made.at(-1)?.total ?? NOTHING_GAINED;
  const files: PublishedFile[] = [];
  const results = await stageResults(store, job.job, 'publish');
  const specOf = await specsOf<PublishSpec>(store, job.job, 'publish');
  const specs = eachInParallel(results.keys(), REQUESTS_AT_ONCE, specOf);
  for (const result of results) {
    const { value: spec } = await specs.next();
    if (spec === undefined) throw new Error('there are more results of publish than tasks');
    const { table, interval: number, corrections, only, without } = spec;
    if (result === null) continue;
    if (result.gained !== null) total = addGained(total, result.gained);
    const interval = intervals[number];
    if (interval === undefined) files.push(...result.files);
    else if (only !== null) setJoined(intervals, spec, result.files);
    else {
      const others = interval.files.filter((file) => file.table !== table || without.includes(file.day));
      intervals[number] = {
        ...interval,
        files: [...others, ...result.files],
        ...(table === 'packets' ? { corrections } : { total }),
      };
    }
  }
  return { intervals, gained, files: [...intervals.flatMap((interval) => interval.files), ...files] };
}

/** Puts the files of a joined day to the interval with which they stand. */
function setJoined(
  intervals: MadeInterval[],
  { table, interval: number, only, corrections }: PublishSpec,
  files: readonly PublishedFile[],
): void {
  const { chain } = intervals[number];
  for (let at = 0; at <= number; at++) {
    const joined = intervals[at].joined.map((day) =>
      day.table === table && day.day === only && day.into === chain ? { ...day, corrections } : day,
    );
    intervals[at] = { ...intervals[at], joined };
  }
  const others = intervals[number].files.filter((file) => file.table !== table || file.day !== only);
  intervals[number] = { ...intervals[number], files: [...others, ...files] };
}
