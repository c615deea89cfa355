/**
 * Queries over results in S3. With its extension httpfs, if its file is named, DuckDB reads the ranges it needs
 * itself. Without it the files that a query needs are fetched like any other object, and cached.
 */
import type { S3Client } from '@aws-sdk/client-s3';
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import { currentKey, DATASETS_PREFIX, tablePrefix } from '../../shared/job/protocol/keys.ts';
import { neededDays } from '../../shared/query/neededfiles.ts';
import type { QueryResult } from '../../shared/query/queryresult.ts';
import type { RemoteFiles } from '../../shared/query/remotefiles.ts';
import { isNotAtHand, openResults, type ResultFiles } from '../../shared/query/results.ts';
import { S3Captures } from '../../shared/store/aws/s3captures.ts';
import { s3Client } from '../../shared/store/aws/s3client.ts';
import { s3Url } from '../../shared/store/aws/s3errors.ts';
import { S3Store } from '../../shared/store/aws/s3store.ts';
import { parseS3Url } from '../../shared/store/aws/s3url.ts';
import { inParallel, REQUESTS_AT_ONCE } from '../../shared/store/inparallel.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import type { ObjectHead } from '../../shared/store/objectstore.ts';
import { TABLE_NAMES, type TableName } from '../../shared/table/tables.ts';
import { VIEWS } from '../../shared/views/index.ts';
import { bytesText, counted, durationText } from '../text/format.ts';
import { LiveLine, type ProgressOutput } from '../text/liveline.ts';
import { UsageError } from '../usage/usage.ts';
import { answersOf } from './answer.ts';
import { dayOfKey, FileCache, type RemoteFile } from './filecache.ts';
import { remoteFiles } from './httpfs.ts';

/** Fetching that takes longer is shown, milliseconds. */
const LONG_MS = 2000;
const RENEW_MS = 200;

/** Keys of tables' files. */
type Files = Partial<CurrentJob['files']>;

export class S3Results {
  private readonly client: S3Client;
  private readonly store: S3Store;
  private readonly cache: FileCache;
  private readonly output: ProgressOutput | null;

  /**
   * @param place s3://BUCKET/, or a prefix in a bucket below which the results are
   * @param output where is shown that fetching takes long
   * @throws StoreError that says what is wrong with the place
   */
  constructor(place: string, output: ProgressOutput | null, client = s3Client(), cache = new FileCache()) {
    const { bucket, prefix } = parseS3Url(place);
    this.client = client;
    this.store = new S3Store(client, bucket, prefix === '' || prefix.endsWith('/') ? prefix : `${prefix}/`);
    this.cache = cache;
    this.output = output;
  }

  /** The newest committed job of each data set, by the data set's name. */
  async currentJobs(): Promise<Map<string, CurrentJob>> {
    const names: string[] = [];
    for await (const { key } of this.store.list(DATASETS_PREFIX)) {
      const [, name] = key.split('/');
      if (key === currentKey(name)) names.push(name);
    }
    const jobs = await inParallel(names, REQUESTS_AT_ONCE, (name) => getJson<CurrentJob>(this.store, currentKey(name)));
    return new Map(names.flatMap((name, i) => (jobs[i] === undefined ? [] : [[name, jobs[i]]])));
  }

  /** The results of a query or several over a job's tables. @throws DuckDB's error, which names the place in the SQL; StoreError */
  async query(dataset: string, job: CurrentJob, query: string): Promise<QueryResult[]> {
    const remote = await remoteFiles(this.client, this.store);
    const over = (files: Files): Promise<QueryResult[]> => {
      if (remote === undefined) return this.queryKept(dataset, job, query, files);
      return runOnce(
        job,
        query,
        resultFiles(files, (keys) => keys.map((key) => this.store.url(key))),
        remote,
      );
    };
    try {
      return await over(await neededFiles(query, job.files));
    } catch (error) {
      // It names a table in a way that is not seen from outside.
      if (!isNotAtHand(error)) throw error;
      return over(Object.fromEntries(TABLE_NAMES.map((table) => [table, job.files[table] ?? []])));
    }
  }

