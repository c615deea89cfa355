/** Answers of a query over open results. */
import type { CurrentJob } from '../../shared/job/dataset/currentjob.ts';
import type { QueryResult } from '../../shared/query/queryresult.ts';
import type { OpenTables } from '../../shared/query/results.ts';

/**
 * Runs SQL, and says why the table packets is empty to one who reads it.
 * @param command the one that makes such results
 * @returns the result of each query in it
 * @throws DuckDB's error, which names the place in the SQL; RefusedSql
 */
export async function answersOf(
  open: OpenTables,
  { files }: CurrentJob,
  query: string,
  command: 'run' | 'submit',
): Promise<QueryResult[]> {
  const answers = await open.runQueries(query);
  if (files.packets.length === 0 && open.readsEmpty(query, 'packets'))
    process.stderr.write(`note: the table packets is empty; flowstitch ${command} --packets fills it\n`);
  return answers;
}
