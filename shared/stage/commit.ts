/**
 * The commit stage: writes the tables that have one file per job, and then makes
 * the whole job visible in one step, by making it the data set's current one.
 */

import { join } from 'node:path';
import { showInCatalog } from '../job/catalogstep.ts';
import { JobError, type TaskContext } from '../job/context.ts';
import { makeCurrent } from '../job/currentjob.ts';
import { allInputs } from '../job/inputs.ts';
import type { Job } from '../job/jobconfig.ts';
import { summaryKey, tablePrefix } from '../job/keys.ts';
import { readListed } from '../job/listparts.ts';
import type { RankedCapture } from '../job/maptask.ts';
import type { RequestTotals, StageResults } from '../job/stageresults.ts';
import { conservationOf, type JobSummary, summarize } from '../job/summary.ts';
import { eachEnd, eachResult, stageResults } from '../job/taskends.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { JOB_TABLES, TABLE_NAMES } from '../table/tables.ts';
import { WRITERS } from './jobtables.ts';
import { checkCaptures, checkConserved, checkWritten } from './reconcile.ts';
import type { StageWork } from './stage.ts';
import { STAGE_ORDER } from './stages.ts';

export const commitStage: StageWork<'commit'> = { stage: 'commit', run: runCommit };

async function runCommit(context: TaskContext, job: Job): Promise<StageResults['commit']> {
  const { store, results, scratch } = context;
  const { dataset } = job.config;
  const [balance] = await stageResults(store, job.job, 'balance');
  if (balance === null || balance === undefined)
    throw new JobError('the balance stage has no result', job.job, 'commit');
  const captures: RankedCapture[] = [];
  for await (const part of readListed<RankedCapture>(store, balance.captures))
    for (const capture of part) captures.push(capture);
  const mapped = await stageResults(store, job.job, 'map');
  const reduced: StageResults['reduce'][] = [];
  // Without their lists, which are large and only for publish.
  for await (const result of eachResult(store, job.job, 'reduce'))
    if (result !== null)
      reduced.push({ ...result, sessionRuns: [], packetRuns: [], turned: [], sessionStarts: [], packetStarts: [] });
  const published = (await stageResults(store, job.job, 'publish')).flatMap((result) => result?.files ?? []);
  checkCaptures(job, await allInputs(store, job.job), captures);
  checkConserved(job, { conservation: conservationOf(captures), captures, balance, reduced, published });

  const files = Object.fromEntries(TABLE_NAMES.map((table) => [table, []])) as unknown as JobSummary['files'];
  const fileBytes: JobSummary['fileBytes'] = {};
  for (const { table, key, bytes } of published) {
    files[table].push(key);
    fileBytes[key] = bytes;
  }
  for (const table of JOB_TABLES) {
    const path = join(scratch, `${table}.parquet`);
    const { given, written } = await WRITERS[table](path, { store, captures, mapped, balance }, scratch);
    checkWritten(job, table, given, written);
    const key = `${tablePrefix(table, dataset, job.job)}part-0.parquet`;
    files[table].push(key);
    fileBytes[key] = await results.putFile(key, path);
  }

  const summary = summarize(job, captures, mapped, balance, reduced, { files, fileBytes });
  const requests = await jobRequests(store, job.job);
  if (requests !== undefined) summary.requests = requests;
  await store.put(summaryKey(job.job), jsonBytes(summary));
  // Programs that wait for a folder of tables look for this name.
  await results.put(`${tablePrefix('sessions', dataset, job.job)}_SUCCESS`, new Uint8Array(0));
  await makeCurrent(results, summary);
  const behind = await showInCatalog(store, context.catalog, summary);
  if (behind !== null) context.onBehind?.(behind.reason);
  return { summary: summaryKey(job.job) };
}

/** Requests of all tasks that have ended, by kind; undefined where they are not counted. Those for moving the job on are not included. */
async function jobRequests(store: ObjectStore, job: string): Promise<RequestTotals | undefined> {
  let totals: RequestTotals | undefined;
  for (const stage of STAGE_ORDER)
    for await (const done of eachEnd(store, job, stage)) {
      if (!done?.ok || done.requests === undefined) continue;
      totals ??= {};
      for (const [kind, count] of Object.entries(done.requests)) totals[kind] = (totals[kind] ?? 0) + count;
    }
  return totals;
}
