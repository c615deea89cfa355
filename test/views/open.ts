/** Results over sessions made for a test. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { QueryValue } from '../../shared/query/queryresult.ts';
import { type OpenResults, openResults } from '../../shared/query/results.ts';
import { type Made, writeMade } from './made.ts';

/** Writes sessions into a Parquet file and opens it, until the end of the test. */
export async function openMade(t: TestContext, sessions: readonly Made[]): Promise<OpenResults> {
  const folder = mkdtempSync(join(tmpdir(), 'flowstitch-views-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'sessions.parquet');
  await writeMade(path, sessions);
  const open = await openResults({ sessions: [path] });
  t.after(() => open.close());
  return open;
}

/** The rows of a query over sessions made for it. */
export async function askMade(t: TestContext, sessions: readonly Made[], sql: string): Promise<QueryValue[][]> {
  return (await (await openMade(t, sessions)).runQuery(sql)).rows;
}
