/**
 * Whole jobs in one process, without threads: every message is drawn from the
 * queue in any order and its task is run here, so that a test chooses the order,
 * the store and the queue. The tables are read back through SQL, as a reader would.
 */

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { startJob } from '../../shared/control/start.ts';
import { runTask } from '../../shared/control/task.ts';
import type { TaskContext } from '../../shared/job/context.ts';
import { DEFAULT_SIZES, type JobConfig, type Sizes } from '../../shared/job/jobconfig.ts';
import { endKey, summaryKey } from '../../shared/job/protocol/keys.ts';
import type { JobSummary } from '../../shared/job/summary.ts';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import { openResults } from '../../shared/query/results.ts';
import { InProcessQueue } from '../../shared/queue/inprocess.ts';
import type { TaskMessage } from '../../shared/queue/taskqueue.ts';
import { DEFAULTS } from '../../shared/session/sessionconfig.ts';
import { workOf } from '../../shared/stage/works.ts';
import { type CaptureRef, type CaptureSource, FileCaptures, fileVersion } from '../../shared/store/capturesource.ts';
import { DirectoryStore } from '../../shared/store/directorystore.ts';
import { getJson } from '../../shared/store/jsonobject.ts';
import type { ObjectStore } from '../../shared/store/objectstore.ts';
import { perTable, type TableName } from '../../shared/table/tables.ts';

export { random } from '../capture/build.ts';
export { SEED } from '../seed.ts';

/** A whole number in [from, to]. */
export function between(next: () => number, from: number, to: number): number {
  return from + Math.floor(next() * (to - from + 1));
}

export function pick<T>(next: () => number, choices: readonly T[]): T {
  return choices[Math.floor(next() * choices.length)];
}

/** The list in an order of its own (Fisher and Yates). */
export function shuffled<T>(next: () => number, list: readonly T[]): T[] {
  const copy = [...list];
  for (let i = copy.length - 1; i > 0; i--) {
    const j = Math.floor(next() * (i + 1));
    [copy[i], copy[j]] = [copy[j], copy[i]];
  }
  return copy;
}

