/** Results of a job over four days, in a folder and in a bucket, to be queried at both places. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { after, before, type TestContext } from 'node:test';
import { FileCache } from '../../../cli/sql/filecache.ts';
import { currentJob, queryJob } from '../../../cli/sql/newestresults.ts';
import { S3Results } from '../../../cli/sql/s3results.ts';
import type { QueryResult } from '../../../shared/query/queryresult.ts';
import { FakeS3 } from '../../store/fakes3.ts';
import { flowstitch, START_US, scratchFolder, udpCapture, writeFiles } from '../harness.ts';

const DAY_US = 86_400e6;
/** The days that the captures below begin on. */
export const DAYS = ['2023-11-14', '2023-11-15', '2023-11-16', '2023-11-17'];
let folder = '';

/** Results with sessions on four days, and packets. */
before(() => {
  folder = mkdtempSync(join(tmpdir(), 'flowstitch-s3results-'));
  const captures = DAYS.map((day, i) => [`in/${day}.pcap`, udpCapture(10, START_US + i * DAY_US, i + 1)]);
  writeFiles(folder, Object.fromEntries(captures));
  assert.equal(flowstitch(['run', 'in', '--out', 'out', '--packets'], { cwd: folder }).code, 0);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** A bucket with the results, below a prefix, and which of its files were read. */
export class Bucket {
  readonly fake: FakeS3;
  readonly cache: string;
  readonly results: S3Results;

  private constructor(fake: FakeS3, cache: string) {
    this.fake = fake;
    this.cache = cache;
    this.results = new S3Results('s3://results/a/', null, fake.client(), new FileCache(cache, 1e9));
  }

  static async start(t: TestContext): Promise<Bucket> {
    const fake = await FakeS3.start(t);
    const out = join(folder, 'out');
    for (const name of readdirSync(out, { recursive: true, encoding: 'utf8' })) {
      const path = join(out, name);
      if (!statSync(path).isFile() || name.startsWith('_flowstitch')) continue;
      fake.put(`a/${relative(out, path)}`, readFileSync(path));
    }
    return new Bucket(fake, scratchFolder(t));
  }

  async query(sql: string): Promise<QueryResult> {
    const jobs = await this.results.currentJobs();
    const [result] = await this.results.query('default', jobs.get('default')!, sql);
    return result;
  }

  /** Parquet files that were read since the last call: table and, where it has one, day. */
  read(): string[] {
    const files = this.fake.requests
      .filter(({ method, key }) => method === 'GET' && key.endsWith('.parquet'))
      .map(({ key }) => `${key.split('/')[1]} ${/dt=([\d-]+)/.exec(key)?.[1] ?? ''}`.trim());
    this.fake.requests.length = 0;
    return [...new Set(files)].sort();
  }
}

export async function expected(sql: string): Promise<QueryResult> {
  const out = join(folder, 'out');
  const [result] = await queryJob(out, await currentJob(out), sql);
  return result;
}
