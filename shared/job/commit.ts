/**
 * The commit stage: writes the tables of captures and anomalies, and then makes
 * the whole job visible in one step, by naming it the data set's current one.
 */
import { join } from 'node:path';
import type { AnomalyRow } from '../capture/anomalies.ts';
import { linkTypeName } from '../capture/linktypes.ts';
import { FATE_NOT_IP, FATE_SESSION } from '../packet/fate.ts';
import { jsonBytes } from '../store/jsonobject.ts';
import type { ObjectStore } from '../store/objectstore.ts';
import { writeAnomalies } from '../table/anomalies.ts';
import { type CaptureRow, writeCaptures } from '../table/captures.ts';
import { stageEnds, stageResults } from './barrier.ts';
import { JobError, type RequestTotals, requireJson, type TaskContext } from './context.ts';
import { makeCurrent } from './current.ts';
import { STAGES, summaryKey, tablePrefix } from './keys.ts';
import { checkConserved, checkWritten } from './reconcile.ts';
import { conservationOf, type JobSummary, summarize, undecodable } from './summary.ts';
import type { Job, RankedCapture, StageResults } from './types.ts';

export async function runCommit(context: TaskContext, job: Job): Promise<StageResults['commit']> {
  const { store, results, scratch, duckdbMemory } = context;
  const { dataset } = job.config;
  const [balance] = await stageResults(store, job.job, 'balance');
  if (balance === null || balance === undefined)
    throw new JobError('the balance stage has no result', job.job, 'commit');
  const captures = await requireJson<RankedCapture[]>(store, balance.captures);
  const anomalies = await requireJson<AnomalyRow[]>(store, balance.anomalies);
  const mapped = await stageResults(store, job.job, 'map');
  const reduced = (await stageResults(store, job.job, 'reduce')).filter((result) => result !== null);
  const published = (await stageResults(store, job.job, 'publish')).flatMap((result) => result?.files ?? []);
  checkConserved(job, { conservation: conservationOf(captures), captures, balance, reduced, published });

  const limits = { memoryLimit: duckdbMemory, tempDirectory: scratch };
  const files: JobSummary['files'] = {
    sessions: published.filter(({ table }) => table === 'sessions').map(({ key }) => key),
    packets: published.filter(({ table }) => table === 'packets').map(({ key }) => key),
    captures: [`${tablePrefix('captures', dataset, job.job)}part-0.parquet`],
    anomalies: [`${tablePrefix('anomalies', dataset, job.job)}part-0.parquet`],
  };
  const capturesFile = await writeCaptures(join(scratch, 'captures.parquet'), captures.map(captureRow), limits);
  checkWritten(job, 'captures', captures.length, capturesFile.rows);
  await results.putFile(files.captures[0], capturesFile.path);
  const named = anomalies.map((row) => ({ ...row, captureName: captures[row.capture].capture.name }));
  const anomaliesFile = await writeAnomalies(join(scratch, 'anomalies.parquet'), named, limits);
  checkWritten(job, 'anomalies', named.length, anomaliesFile.rows);
  await results.putFile(files.anomalies[0], anomaliesFile.path);

  const summary = summarize(job, captures, mapped, balance, reduced, files);
  const requests = await jobRequests(store, job.job);
  if (requests !== undefined) summary.requests = requests;
  await store.put(summaryKey(job.job), jsonBytes(summary));
  // Programs that wait for a folder of tables look for this name.
  await results.put(`${tablePrefix('sessions', dataset, job.job)}_SUCCESS`, new Uint8Array(0));
  await makeCurrent(results, summary);
  await context.catalog?.register(summary);
  return { summary: summaryKey(job.job) };
}

/** Requests of all tasks that have ended, by kind; undefined where they are not counted. What moves the job on is not among them. */
async function jobRequests(store: ObjectStore, job: string): Promise<RequestTotals | undefined> {
  let totals: RequestTotals | undefined;
  for (const stage of STAGES)
    for (const done of await stageEnds(store, job, stage)) {
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
