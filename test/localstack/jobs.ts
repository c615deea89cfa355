/** Jobs on a pipeline in the cloud, and the embedded runs over the same captures that they are held against. */
import assert from 'node:assert/strict';
import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Submitted, submitJob } from '../../shared/control/operate.ts';
import { type JobStatus, jobStatus } from '../../shared/control/status.ts';
import { loadJobFile } from '../../shared/job/context.ts';
import { jobConfig } from '../../shared/job/dataset/dataset.ts';
import { CLOUD_SIZES, type Sizes } from '../../shared/job/jobconfig.ts';
import { type GivenOptions, jobOptions } from '../../shared/job/options/options.ts';
import { inputsKey, summaryKey } from '../../shared/job/protocol/keys.ts';
import type { Done } from '../../shared/job/protocol/stageresults.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import { STAGE_ORDER } from '../../shared/stage/stages.ts';
import { listCaptures } from '../../shared/store/aws/s3list.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import { type CaptureRef, fileVersion } from '../../shared/store/capturesource.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../../shared/store/inparallel.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import type { TableName } from '../../shared/table/tables.ts';
import { datasetOf } from '../../shared/upload/watchedprefixes.ts';
import { type Ended, firstDifference, inOrder, lines, readTables, runJob, temporaryFolder } from '../job/harness.ts';
import type { Cloud } from './cloud.ts';
import { stackLog } from './running.ts';
import { messageCounts, waitFor } from './stack.ts';

/** Every stage has several tasks, of a few captures. */
export const SMALL_SIZES: Partial<Sizes> = {
  taskBytes: 100_000,
  shardRows: 500,
  partitionRows: 400,
  partitions: 4,
  fileRows: 100,
};

/** Bytes by key. */
export type Captures = ReadonlyMap<string, Uint8Array>;

export async function upload(cloud: Cloud, captures: Captures): Promise<void> {
  await inParallel([...captures], REQUESTS_AT_ONCE, ([key, bytes]) => cloud.captures.put(key, bytes));
}

/** Puts the marker object that starts a job. */
export async function putMarker(cloud: Cloud, prefix: string, options?: GivenOptions): Promise<void> {
  // As a person writes it: plain JSON, or nothing.
  await cloud.captures.put(`${prefix}_READY`, new TextEncoder().encode(options && JSON.stringify(options)));
}

/** The data set of a prefix that is given no other name. */
export function datasetOfPrefix(cloud: Cloud, prefix: string): string {
  return datasetOf(cloud.capturesBucket, prefix, cloud.capturesBucket);
}

/** What `flowstitch submit` does, with tasks of another size. */
export async function submit(
  cloud: Cloud,
  prefix: string,
  given: GivenOptions = {},
  sizes: Partial<Sizes> = SMALL_SIZES,
): Promise<Submitted> {
  const { work, queue, s3, capturesBucket } = cloud;
  const { captures } = await listCaptures(s3, capturesBucket, prefix);
  const config = await jobConfig(work, datasetOfPrefix(cloud, prefix), jobOptions(given), { ...CLOUD_SIZES, ...sizes });
  return submitJob(work, queue, config, captures, { prefix: `s3://${capturesBucket}/${prefix}`, by: 'submit' });
}

/** What a person would look at when a job does not end: its status, the queues, what the functions last said of it. */
async function whereItHangs({ endpoint, queueUrls, stack }: Cloud, job: string, last: object): Promise<string> {
  const queues = await inParallel(Object.entries(queueUrls), REQUESTS_AT_ONCE, async ([name, url]) => ({
    name,
    ...(await messageCounts(endpoint, url)),
  }));
  const logs = await inParallel(['deadletter', ...STAGE_ORDER], REQUESTS_AT_ONCE, async (name) => {
    const said = (await stackLog(stack, name)).split('\n').filter((line) => line.includes(job));
    return `${name}: ${said.slice(-10).join('\n')}`;
  });
  return [JSON.stringify(last), JSON.stringify(queues), ...logs].join('\n');
}