/** A folder below the system's temporary one, and how to be rid of it. */
export function temporaryFolder(): { path: string; [Symbol.dispose](): void } {
  const path = mkdtempSync(join(tmpdir(), 'flowstitch-job-'));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A configuration in which nothing is cut: Zeek's timeouts, one of everything. */
export function plainConfig(changes: Partial<Omit<JobConfig, 'sizes'>> & { sizes?: Partial<Sizes> } = {}): JobConfig {
  return {
    dataset: 'test',
    sharding: { buckets: 1024, seed: 1, by: '5tuple' },
    decode: { keyVlan: false },
    sessions: { ...DEFAULTS },
    packets: false,
    ...changes,
    sizes: { ...DEFAULT_SIZES, ...changes.sizes },
  };
}

/** Files as a job takes them, named by the last part of their paths. */
export async function captureRefs(paths: readonly string[]): Promise<CaptureRef[]> {
  const refs: CaptureRef[] = [];
  for (const location of paths) refs.push({ name: basename(location), location, ...(await fileVersion(location))! });
  return refs;
}

/** One row of a table, its values by column name. */
export type Row = Record<string, QueryValue>;

/** All rows of every table, in the order of the job's files. */
export type Tables = Record<TableName, Row[]>;

/** Where a job in one process keeps its things: below one folder. */
export class Workplace {
  readonly folder: string;
  store: ObjectStore;
  results: ObjectStore;
  captures: CaptureSource = new FileCaptures();

  constructor(folder: string) {
    this.folder = folder;
    this.store = new DirectoryStore(join(folder, '_flowstitch'));
    this.results = new DirectoryStore(folder);
  }

  /** Does one message, with an empty scratch folder of its own. @param more what else the task is told */
  async run(
    message: TaskMessage,
    queue: { send(messages: readonly TaskMessage[]): Promise<void> },
    more: Partial<TaskContext> = {},
  ): Promise<void> {
    mkdirSync(this.folder, { recursive: true });
    const scratch = mkdtempSync(join(this.folder, 'scratch-'));
    try {
      const { store, results, captures } = this;
      await runTask({ store, results, captures, queue, scratch, ...more }, message, workOf);
    } finally {
      rmSync(scratch, { recursive: true, force: true });
    }
  }

  /** Works a queue off, drawing among its messages at random. */
  async drain(queue: InProcessQueue, next: () => number): Promise<void> {
    while (queue.depth > 0) {
      const hands = Array.from({ length: Math.min(queue.depth, 16) }, () => queue.receive()!);
      const chosen = pick(next, hands);
      for (const other of hands) {
        if (other === chosen) continue;
        other.acknowledge();
        await queue.send([other.message]);
      }
      await this.run(chosen.message, queue);
      chosen.acknowledge();
    }
  }

  /** @throws Error when the job ended without a summary */
  async summary(job: string): Promise<JobSummary> {
    const summary = await getJson<JobSummary>(new DirectoryStore(join(this.folder, '_flowstitch')), summaryKey(job));
    if (summary !== undefined) return summary;
    const failed = await getJson<unknown>(new DirectoryStore(join(this.folder, '_flowstitch')), endKey(job));
    throw new Error(`job ${job} has no summary; failure: ${JSON.stringify(failed)}`);
  }
}

/** What a job has come to. */
export interface Ended {
  job: string;
  summary: JobSummary;
  tables: Tables;
}

const ALL_TABLES: readonly TableName[] = ['sessions', 'packets', 'captures', 'anomalies'];

/** A job from its beginning to its end, tasks in random order. Tables that are not wanted are empty. */
export async function runJob(
  folder: string,
  captures: readonly CaptureRef[],
  config: JobConfig,
  next: () => number = () => 0,
  wanted = ALL_TABLES,
): Promise<Ended> {
  const place = new Workplace(folder);
  const queue = new InProcessQueue();
  const { job } = await startJob(place.store, queue, config, captures);
  await place.drain(queue, next);
  const summary = await place.summary(job.job);
  return { job: job.job, summary, tables: await readTables(folder, summary.files, wanted) };
}

/** Tables of a job, read back. */
export async function readTables(
  folder: string,
  files: JobSummary['files'],
  wanted: readonly TableName[] = ALL_TABLES,
): Promise<Tables> {
  const paths = Object.fromEntries(wanted.map((table) => [table, files[table].map((key) => join(folder, key))]));
  const open = await openResults(paths);
  try {
    const tables: Tables = perTable(() => []);
    for (const table of wanted) {
      const { columns, rows } = await open.runQuery(`SELECT * FROM ${table}`);
      tables[table] = rows.map((row) => Object.fromEntries(row.map((value, i) => [columns[i].name, value])));
    }
    return tables;
  } finally {
    open.close();
  }
}

/**
 * Rows in an order that does not depend on the files they were in: sessions by (ts_ns, uid), packets by their sessions
 * and there by time, other tables as they are.
 */
export function inOrder(table: TableName, rows: readonly Row[]): Row[] {
  if (table !== 'sessions' && table !== 'packets') return [...rows];
  const [first, second] = table === 'sessions' ? ['ts_ns', 'uid'] : ['uid', 'ts_ns'];
  const compare = (a: QueryValue, b: QueryValue): number => (a! < b! ? -1 : a! > b! ? 1 : 0);
  return rows.toSorted((a, b) => compare(a[first], b[first]) || compare(a[second], b[second]));
}

/** Columns that say where packets were captured: what cutting changes. */
export const PROVENANCE: Record<'sessions' | 'packets', readonly string[]> = {
  sessions: ['capture_first', 'capture_last', 'capture_count'],
  packets: ['capture', 'offset'],
};

/** Rows as lines of text, some columns left out: equal lines are equal rows. */
export function lines(rows: readonly Row[], without: readonly string[] = []): string[] {
  return rows.map((row) =>
    JSON.stringify(
      Object.fromEntries(Object.entries(row).filter(([name]) => !without.includes(name))),
      (_, value: unknown) => (typeof value === 'bigint' ? `${value}n` : value),
    ),
  );
}

/** Where two lists of lines differ first, in words; null when they are equal. */
export function firstDifference(actual: readonly string[], expected: readonly string[]): string | null {
  const end = Math.max(actual.length, expected.length);
  for (let i = 0; i < end; i++)
    if (actual[i] !== expected[i])
      return `row ${i} (of ${actual.length}, expected ${expected.length}):\n  is       ${actual[i]}\n  expected ${expected[i]}`;
  return null;
}
