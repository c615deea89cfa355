/**
 * The commit stage: writes the tables of captures and anomalies, and then makes
 * the whole job visible in one step, by naming it the data set's current one.
 */
import { join } from 'node:path';
import type { AnomalyRow } from '../capture/anomaly.ts';
import { linkTypeName } from '../capture/linktypes.ts';
import { JobError, requireJson, type TaskContext } from '../job/context.ts';
import { makeCurrent } from '../job/currentjob.ts';
import type { Job } from '../job/jobconfig.ts';
import { inputsKey, STAGES, summaryKey, tablePrefix } from '../job/keys.ts';
import { readListed, readParts } from '../job/listparts.ts';
import type { AnomalyPlaces, MapSummary, RankedCapture } from '../job/maptask.ts';
import type { RequestTotals, StageResults } from '../job/stageresults.ts';
import { conservationOf, type JobSummary, summarize, undecodable } from '../job/summary.ts';
import { eachEnd, eachResult, stageResults } from '../job/taskends.ts';
import { FATE_NOT_IP, FATE_SESSION } from '../packet/fate.ts';
import type { CaptureRef } from '../store/capturesource.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { writeAnomalies } from '../table/anomalies.ts';
import { AnomalySort } from '../table/anomalysort.ts';
import { type CaptureRow, writeCaptures } from '../table/captures.ts';
import type { ParquetFile } from '../table/parquet/parquetfile.ts';
import { checkCaptures, checkConserved, checkWritten } from './reconcile.ts';

export async function runCommit(context: TaskContext, job: Job): Promise<StageResults['commit']> {
  const { store, results, scratch, duckdbMemory } = context;
  const { dataset } = job.config;
  const [balance] = await stageResults(store, job.job, 'balance');
  if (balance === null || balance === undefined)
    throw new JobError('the balance stage has no result', job.job, 'commit');
  const captures: RankedCapture[] = [];
  for await (const part of readListed<RankedCapture>(store, balance.captures))
    for (const capture of part) captures.push(capture);
  const mapped = await stageResults(store, job.job, 'map');
  const reduced: StageResults['reduce'][] = [];
  // Their lists were for publish and are the most of them: what is left are sums.
  for await (const result of eachResult(store, job.job, 'reduce'))
    if (result !== null)
      reduced.push({ ...result, sessionRuns: [], packetRuns: [], turned: [], sessionStarts: [], packetStarts: [] });
  const published = (await stageResults(store, job.job, 'publish')).flatMap((result) => result?.files ?? []);
  checkCaptures(job, await requireJson<CaptureRef[]>(store, inputsKey(job.job)), captures);
  checkConserved(job, { conservation: conservationOf(captures), captures, balance, reduced, published });

  const limits = { memoryLimit: duckdbMemory, tempDirectory: scratch };
  const files: JobSummary['files'] = {
    sessions: published.filter(({ table }) => table === 'sessions').map(({ key }) => key),
    packets: published.filter(({ table }) => table === 'packets').map(({ key }) => key),
    captures: [`${tablePrefix('captures', dataset, job.job)}part-0.parquet`],
    anomalies: [`${tablePrefix('anomalies', dataset, job.job)}part-0.parquet`],
  };
  const fileBytes = Object.fromEntries(published.map(({ key, bytes }) => [key, bytes]));
  const capturesFile = await writeCaptures(join(scratch, 'captures.parquet'), captureRows(captures), limits);
  checkWritten(job, 'captures', captures.length, capturesFile.rows);
  fileBytes[files.captures[0]] = await results.putFile(files.captures[0], capturesFile.path);
  const anomalies = new AnomalySort(scratch);
  let anomaliesFile: ParquetFile;
  try {
    for await (const rows of anomalyRows(context, mapped, balance.anomalies))
      for (const row of rows) anomalies.add(row);
    const nameOf = (rank: number): string => captures[rank].capture.name;
    anomaliesFile = await writeAnomalies(join(scratch, 'anomalies.parquet'), anomalies.sorted(), nameOf, limits);
  } finally {
    anomalies.close();
  }
  checkWritten(job, 'anomalies', anomalies.rows, anomaliesFile.rows);
  fileBytes[files.anomalies[0]] = await results.putFile(files.anomalies[0], anomaliesFile.path);

  const summary = summarize(job, captures, mapped, balance, reduced, { files, fileBytes });
  const requests = await jobRequests(store, job.job);
  if (requests !== undefined) summary.requests = requests;
  await store.put(summaryKey(job.job), jsonBytes(summary));
  // Programs that wait for a folder of tables look for this name.
  await results.put(`${tablePrefix('sessions', dataset, job.job)}_SUCCESS`, new Uint8Array(0));
  await makeCurrent(results, summary);
  await context.catalog?.register(summary);
  return { summary: summaryKey(job.job) };
}

/** The anomalies of all map tasks, one part at a time, and then balance's; `capture` is the rank. */
async function* anomalyRows(
  { store }: TaskContext,
  mapped: readonly (StageResults['map'] | null)[],
  places: string,
): AsyncGenerator<AnomalyRow[]> {
  const { ranks, parts } = await requireJson<AnomalyPlaces>(store, places);
  for (const [task, result] of mapped.entries()) {
    if (result === null) continue;
    const { anomalies, anomalyParts = [] } = await requireJson<MapSummary>(store, result.summary);
    const ranked = (row: AnomalyRow): AnomalyRow => ({ ...row, capture: ranks[task][row.capture] });
    for await (const rows of readParts<AnomalyRow>(store, anomalyParts)) yield rows.map(ranked);
    yield anomalies.map(ranked);
  }
  yield* readParts<AnomalyRow>(store, parts);
}

function* captureRows(captures: readonly RankedCapture[]): Generator<CaptureRow> {
  for (const [rank, outcome] of captures.entries()) yield captureRow(outcome, rank);
}

/** Requests of all tasks that have ended, by kind; undefined where they are not counted. What moves the job on is not among them. */
async function jobRequests(store: ObjectStore, job: string): Promise<RequestTotals | undefined> {
  let totals: RequestTotals | undefined;
  for (const stage of STAGES)
    for await (const done of eachEnd(store, job, stage)) {
      if (!done?.ok || done.requests === undefined) continue;
      totals ??= {};
      for (const [kind, count] of Object.entries(done.requests)) totals[kind] = (totals[kind] ?? 0) + count;
    }
  return totals;
}

function captureRow(outcome: RankedCapture, rank: number): CaptureRow {
  const { capture, facts, fates, failure } = outcome;
  const first = facts.damage[0];
  return {
    capture: capture.name,
    format: facts.format,
    compression: facts.compression,
    linkTypes: facts.linkTypes.map(linkTypeName),
    snaplen: facts.snaplen,
    timestampResolution: facts.resolution,
    first: facts.firstUs === null ? null : { us: facts.firstUs, ns: facts.firstNs ?? 0 },
    last: facts.lastUs === null ? null : { us: facts.lastUs, ns: facts.lastNs ?? 0 },
    packets: facts.records,
    bytes: facts.bytes,
    storedBytes: capture.size,
    outOfOrder: facts.outOfOrder,
    status: facts.status,
    damageOffset: first?.offset ?? null,
    damageReason: failure?.reason ?? first?.reason ?? null,
    packetsInSessions: fates[FATE_SESSION],
    fragmentsCompleted: outcome.fragmentsCompleted,
    fragmentsIncomplete: outcome.fragmentsIncomplete,
    notIp: fates[FATE_NOT_IP],
    undecodable: undecodable(fates),
    version: capture.version,
    digest: outcome.digest,
    rank,
  };
}