/** How a job has ended, once it has. */
export function ended(cloud: Cloud, job: string, seconds = 180): Promise<JobStatus> {
  const { work } = cloud;
  const known = new Map<string, Done>();
  let last: JobStatus | undefined;
  return waitFor(
    async () => `the end of job ${job}: ${await whereItHangs(cloud, job, { ...last })}`,
    async () => {
      last = await jobStatus(work, job, known);
      return last.state === 'waiting' || last.state === 'running' ? undefined : last;
    },
    seconds,
  );
}

/** The summary of a job, once it is committed. */
export async function committed(cloud: Cloud, job: string, seconds?: number): Promise<JobSummary> {
  const { state, end, failures } = await ended(cloud, job, seconds);
  assert.equal(state, 'committed', JSON.stringify({ end, failures }));
  return (await getJson<JobSummary>(cloud.work, summaryKey(job)))!;
}

/** The same job embedded: the same captures by the same names, the same configuration. */
async function embedded(cloud: Cloud, job: string, captures: Captures, folder: string, refused: Refused) {
  const inputs = (await getJson<CaptureRef[]>(cloud.work, inputsKey(job)))!;
  assert.equal(inputs.length, captures.size);
  const refs: CaptureRef[] = [];
  for (const [number, { name }] of inputs.entries()) {
    const location = join(folder, String(number));
    await writeFile(location, captures.get(parseS3Url(name).prefix)!);
    const version = (await fileVersion(location))!;
    refs.push({ name, location, ...version, ...(refused.has(name) && { refused: refused.get(name) }) });
  }
  return runJob(join(folder, 'results'), refs, (await loadJobFile(cloud.work, job)).config);
}

/** Names of captures that the embedded run is to leave out, with what it is to say of them. */
type Refused = ReadonlyMap<string, NonNullable<CaptureRef['refused']>>;

/** Copies a job's tables into a folder and reads them. */
async function tablesOf({ results }: Cloud, { files }: JobSummary, folder: string): Promise<Ended['tables']> {
  await inParallel(Object.values(files).flat(), REQUESTS_AT_ONCE, async (key) => {
    await mkdir(dirname(join(folder, key)), { recursive: true });
    await writeFile(join(folder, key), await results.get(key));
  });
  return readTables(folder, files);
}

/** Columns in which a bucket differs from a folder. */
const WITHOUT: Partial<Record<TableName, string[]>> = { captures: ['version'] };

/**
 * Asserts that a committed job has made what an embedded run makes of the same captures, row for row.
 * @param refused names of captures that could not be read, and why
 */
export async function assertAsEmbedded(
  cloud: Cloud,
  job: string,
  captures: Captures,
  refused: Refused = new Map(),
): Promise<Compared> {
  using folder = temporaryFolder();
  const summary = (await getJson<JobSummary>(cloud.work, summaryKey(job)))!;
  const expected = await embedded(cloud, job, captures, folder.path, refused);
  const actual = await tablesOf(cloud, summary, join(folder.path, 'cloud'));
  for (const table of Object.keys(actual) as TableName[]) {
    const rows = (tables: Ended['tables']): string[] => lines(inOrder(table, tables[table]), WITHOUT[table]);
    assert.equal(firstDifference(rows(actual), rows(expected.tables)), null, `${table} of job ${job}`);
  }
  assert.ok(actual.sessions.length > 0, 'there are sessions');
  assert.deepEqual(figures(summary), figures(expected.summary));
  return { cloud: summary, embedded: expected.summary };
}

/** The summaries of a job and of the embedded run. */
export interface Compared {
  cloud: JobSummary;
  embedded: JobSummary;
}

/** What a summary says of the captures, apart from how the work was cut. */
function figures(summary: JobSummary): Partial<JobSummary> {
  const { captures, captureBytes, packets, sessions, spanning, longest, conservation, damaged } = summary;
  return { captures, captureBytes, packets, sessions, spanning, longest, conservation, damaged };
}