  /** The files are fetched, and kept for the next query. */
  private async queryKept(dataset: string, job: CurrentJob, query: string, needed: Files): Promise<QueryResult[]> {
    const files = await inParallel(TABLE_NAMES, REQUESTS_AT_ONCE, (table) =>
      this.filesOf(dataset, job.job, table, needed[table] ?? []),
    );
    const held = await this.fetch(files.flat());
    try {
      let from = 0;
      const paths = resultFiles(needed, ({ length }) => held.paths.slice(from, (from += length)));
      return await runOnce(job, query, paths);
    } finally {
      await held.release();
    }
  }

  /** Heads of a table's files. */
  private async filesOf(
    dataset: string,
    job: string,
    table: TableName,
    keys: readonly string[],
  ): Promise<RemoteFile[]> {
    if (keys.length === 0) return [];
    const heads = new Map<string, ObjectHead>();
    for await (const head of this.store.list(tablePrefix(table, dataset))) heads.set(head.key, head);
    const { bucket, prefix } = this.store;
    return keys.map((key) => {
      const head = heads.get(key);
      if (head === undefined)
        throw new UsageError(
          `${s3Url(bucket, prefix + key)} is gone: the results of job ${job} are no longer complete`,
        );
      return { bucket, key: prefix + key, version: head.version, size: head.size };
    });
  }

  private async fetch(files: readonly RemoteFile[]) {
    const captures = new S3Captures(this.client);
    const whole = files.reduce((sum, { size }) => sum + size, 0);
    const line = new LiveLine(this.output);
    const startedAt = performance.now();
    let bytes = 0;
    let shownAt = startedAt + LONG_MS;
    const held = await this.cache.hold(
      files,
      ({ bucket, key, version, size }) => {
        const url = s3Url(bucket, key);
        return captures.stream({ name: url, location: url, version, size });
      },
      (more) => {
        bytes += more;
        const now = performance.now();
        if (now < shownAt) return;
        shownAt = now + RENEW_MS;
        line.renew(`fetching results: ${bytesText(bytes)} of at most ${bytesText(whole)}`);
      },
    );
    line.end();
    const seconds = (performance.now() - startedAt) / 1000;
    if (held.fetchedFiles > 0 && seconds * 1000 >= LONG_MS)
      line.line(
        `fetched ${bytesText(held.fetchedBytes)} in ${counted(held.fetchedFiles, 'file')}, ${durationText(seconds)}; kept for the next query`,
      );
    return held;
  }
}

/** Where the files of each table are; null for a table that is not available. */
function resultFiles(files: Files, places: (keys: readonly string[]) => string[]): ResultFiles {
  const entries = TABLE_NAMES.map((table) => [table, files[table] === undefined ? null : places(files[table])]);
  return Object.fromEntries(entries);
}

async function runOnce(
  job: CurrentJob,
  query: string,
  files: ResultFiles,
  remote?: RemoteFiles,
): Promise<QueryResult[]> {
  const open = await openResults(files, {}, remote);
  try {
    return await answersOf(open, job, query, 'submit');
  } finally {
    open.close();
  }
}

/** The files that a query can need; undefined for a table where that is unknown. */
async function neededFiles(query: string, files: Files): Promise<Files> {
  const days = TABLE_NAMES.map((table) => [table, [...new Set(files[table]?.map(dayOfKey))]]);
  const needed = await neededDays(query, Object.fromEntries(days));
  const tables = needed === undefined ? mentionedTables(query) : TABLE_NAMES;
  const ofDays = (table: TableName): string[] =>
    (files[table] ?? []).filter((key) => needed === undefined || needed.get(table)?.has(dayOfKey(key)));
  return Object.fromEntries(tables.map((table) => [table, ofDays(table)]));
}

/** Tables that a text names, itself or by way of a view, unless it hides their names. */
function mentionedTables(query: string): TableName[] {
  const names = (text: string, name: string): boolean => new RegExp(`\\b${name}\\b`, 'i').test(text);
  const views = VIEWS.filter(({ name }) => names(query, name)).map(({ sql }) => sql);
  return TABLE_NAMES.filter((table) => [query, ...views].some((text) => names(text, table)));
}
